"""What a run measures, with its parallel sentences found and identified before any time is spent."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from layerlab.data.artificial.corpora import artificial_sentence
from layerlab.data.artificial.ways import make_artificial
from layerlab.data.bitext import Bitext, TextForm, Texts, pairs_with
from layerlab.data.formats.bitext_files import find_parallel, parallel_languages, read_bitexts
from layerlab.data.sentences import Sentence
from layerlab.data.spec import Controlled, DataSpec
from layerlab.errors import DataError
from layerlab.files import digest_values
from layerlab.measures.options import MEASURES_VERSION, WEIGHT_MEASURES, Measures, Pooling, pooling_of
from layerlab.targets import TOGETHER, sources_of

CONTROLLED: Final = "controlled"
#: A language that is made of another one: its name, the other's, ways and seed.
Made = tuple[str, str, tuple[str, ...], int]


@dataclass(frozen=True)
class Measurement:
    """The measures of one run.

    Attributes:
        names: Measures as records name them, sorted.
        pooling: How a sentence's vector is made; None if measures differ in it, each after its definition.
        source: The source as the parallel sentences call it; of several languages joined, as in ``en+fr``.
        parallel: Folder or file of the parallel sentences, or ``controlled``; empty if none are needed.
        sentences: At most so many sentence pairs.
        texts: Each language that is paired with the source, a digest of the source's sentences and one of its
            own; where the source is several languages, so for each of them.
        text: What of parallel treebanks is read.
        made: Languages that are made of others: name, of which one, ways and seed.
    """

    names: tuple[str, ...]
    pooling: Pooling | None
    source: str
    parallel: str = ""
    sentences: int | None = None
    texts: tuple[tuple[str, str, str], ...] = ()
    text: TextForm = "words"  # what plans meant that did not say
    made: tuple[Made, ...] = ()

    @property
    def identity(self) -> dict[str, Any]:
        """What can change a number: the measures and the content of the sentences, not where they lie.

        Digests tell words from running text.
        """
        about: dict[str, Any] = {
            "version": MEASURES_VERSION,
            "names": list(self.names),
            "source": self.source,
        }
        if self.texts:
            pooling = self.pooling or {name: pooling_of(name) for name in self._of_states}
            about |= {"pooling": pooling, "texts": {name: digests for name, *digests in self.texts}}
        if len(sources_of(self.source)) > 1:
            about["texts"] = [list(row) for row in self.texts]
        return about

    @property
    def parts(self) -> Mapping[Pooling, Measurement]:
        """The measures by pooling; those of weights go with any."""
        if self.pooling is not None:
            return {self.pooling: self}
        names: dict[Pooling, list[str]] = {}
        for name in self._of_states:
            names.setdefault(pooling_of(name), []).append(name)
        return {pooling: replace(self, pooling=pooling, names=tuple(some)) for pooling, some in names.items()}

    @property
    def _of_states(self) -> tuple[str, ...]:
        return tuple(name for name in self.names if name not in WEIGHT_MEASURES)


def plan_measurement(measures: Measures, data: DataSpec, source: str, targets: Sequence[str]) -> Measurement:
    """Find the parallel sentences of a source and its targets, and digest them.

    Args:
        measures: What the study says.
        data: Where the corpora of the task are.
        source: Source language, perhaps with a treebank (``en:EWT``) or domain (``avin-news``), or several
            (``en+fr``), each of which is paired with the targets.
        targets: Likewise, to be paired with the source unless the measures name languages.

    Raises:
        DataError: There are no parallel sentences, or not in these languages; says which there are.
    """
    poolings: set[Pooling] = {
        pooling_of(name, measures.pooling) for name in measures.canonical if name not in WEIGHT_MEASURES
    }
    pooling: Pooling | None = None if len(poolings) > 1 else next(iter(poolings), "mean")
    if not poolings:
        return Measurement(measures.canonical, pooling, source)
    where = measures.parallel or (CONTROLLED if data.controlled is not None else "pud")
    place, there = _look(where, data.controlled)
    made = tuple(_made_there(data, there, place))
    there = (*there, *(name for name, *_ in made))
    hint = "the source is measured with its translations"
    spoken = tuple(dict.fromkeys(_names_there(there, sources_of(source), place, hint)))
    wanted = measures.languages or targets
    named = _names_there(there, wanted, place, "name those to be measured: measures.languages")
    others = tuple(dict.fromkeys(name for name in named if name not in spoken))
    if not others:
        raise DataError(
            f"nothing to pair {source} with: give the study targets, or name languages: measures.languages "
            f"({place} has {', '.join(there)})"
        )
    made = tuple(one for one in made if one[0] in (*spoken, *others))
    bitexts = _read_all(place, data.controlled, spoken, others, measures.sentences, measures.text, made)
    least = min(len(one) for one in bitexts)
    if least < 8:
        raise DataError(f"{place}: {least} sentence pairs are too few to measure; expected at least 8")
    digests, source = digest_bitexts(bitexts), TOGETHER.join(spoken)
    return Measurement(
        measures.canonical, pooling, source, place, measures.sentences, digests, measures.text, made
    )


@functools.lru_cache(maxsize=4)
def read_measured(measurement: Measurement, controlled: Controlled | None) -> tuple[Bitext, ...]:
    """Read the parallel sentences of a plan; a second request is answered from memory.

    Raises:
        DataError: They are not there, or have changed since the plan was made.
    """
    if not measurement.texts:
        return ()
    languages = tuple(dict.fromkeys(name for name, *_ in measurement.texts))
    sources, sentences = sources_of(measurement.source), measurement.sentences
    found = _read_all(
        measurement.parallel, controlled, sources, languages, sentences, measurement.text, measurement.made
    )
    if digest_bitexts(found) != measurement.texts:
        raise DataError(f"{measurement.parallel} has changed since the plan was made; plan and run again")
    return found


def digest_bitexts(bitexts: Iterable[Bitext]) -> tuple[tuple[str, str, str], ...]:
    """Return each target with a digest of the source's sentences and one of its own.

    Only what is read counts, words or running text: annotations change no state.
    """
    digests: dict[int, str] = {}
    rows = []
    for one in bitexts:
        for texts in (one.sources, one.targets):
            if id(texts) not in digests:
                digests[id(texts)] = _digest(texts)
        rows.append((one.target, digests[id(one.sources)], digests[id(one.targets)]))
    return tuple(rows)


def _digest(texts: Texts) -> str:
    return digest_values(text.words if isinstance(text, Sentence) else text for text in texts)


def _look(where: str, controlled: Controlled | None) -> tuple[str, tuple[str, ...]]:
    """Return the absolute place of parallel sentences, or ``controlled``, and the languages there."""
    if where != CONTROLLED:
        place = find_parallel(where).resolve()
        return str(place), parallel_languages(place)
    if controlled is None:
        raise DataError(
            "parallel: controlled makes sentences of the languages of data.controlled, which the study's "
            "data are not; give a folder (<language>/test.conllu, joined by sent_id), a .tsv, pud or tatoeba"
        )
    from layerlab.languages.family import find_family, known_languages

    return CONTROLLED, known_languages(find_family(controlled.family))


def _names_there(there: Sequence[str], wanted: Sequence[str], place: str, hint: str) -> tuple[str, ...]:
    """Return what the parallel sentences call languages, treebanks and domains left off."""
    found = {}
    for name in wanted:
        language, _, domain = name.rpartition("-") if place == CONTROLLED else (name, "", "")
        calls = (name, name.partition(":")[0], language if domain else name)
        found[name] = next((call for call in calls if call in there), None)
    lacking = [name for name, call in found.items() if call is None]
    if lacking:
        raise DataError(
            f"no parallel sentences in {', '.join(lacking)} at {place}; there are "
            f"{', '.join(there) or 'none'}; {hint}"
        )
    return tuple(call for call in found.values() if call is not None)


def _read_all(
    place: str,
    controlled: Controlled | None,
    sources: Sequence[str],
    languages: Sequence[str],
    sentences: int | None,
    text: TextForm,
    made: Sequence[Made] = (),
) -> tuple[Bitext, ...]:
    """Pair each language of the source with the others, those that are made of others after the rest.

    Raises:
        DataError: The source is made of another language.
    """
    real = [name for name in languages if name not in {one for one, *_ in made}]
    found: list[Bitext] = []
    for source in sources:
        if source in (name for name, *_ in made):
            raise DataError(f"{source} is made of another language; expected a source that is none")
        if real:
            found += _read(place, controlled, source, real, sentences, text)
        read = functools.cache(partial(_read_one, place, controlled, sentences, text, source))
        found += (_made_pair(read(of), name, of, ways, seed) for name, of, ways, seed in made)
    return tuple(found)


def _made_there(data: DataSpec, there: Sequence[str], place: str) -> Iterator[Made]:
    """Yield the languages of a study that are made of others which have parallel sentences."""
    for name, one in data.artificial.items():
        try:
            (of,) = _names_there(there, (one.of,), place, "")
        except DataError:
            continue
        yield name, of, one.ways, one.seed


def _made_pair(read: Bitext, name: str, of: str, ways: Sequence[str], seed: int) -> Bitext:
    """Pair a language with one that is made of another, or of itself, from its pair with that one."""
    real = read.sources if of == read.source else read.targets
    return Bitext(read.source, name, read.sources, tuple(_artificial(one, ways, seed) for one in real))


def _read_one(
    place: str,
    controlled: Controlled | None,
    sentences: int | None,
    text: TextForm,
    source: str,
    other: str,
) -> Bitext:
    """Pair a language with another one, or with any where that is itself."""
    if place == CONTROLLED and controlled is not None and other == source:
        spoken = _speak(controlled, source, sentences)
        return Bitext(source, source, spoken, spoken)
    others = () if other == source else (other,)
    return _read(place, controlled, source, others, sentences, text)[0]


def _artificial(one: Sentence | str, ways: Sequence[str], seed: int) -> Sentence | str:
    if isinstance(one, str):
        return make_artificial(one, ways, seed)
    return artificial_sentence(one, ways, seed)


def _read(
    place: str,
    controlled: Controlled | None,
    source: str,
    languages: Sequence[str],
    sentences: int | None,
    text: TextForm,
) -> tuple[Bitext, ...]:
    if place != CONTROLLED:
        return read_bitexts(place, languages, source, sentences=sentences, text=text)
    assert controlled is not None
    return pairs_with(
        {name: _speak(controlled, name, sentences) for name in (source, *languages)}, languages, source
    )


def _speak(controlled: Controlled, language: str, sentences: int | None) -> tuple[Sentence, ...]:
    """Give the first test sentences of a controlled language, parallel also where the study's are not."""
    from layerlab.languages.corpora.on_demand import speak

    size = sentences or controlled.test
    return speak(language, "test", size, controlled.seed, ("test",), controlled.family)
