"""Where the words and sentences are that two encoders are aligned on, identified before time is spent."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from layerlab.data.bitext import TextForm
from layerlab.data.formats.bitext_files import find_parallel, read_bitexts
from layerlab.data.formats.dictionaries import read_dictionary
from layerlab.data.formats.word_links import read_links
from layerlab.data.sentences import Sentence
from layerlab.data.spec import Controlled, DataSpec
from layerlab.errors import DataError
from layerlab.files import digest_values
from layerlab.nodes.kinds.evaluation.measurement import CONTROLLED

if TYPE_CHECKING:
    from layerlab.measures.alignment.material import Material

#: The stream of meanings of controlled sentences that maps are fitted on; no split of a task has it.
_STREAM = "aligned"


class Ground(BaseModel):
    """Where the material of one pair of languages is.

    Attributes:
        source: The one language.
        target: The other.
        parallel: Folder or file of parallel sentences, or ``controlled``.
        controlled: The controlled languages, if it is these.
        dictionary: File of a dictionary in the format of MUSE.
        links: File of word alignments in the format of Pharaoh, of all parallel sentences.
        sentences: At most so many sentence pairs.
        text: What of parallel treebanks is read of a sentence as a whole.
        digest: Stands for the content; empty before it was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    target: str
    parallel: str
    controlled: Controlled | None = None
    dictionary: Path | None = None
    links: Path | None = None
    sentences: int
    text: TextForm = "raw"
    digest: str = ""

    def identified(self) -> Ground:
        """Return the same with its digest.

        Raises:
            DataError: Something is not there or cannot be read.
        """
        return self.model_copy(update={"digest": digest_material(read_ground(self))})

    def read(self) -> Material:
        """Read the material, if it is still that of the plan.

        Raises:
            DataError: It has changed, or cannot be read.
        """
        found = read_ground(self)
        if self.digest and digest_material(found) != self.digest:
            raise DataError(f"{self.parallel} has changed since the plan was made; plan and run again")
        return found


def find_ground(
    source: str,
    target: str,
    data: DataSpec,
    sentences: int,
    *,
    parallel: str | None = None,
    dictionary: Path | None = None,
    links: Path | None = None,
    text: TextForm = "raw",
) -> Ground:
    """Find the material of a pair of languages.

    Args:
        source: The one language.
        target: The other.
        data: Where the corpora of tasks are; its controlled languages are the default.
        sentences: At most so many sentence pairs.
        parallel: Parallel sentences, as ``layerlab measure`` takes them; by default ``controlled`` where the
            data are, else ``pud``.
        dictionary: A dictionary; controlled languages have their own.
        links: Word alignments; likewise.
        text: What of parallel treebanks is read of a sentence as a whole.

    Raises:
        DataError: There are no parallel sentences.
    """
    where = parallel or (CONTROLLED if data.controlled is not None else "pud")
    if where == CONTROLLED and data.controlled is None:
        raise DataError("parallel: controlled needs controlled languages, which the data are not")
    return Ground(
        source=source,
        target=target,
        parallel=where if where == CONTROLLED else str(find_parallel(where).resolve()),
        controlled=data.resolved().controlled if where == CONTROLLED else None,
        dictionary=None if dictionary is None else dictionary.resolve(),
        links=None if links is None else links.resolve(),
        sentences=sentences,
        text=text,
    )


@functools.lru_cache(maxsize=4)
def read_ground(ground: Ground) -> Material:
    """Read the material of a pair of languages; a second request is answered from memory.

    Raises:
        DataError: Something is not there or cannot be read.
    """
    from layerlab.measures.alignment.material import Material

    dictionary = () if ground.dictionary is None else read_dictionary(ground.dictionary)
    if ground.controlled is not None:
        return _spoken(ground, ground.controlled, dictionary)
    sentences = None if ground.links is not None else ground.sentences
    where, languages = ground.parallel, (ground.target,)
    bitext, worded = (  # as a whole, and as words
        read_bitexts(where, languages, ground.source, sentences=sentences, text=text)[0]
        for text in (ground.text, "words")
    )
    sides = [
        tuple(one for one in side if isinstance(one, Sentence)) for side in (worded.sources, worded.targets)
    ]
    words = (sides[0], sides[1]) if all(len(side) == len(bitext) for side in sides) else None
    material = Material(bitext, None, (), dictionary, words)
    if ground.links is None:
        return material
    lengths = [(len(here.words), len(there.words)) for here, there in zip(*material.worded, strict=True)]
    links = read_links(ground.links, lengths)
    return Material(bitext, links, (), dictionary, words).some(ground.sentences)


def _spoken(ground: Ground, controlled: Controlled, dictionary: tuple[tuple[str, str], ...]) -> Material:
    """Say the sentences of controlled languages."""
    from layerlab.languages.corpora.dictionary import bilingual_dictionary
    from layerlab.languages.corpora.translations import translations
    from layerlab.languages.family import find_family
    from layerlab.measures.alignment.material import Material

    family = find_family(controlled.family)
    source, target, seed = ground.source, ground.target, f"{controlled.seed}-{_STREAM}"
    said = translations(source, target, ground.sentences, seed, family=family)
    entries = dictionary or tuple(
        (entry.source, entry.target) for entry in bilingual_dictionary(source, target, family=family)
    )
    return Material(said.bitext, said.links, said.concepts, entries)


def digest_material(material: Material) -> str:
    """Return 16 hexadecimal digits that stand for what two encoders are aligned on."""
    texts = [
        [one.words if isinstance(one, Sentence) else one for one in side]
        for side in (material.bitext.sources, material.bitext.targets)
    ]
    words = [[one.words for one in side] for side in material.worded]
    return digest_values([texts, words, material.links, material.meanings, material.dictionary])
