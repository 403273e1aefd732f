"""Sentences and their translations, from every format they come in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from layerlab.data.bitext import Bitext, TextForm, Texts, in_form, pairs_with
from layerlab.data.corpus_folders import find_file, languages_in
from layerlab.data.formats.lines import read_lines
from layerlab.data.formats.parallel_lines import read_by_id, read_sentences
from layerlab.data.formats.parallel_treebanks import read_parallel
from layerlab.data.formats.verses import read_verses, verse_files
from layerlab.errors import DataError, unknown

#: Folders below ``LAYERLAB_DATA`` that may be called by name.
NAMED = ("pud", "tatoeba", "bible")

_TATOEBA = "tatoeba.*-eng.eng"

#: ISO 639-3 codes, by which Tatoeba's files are named, of the ISO 639-1 codes of its retrieval test sets.
_ISO_639_3: Mapping[str, str] = {
    "af": "afr", "ar": "ara", "bg": "bul", "bn": "ben", "cs": "ces", "da": "dan", "de": "deu",
    "el": "ell", "en": "eng", "es": "spa", "et": "est", "eu": "eus", "fa": "pes", "fi": "fin",
    "fr": "fra", "gl": "glg", "he": "heb", "hi": "hin", "hu": "hun", "id": "ind", "is": "isl",
    "it": "ita", "ja": "jpn", "ka": "kat", "kk": "kaz", "ko": "kor", "ml": "mal", "mr": "mar",
    "nl": "nld", "no": "nob", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus", "sl": "slv",
    "sv": "swe", "sw": "swh", "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl", "tr": "tur",
    "uk": "ukr", "ur": "urd", "vi": "vie", "zh": "cmn",
}  # fmt: skip


def read_bitexts(
    where: str | Path,
    languages: Sequence[str] = (),
    pair_with: str = "en",
    *,
    sentences: int | None = None,
    text: TextForm = "raw",
) -> tuple[Bitext, ...]:
    """Read the bitexts of one language with others.

    Args:
        where: One of

            * ``pud``, ``tatoeba`` or ``bible``, folders of these names below the folder ``LAYERLAB_DATA``;
            * a folder of parallel treebanks (``<lang>.conllu`` or ``<lang>/test.conllu``), joined by
              ``sent_id``;
            * a folder of Tatoeba's line-parallel files ``tatoeba.<xxx>-eng.<xxx>`` and ``.eng``;
            * a folder of verses ``<lang>.tsv``, lines of id TAB text, as `layerlab.data.formats.verses` joins
              them;
            * a ``.tsv`` with a column a language, whose first line names them.
        languages: The other languages; all that are there by default.
        pair_with: The one language that each is paired with, the source of every bitext.
        sentences: At most so many sentence pairs, spread evenly.
        text: What of treebanks is read: ``raw`` for the lines ``# text`` of each file in which every sentence
            has one, and the words of other files; ``words`` for the words of all.

    Raises:
        DataError: No such place or language, or sentences that do not correspond.
    """
    place = find_parallel(where)
    others = tuple(language for language in languages if language != pair_with)
    if place.is_file():
        return pairs_with(read_table(place), others, pair_with, sentences)
    if any(place.glob(_TATOEBA)):
        return _tatoeba(place, others, pair_with, sentences)
    if verse_files(place):
        return read_verses(place, others, pair_with, sentences)
    there = languages_in(place, {}, ("conllu",))
    if pair_with not in there:
        raise DataError(f"{place}: {unknown('language', pair_with, there)}")
    chosen = (pair_with, *(others or (language for language in there if language != pair_with)))
    files = {language: find_file(place, {}, language, "test", ("conllu",)) for language in chosen}
    return pairs_with(in_form(read_parallel(files), text), others, pair_with, sentences)


def find_parallel(where: str | Path) -> Path:
    """Return the folder or file that holds parallel sentences; see `read_bitexts`.

    Raises:
        DataError: There is none.
    """
    path = Path(where)
    if path.exists():
        return path
    root = os.environ.get("LAYERLAB_DATA")
    if str(where) in NAMED and root and (Path(root) / where).is_dir():
        return Path(root) / where
    hint = "; set LAYERLAB_DATA to the folder that holds it" if str(where) in NAMED else ""
    raise DataError(f"no parallel sentences at {str(where)!r}: expected a folder or a .tsv file{hint}")


def parallel_languages(place: Path) -> tuple[str, ...]:
    """Return the languages that a folder or file of parallel sentences has.

    Raises:
        DataError: A file that is no table of languages.
    """
    if place.is_file():
        return tuple(read_table(place))
    if any(place.glob(_TATOEBA)):
        return ("en", *_tatoeba_languages(place))
    if verses := verse_files(place):
        return tuple(verses)
    return languages_in(place, {}, ("conllu",))


def read_aligned(paths: Mapping[str, str | Path], text: TextForm = "raw") -> Mapping[str, Texts]:
    """Read one file a language and join them; sentences that one of them lacks are left out.

    Args:
        paths: Language to its file, all of one kind: ``.conllu``, joined by ``sent_id``; ``.tsv`` (id TAB
            text), joined by id; ``.txt``, in which lines of the same number correspond. The last two may be
            ``.xz``.
        text: What of ``.conllu`` is read, as in `read_bitexts`.

    Raises:
        DataError: Files of different or unknown kinds, with nothing in common, or with lines that do not
            correspond.
    """
    kinds = {Path(path).name.removesuffix(".xz").rpartition(".")[2] for path in paths.values()}
    if len(kinds) != 1 or not kinds <= {"conllu", "tsv", "txt"}:
        raise DataError(
            f"parallel files are .{', .'.join(sorted(kinds))}; "
            "expected all to be .conllu, all .tsv or all .txt"
        )
    kind = kinds.pop()
    if kind == "conllu":
        return in_form(read_parallel(paths, partial=True), text)
    if kind == "txt":
        lines = {language: read_sentences(Path(path)) for language, path in paths.items()}
        lengths = {len(texts) for texts in lines.values()}
        if len(lengths) > 1:
            told = ", ".join(f"{language} has {len(texts)}" for language, texts in lines.items())
            raise DataError(f"parallel text files need equal numbers of lines; {told}")
        return {language: tuple(texts) for language, texts in lines.items()}
    by_id = {language: read_by_id(Path(path)) for language, path in paths.items()}
    first = next(iter(by_id.values()))
    names = [name for name in first if all(name in texts for texts in by_id.values())]
    if not names:
        raise DataError(f"no id is common to {', '.join(str(path) for path in paths.values())}")
    return {language: tuple(texts[name] for name in names) for language, texts in by_id.items()}


def read_table(path: Path) -> Mapping[str, Texts]:
    """Read a ``.tsv`` with a column a language; its first line names them, ``id`` being no language.

    Raises:
        DataError: A line of another number of columns or with an empty one, or fewer than two languages.
    """
    rows = [line.split("\t") for line in read_lines(path) if line.strip()]
    header = rows[0]
    if len(set(header) - {"id"}) < 2:
        raise DataError(f"{path}:1: expected the languages of at least two columns, got {rows[0]}")
    for number, row in enumerate(rows, 1):
        if len(row) != len(header) or not all(cell.strip() for cell in row):
            empty = sum(not cell.strip() for cell in row)
            raise DataError(
                f"{path}:{number}: expected {len(header)} columns ({', '.join(header)}), none of them empty; "
                f"got {len(row)}, {empty} of them empty"
            )
    return {
        name: tuple(row[column] for row in rows[1:]) for column, name in enumerate(header) if name != "id"
    }


def _tatoeba(
    folder: Path, languages: Sequence[str], pair_with: str, sentences: int | None
) -> tuple[Bitext, ...]:
    if pair_with not in {"en", "eng"}:
        raise DataError(f"Tatoeba's test sets pair every language with English, not with {pair_with!r}")
    there = _tatoeba_languages(folder)
    found: list[Bitext] = []
    for language in languages or there:
        code = _ISO_639_3.get(language, language)
        if code not in {_ISO_639_3.get(one, one) for one in there}:
            raise DataError(f"{folder}: {unknown('language', language, there)}")
        stem = folder / f"tatoeba.{code}-eng"
        files = {pair_with: f"{stem}.eng", language: f"{stem}.{code}"}
        lines = {name: read_sentences(Path(file)) for name, file in files.items()}
        if len(lines[pair_with]) != len(lines[language]):
            told = " and ".join(f"{files[name]} has {len(texts)}" for name, texts in lines.items())
            raise DataError(f"lines of translations correspond, but {told}")
        found += pairs_with(lines, (language,), pair_with, sentences)
    return tuple(found)


def _tatoeba_languages(folder: Path) -> list[str]:
    """List the languages beside English, by their short codes where they have one."""
    short = {code: name for name, code in _ISO_639_3.items()}
    codes = sorted(path.name.split(".")[1].partition("-")[0] for path in folder.glob(_TATOEBA))
    return [short.get(code, code) for code in codes]
