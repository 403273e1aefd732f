"""Entity tags: the schemes they come in, and their reading as IOB2."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from layerlab.data.checks import bare

StrayTags = Literal["rare", "begin"]
Rows = Sequence[Sequence[str]]

# Published gold files hold a few discontinuous or mistyped entities (Universal NER Danish: 7 in 3,700);
# files in another scheme, such as IOB1 or IO, hold stray tags wherever an entity begins.
RARE = 0.01

NO_MAP: Mapping[str, str] = MappingProxyType({})

# Schemes other than IOB2 by their prefixes, the one with the fewest first.
SCHEMES: Mapping[str, frozenset[str]] = {
    "IOE": frozenset("IE"), "IOBES": frozenset("BIES"), "BILOU": frozenset("BILU"),
    "BMES": frozenset("BMES"), "BMEWO": frozenset("BMEW"),
}  # fmt: skip
_LETTERS = frozenset("BIESLUMW")
_ALONE, _LAST = frozenset("SUW"), frozenset("ELSUW")


@dataclass(frozen=True)
class TagOptions:
    """How a study wants entity tags to be read.

    Attributes:
        tag_map: Whole tags or entity types to replace: ``{"OTH": "O", "-": "O", "GPE": "LOC"}`` turns
            ``B-OTH`` and ``-`` to ``O``, and ``I-GPE`` to ``I-LOC``. A whole tag goes first.
        stray_tags: What becomes of an ``I-X`` that follows no ``B-X`` or ``I-X``. ``rare``: it is kept
            as it is, which strict scoring counts as no entity, if at most 1% of the file's entities
            begin so; else the file is refused. ``begin``: it is read as ``B-X``, which also reads IOB1.
    """

    tag_map: Mapping[str, str] = field(default_factory=dict)
    stray_tags: StrayTags = "rare"


def map_tag(tag: str, tag_map: Mapping[str, str]) -> str:
    """Replace a tag, or the type in it; a whole tag goes first.

    >>> [map_tag(tag, {"OTH": "O", "GPE": "LOC"}) for tag in ("B-OTH", "I-GPE", "B-PER")]
    ['O', 'I-LOC', 'B-PER']
    """
    if tag in tag_map:
        return tag_map[tag]
    prefix, dash, kind = tag.partition("-")
    if not dash or kind not in tag_map:
        return tag
    return "O" if tag_map[kind] == "O" else f"{prefix}-{tag_map[kind]}"


def is_typed(tag: str) -> bool:
    """Return whether a tag is a letter of a scheme, a dash and a type, without white space around.

    >>> is_typed("B-PER"), is_typed("S-PER"), is_typed("B-"), is_typed("PER")
    (True, True, False, False)
    """
    prefix, _, kind = tag.partition("-")
    return prefix in _LETTERS and kind not in {"", "O"} and bare(kind) == kind


def is_iob2(tag: str) -> bool:
    """Return whether a tag is ``O``, ``B-TYPE`` or ``I-TYPE``, without white space around.

    >>> [is_iob2(tag) for tag in ("O", "B-PER", "B-", "S-PER", "I-O", "B-PER ")]
    [True, True, False, False, False, False]
    """
    return tag == "O" or (is_typed(tag) and tag[0] in "BI")


def find_scheme(tags: Iterable[str]) -> str:
    """Return the scheme of tags that is not IOB2; nothing if it cannot be told.

    >>> find_scheme(["O", "B-PER", "L-PER", "U-LOC"]), find_scheme(["O", "B-PER"]), find_scheme(["PER"])
    ('BILOU', '', '')
    """
    entities = [tag for tag in tags if tag != "O"]
    if not all(map(is_typed, entities)) or all(map(is_iob2, entities)):
        return ""
    prefixes = {tag[0] for tag in entities}
    return next((name for name, known in SCHEMES.items() if prefixes <= known), "")


def to_iob2(tags: Sequence[str]) -> tuple[str, ...]:
    """Read the tags of a sentence in one of the schemes as IOB2; no entity and no boundary is lost.

    >>> to_iob2(["U-PER", "B-LOC", "L-LOC", "I-LOC", "O"])
    ('B-PER', 'B-LOC', 'I-LOC', 'B-LOC', 'O')
    """
    read = []
    previous = "O"
    for tag in tags:
        ended = previous[0] in _LAST and previous[1:] == tag[1:]
        begins = ended or tag[0] == "B" or tag[0] in _ALONE
        read.append("O" if tag == "O" else f"{'B' if begins else 'I'}{tag[1:]}")
        previous = tag
    return tuple(read)


def read_scheme(rows: Rows, options: TagOptions) -> tuple[list[tuple[str, ...]], str]:
    """Map the tags of sentences, and read them as IOB2 if their scheme is known.

    Returns:
        The tags of each sentence, and the scheme if it is not IOB2. Tags of no known form stay as they are.
    """
    mapped = {tag: map_tag(tag, options.tag_map) for tags in rows for tag in tags}
    read = [tuple(mapped[tag] for tag in tags) for tags in rows]
    scheme = find_scheme(mapped.values())
    if scheme:
        read = [to_iob2(tags) for tags in read]
    if options.stray_tags == "begin" and (scheme or all(map(is_iob2, mapped.values()))):
        read = [begin_strays(tags) for tags in read]
    return read, scheme


def stray_positions(tags: Iterable[str]) -> list[int]:
    """Return where an ``I-X`` follows neither ``B-X`` nor ``I-X``.

    >>> stray_positions(["I-PER", "I-PER", "O", "B-LOC", "I-ORG"])
    [0, 4]
    """
    found = []
    previous = "O"
    for position, tag in enumerate(tags):
        if tag.startswith("I-") and previous[1:] != tag[1:]:
            found.append(position)
        previous = tag
    return found


def begin_strays(tags: Sequence[str]) -> tuple[str, ...]:
    """Return tags in which every stray ``I-X`` is a ``B-X``.

    >>> begin_strays(["I-PER", "I-PER"])
    ('B-PER', 'I-PER')
    """
    strays = set(stray_positions(tags))
    return tuple("B" + tag[1:] if position in strays else tag for position, tag in enumerate(tags))


def count_strays(rows: Iterable[Sequence[str]]) -> tuple[int, int]:
    """Return how many entities begin with a stray ``I-`` tag, and how many there are in all.

    >>> count_strays([("B-PER", "I-PER", "I-LOC"), ("O",)])
    (1, 2)
    """
    strays = begins = 0
    for tags in rows:
        strays += len(stray_positions(tags))
        begins += sum(tag.startswith("B-") for tag in tags)
    return strays, strays + begins
