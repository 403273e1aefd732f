"""A check of CoNLL-U against the rules of Universal Dependencies, written without the generator's code.

It follows levels 1 to 3 of UD's own validator (https://github.com/UniversalDependencies/tools, validate.py)
for what can occur in treebanks without multiword tokens, empty nodes and enhanced graphs. It reads text and
knows nothing of languages, meanings or layerlab's types.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

UPOS = frozenset(
    {
        *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN"),
        *("PUNCT", "SCONJ", "SYM", "VERB", "X"),
    }
)
RELATIONS = frozenset(
    {
        *("acl", "advcl", "advmod", "amod", "appos", "aux", "case", "cc", "ccomp", "clf", "compound", "conj"),
        *("cop", "csubj", "dep", "det", "discourse", "dislocated", "expl", "fixed", "flat", "goeswith"),
        *("iobj", "list", "mark", "nmod", "nsubj", "nummod", "obj", "obl", "orphan", "parataxis", "punct"),
        *("reparandum", "root", "vocative", "xcomp"),
    }
)
SUBTYPES = frozenset({"acl:relcl", "nmod:poss"})
# Relations that fix the class of the dependent (level 3, rel-upos-*).
CLASSES = {
    "det": {"DET", "PRON"},
    "nummod": {"NUM", "NOUN", "SYM"},
    "advmod": {"ADV", "ADJ", "CCONJ", "DET", "PART", "SYM"},
    "expl": {"PRON", "DET", "PART"},
    "aux": {"AUX"},
    "cop": {"AUX", "PRON", "DET", "SYM"},
    "punct": {"PUNCT"},
    "amod": {"ADJ", "VERB", "NUM", "DET"},
    "flat": {"PROPN", "NOUN", "ADJ", "ADP", "DET", "NUM", "X"},
    "discourse": {"INTJ", "PART", "ADV", "SYM"},
}
# Relations that exclude classes of the dependent.
EXCLUDED = {
    "case": {"PROPN", "ADJ", "PRON", "DET", "NUM", "AUX"},
    "mark": {"NOUN", "PROPN", "ADJ", "PRON", "DET", "NUM", "VERB", "AUX", "INTJ"},
    "cc": {"NOUN", "PROPN", "ADJ", "PRON", "DET", "NUM", "VERB", "AUX", "INTJ"},
}
# Classes that have one relation where no exception of the guidelines (fixed, conj, ellipsis) occurs.
USED_AS = {
    "PUNCT": {"punct"},
    "DET": {"det"},
    "ADP": {"case", "mark"},
    "CCONJ": {"cc"},
    "SCONJ": {"mark"},
    "AUX": {"aux", "cop"},
    "INTJ": {"discourse"},
    "NUM": {"nummod"},
}
# What may hang on a function word (level 3, leaf-*).
LEAVES = {
    "mark": {"advmod", "obl", "goeswith", "fixed", "reparandum", "conj", "cc", "punct"},
    "case": {"advmod", "obl", "goeswith", "fixed", "reparandum", "conj", "cc", "punct"},
    "aux": {"goeswith", "fixed", "reparandum", "conj", "cc", "punct"},
    "cop": {"goeswith", "fixed", "reparandum", "conj", "cc", "punct"},
    "cc": {"goeswith", "fixed", "reparandum", "conj", "punct"},
    "det": {"advmod", "goeswith", "fixed", "reparandum", "conj", "cc", "punct"},
    "fixed": {"goeswith", "reparandum", "conj", "punct"},
    "goeswith": set(),
    "punct": set(),
}
NOMINALS = {"NOUN", "PROPN", "PRON", "NUM", "SYM", "X"}
# Relations whose dependent is nominal, and those whose parent is.
NOMINAL_DEPENDENT = {"nsubj", "obj", "iobj", "obl", "nmod"}
NOMINAL_PARENT = {"det", "amod", "nummod", "nmod", "acl", "case"}
CLAUSES = {"acl", "advcl", "ccomp", "csubj", "xcomp"}
LEFT_TO_RIGHT = {"conj", "fixed", "flat", "goeswith", "appos"}
FEATURE = re.compile(r"[A-Z][A-Za-z0-9]*(\[[a-z0-9]+\])?=[A-Z0-9][A-Za-z0-9]*(,[A-Z0-9][A-Za-z0-9]*)*")
VALUES = {
    "Case": {"Nom", "Acc", "Gen", "Dat", "Loc", "Abl", "Ins"},
    "Definite": {"Def", "Ind"},
    "Gender": {"Masc", "Fem", "Neut"},
    "Mood": {"Ind"},
    "Number": {"Sing", "Plur"},
    "NumForm": {"Digit", "Word"},
    "NumType": {"Card"},
    "Person": {"1", "2", "3"},
    "Polarity": {"Neg"},
    "Poss": {"Yes"},
    "PronType": {"Art", "Dem", "Ind", "Prs", "Rel", "Tot"},
    "Tense": {"Past", "Pres", "Fut"},
    "VerbForm": {"Fin", "Inf"},
}


@dataclass(frozen=True)
class Word:
    """A line of CoNLL-U."""

    id: int
    form: str
    lemma: str
    upos: str
    xpos: str
    feats: str
    head: int
    deprel: str
    deps: str
    misc: str

    @property
    def relation(self) -> str:
        return self.deprel.partition(":")[0]


def violations(text: str) -> Iterator[str]:
    """Give every rule that a CoNLL-U file breaks, with the name of the sentence."""
    if not text.endswith("\n\n"):
        yield "the file does not end in an empty line"
    names = set()
    for block in text.removesuffix("\n\n").split("\n\n"):
        lines = block.split("\n")
        comments = dict(
            line.removeprefix("# ").split(" = ", 1)
            for line in lines
            if line.startswith("# ") and " = " in line
        )
        name = comments.get("sent_id", "")
        if not name or re.search(r"\s", name) or name in names:
            yield f"{name}: sent_id is missing, has a space or occurs twice"
        names.add(name)
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        for found in sentence_violations(rows, comments.get("text", "")):
            yield f"{name}: {found}"


def sentence_violations(rows: list[list[str]], text: str) -> Iterator[str]:
    """Give every rule that one sentence breaks."""
    lines = list(_line_violations(rows))
    yield from lines
    if lines:
        return
    words = [Word(int(r[0]), *r[1:6], int(r[6]), *r[7:]) for r in rows]  # type: ignore[call-arg,arg-type]
    shown = "".join(word.form + ("" if word.misc == "SpaceAfter=No" else " ") for word in words)
    if shown.rstrip() != text:
        yield "text is not the words"
    tree = list(_tree_violations(words))
    yield from tree
    if tree:
        return
    children: dict[int, list[Word]] = {word.id: [] for word in words}
    for word in words:
        if word.head:
            children[word.head].append(word)
    for word in words:
        parent = words[word.head - 1] if word.head else None
        yield from _class_violations(word, parent, children[word.id])
        yield from _order_violations(word, parent)
        yield from _dependent_violations(word, children[word.id])
        if word.relation == "punct":
            yield from _punct_violations(word, words)


def _line_violations(rows: list[list[str]]) -> Iterator[str]:
    """Levels 1 and 2: columns, numbers, values and features."""
    for number, columns in enumerate(rows, start=1):
        if len(columns) != 10 or not all(columns):
            yield f"line {number}: not ten columns with something in each"
            return
        if columns[0] != str(number):
            yield f"line {number}: ids are not contiguous"
        if any(
            column != column.strip() or unicodedata.normalize("NFC", column) != column for column in columns
        ):
            yield f"line {number}: space at an end, or not NFC"
        if any(" " in column for column in columns):
            yield f"line {number}: a space inside a column"
        if columns[3] not in UPOS:
            yield f"line {number}: unknown class {columns[3]}"
        if columns[7] not in RELATIONS | SUBTYPES:
            yield f"line {number}: unknown relation {columns[7]}"
        if not re.fullmatch(r"0|[1-9][0-9]*", columns[6]) or not 0 <= int(columns[6]) <= len(rows):
            yield f"line {number}: no such head {columns[6]}"
        if columns[9] not in ("_", "SpaceAfter=No"):
            yield f"line {number}: MISC {columns[9]}"
        yield from _feature_violations(number, columns[5])


def _feature_violations(number: int, feats: str) -> Iterator[str]:
    if feats == "_":
        return
    features = feats.split("|")
    names = [feature.partition("=")[0] for feature in features]
    if names != sorted(set(names), key=str.lower):
        yield f"line {number}: features are not sorted, or twice: {feats}"
    for feature in features:
        name, _, value = feature.partition("=")
        if not FEATURE.fullmatch(feature) or value not in VALUES.get(name, ()):
            yield f"line {number}: unknown feature {feature}"


def _tree_violations(words: list[Word]) -> Iterator[str]:
    """Level 2: one root, and every word reaches it."""
    roots = [word for word in words if word.head == 0]
    if len(roots) != 1:
        yield f"{len(roots)} roots"
    for word in words:
        if (word.head == 0) != (word.deprel == "root"):
            yield f"word {word.id}: head {word.head} with relation {word.deprel}"
        if len(_ancestors(word, words)) > len(words):
            yield f"word {word.id}: in a cycle"


def _ancestors(word: Word, words: list[Word]) -> list[int]:
    """Give the ids above a word, from its head on; more than there are words if it is in a cycle."""
    above: list[int] = []
    while word.head and len(above) <= len(words):
        above.append(word.head)
        word = words[word.head - 1]
    return above


def _class_violations(word: Word, parent: Word | None, children: list[Word]) -> Iterator[str]:
    """Level 3: classes and relations that go together."""
    if word.relation in CLASSES and word.upos not in CLASSES[word.relation]:
        yield f"word {word.id}: {word.deprel} is {word.upos}"
    if word.upos in EXCLUDED.get(word.relation, ()):
        yield f"word {word.id}: {word.deprel} is {word.upos}"
    if word.upos in USED_AS and word.relation not in USED_AS[word.upos]:
        yield f"word {word.id}: {word.upos} is {word.deprel}"
    if word.upos == "PUNCT" and any(character.isalnum() for character in word.form):
        yield f"word {word.id}: PUNCT {word.form}"
    if word.upos != "PUNCT" and not any(character.isalnum() for character in word.form):
        yield f"word {word.id}: {word.upos} without a letter: {word.form}"
    if word.relation in NOMINAL_DEPENDENT and word.upos not in NOMINALS:
        yield f"word {word.id}: {word.deprel} is {word.upos}"
    if parent is not None and word.relation in NOMINAL_PARENT and parent.upos not in NOMINALS:
        yield f"word {word.id}: {word.deprel} under {parent.upos}"
    if word.relation in {"aux", "cop", "mark"} and parent is not None:
        clausal = parent.relation in CLAUSES | {"root", "conj", "parataxis"}
        if not clausal:
            yield f"word {word.id}: {word.deprel} under {parent.deprel}, no clause"
    bare = not any(child.relation in {"cop", "nsubj", "mark"} for child in children)
    if word.relation in CLAUSES and word.upos not in {"VERB", "ADJ"} and bare:
        yield f"word {word.id}: {word.deprel} is {word.upos} with nothing of a clause"
    finite = "VerbForm=Fin" in word.feats.split("|")
    if finite and word.upos not in {"VERB", "AUX"}:
        yield f"word {word.id}: {word.upos} with VerbForm"
    if word.relation == "xcomp" and finite:
        yield f"word {word.id}: xcomp is finite"


def _order_violations(word: Word, parent: Word | None) -> Iterator[str]:
    if parent is None:
        return
    if word.relation in LEFT_TO_RIGHT and word.id < parent.id:
        yield f"word {word.id}: {word.deprel} from right to left"
    if word.relation == "cc" and (parent.relation != "conj" or word.id > parent.id):
        yield f"word {word.id}: cc that does not precede its conjunct"


def _dependent_violations(word: Word, children: list[Word]) -> Iterator[str]:
    """Level 3: leaves, and what a predicate can have once."""
    if word.relation in LEAVES:
        for child in children:
            if child.relation not in LEAVES[word.relation]:
                yield f"word {word.id}: {word.deprel} has the dependent {child.deprel}"
    if word.relation == "flat" and any(child.relation == "flat" for child in children):
        yield f"word {word.id}: flat under flat"
    relations = [child.relation for child in children]
    subjects = sum(relation in {"nsubj", "csubj"} for relation in relations)
    if subjects > 1:
        yield f"word {word.id}: {subjects} subjects"
    if word.relation == "xcomp" and subjects:
        yield f"word {word.id}: xcomp with a subject"
    for once in ("obj", "iobj", "cop", "det"):
        if relations.count(once) > 1:
            yield f"word {word.id}: {relations.count(once)} {once}"
    if sum(relation in {"ccomp", "obj"} for relation in relations) > 1:
        yield f"word {word.id}: obj and ccomp"


def _punct_violations(word: Word, words: list[Word]) -> Iterator[str]:
    """Level 3: punctuation neither is nor causes a gap."""
    if _gap(word, words):
        yield f"word {word.id}: punct is not projective"
    for other in words:
        spans = other.head and min(other.id, other.head) < word.id < max(other.id, other.head)
        if spans and other.head not in (word.head, *_ancestors(word, words)):
            yield f"word {word.id}: punct in a gap of word {other.id}"


def _gap(word: Word, words: list[Word]) -> list[int]:
    low, high = sorted((word.id, word.head))
    between = words[low : high - 1]
    return [other.id for other in between if word.head not in _ancestors(other, words)]


def is_projective(text: str) -> bool:
    """Return whether no tree of a CoNLL-U file has crossing branches."""
    for block in text.removesuffix("\n\n").split("\n\n"):
        rows = [line.split("\t") for line in block.split("\n") if not line.startswith("#")]
        words = [Word(int(r[0]), *r[1:6], int(r[6]), *r[7:]) for r in rows]  # type: ignore[call-arg,arg-type]
        if any(word.head and _gap(word, words) for word in words):
            return False
    return True
