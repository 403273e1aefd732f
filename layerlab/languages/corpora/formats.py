"""Sentences as lines of CoNLL-U, IOB2, TSV and plain text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from layerlab.errors import DataError
from layerlab.languages.scripts import SCRIPTS
from layerlab.languages.speech.realisation import Said


def to_conllu(said: Iterable[Said]) -> Iterator[str]:
    """Yield sentences in CoNLL-U, each with its empty line: lemma, class, features and tree of every word."""
    for one in said:
        sentence, marks = one.sentence, SCRIPTS[one.script]
        closing = {marks.stop, marks.question, marks.comma}
        lines = [_comments(one)]
        following = (*sentence.words[1:], "")
        annotation = zip(
            one.lemmas, sentence.upos, one.features, sentence.heads, sentence.relations, strict=True
        )
        for number, (word, after, (lemma, upos, features, head, relation)) in enumerate(
            zip(sentence.words, following, annotation, strict=True), start=1
        ):
            glued = bool(after) and (after in closing or not marks.spaces)
            misc = "SpaceAfter=No" if glued else "_"
            lines.append(f"{number}\t{word}\t{lemma}\t{upos}\t_\t{features}\t{head}\t{relation}\t_\t{misc}\n")
        yield "".join((*lines, "\n"))


def to_iob2(said: Iterable[Said]) -> Iterator[str]:
    """Yield sentences in IOB2 with the columns number, word and tag."""
    for one in said:
        words, tags = one.sentence.words, one.sentence.entities
        rows = "".join(
            f"{number}\t{word}\t{tag}\n"
            for number, (word, tag) in enumerate(zip(words, tags, strict=True), 1)
        )
        yield f"{_comments(one)}{rows}\n"


def to_text(documents: Iterable[Sequence[Said]], n_sentences: int) -> Iterator[str]:
    """Yield documents as plain text, one a line, until the number of sentences is reached."""
    written = 0
    for document in documents:
        if written >= n_sentences:
            return
        written += len(document)
        space = " " if SCRIPTS[document[0].script].spaces else ""
        yield space.join(one.text for one in document) + "\n"


def to_tsv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    r"""Yield a table with a header as tab-separated lines.

    >>> list(to_tsv(("source", "target"), [("ta", "ko")]))
    ['source\ttarget\n', 'ta\tko\n']

    Raises:
        DataError: A value has a tab or a line break, which a reader would take for the end of a column.
    """
    yield "\t".join(columns) + "\n"
    for row in rows:
        line = "\t".join(row)
        if line.count("\t") != len(columns) - 1 or "\n" in line:
            raise DataError(f"got the row {tuple(row)!r}; expected {len(columns)} values without tabs")
        yield line + "\n"


def _comments(said: Said) -> str:
    return f"# sent_id = {said.sentence.sent_id}\n# text = {said.text}\n"
