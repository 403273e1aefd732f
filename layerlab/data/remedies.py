"""What reads a corpus that cannot be read as it is: proposed only after it was tried on that corpus."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence

from layerlab.data.checks import bare
from layerlab.data.tags import RARE, Rows, TagOptions, count_strays, is_iob2, is_typed, map_tag, read_scheme

# What corpora write for a word outside every entity; B-O and I-O are slips of Universal NER.
_NOTHING = frozenset(
    {"", "-", "_", "--", "*", "0", "O", "OUT", "OUTSIDE", "NONE", "NULL", "NIL", "B-O", "I-O"}
)
_TURNED = re.compile(r"(.+)[-_/:|.]([BIESLUMW])", re.IGNORECASE)
_OTHER_DASH = re.compile(r"([BIESLUMW])[-_/:|.](.+)", re.IGNORECASE)
_MOST_TYPES = 40
# Types that corpora spell in several ways.
_SPELLINGS: Mapping[str, str] = {
    "PERSON": "PER", "PERS": "PER", "LOCATION": "LOC", "PLACE": "LOC", "ORGANIZATION": "ORG",
    "ORGANISATION": "ORG", "CORPORATION": "ORG", "MISCELLANEOUS": "MISC",
}  # fmt: skip


def find_tag_remedy(rows: Rows, options: TagOptions) -> str:
    """Return the options that read tags of no known form and lose no entity; nothing if none do.

    >>> find_tag_remedy([["b-per", "O"], ["o", "i-loc"]], TagOptions(stray_tags="begin"))
    'give tag_map: {"b-per": "B-per", "o": "O", "i-loc": "I-loc"}'
    >>> find_tag_remedy([["B-", "O"]], TagOptions())
    ''
    """
    read, _ = read_scheme(rows, options)
    wrong = dict.fromkeys(
        raw
        for tags, got in zip(rows, read, strict=True)
        for raw, tag in zip(tags, got, strict=True)
        if not is_iob2(tag)
    )
    mended = {tag: _meant_tag(tag) for tag in wrong}
    if None in mended.values() and _are_types(rows):
        mended = {tag: "O" if bare(tag).upper() in _NOTHING else f"I-{bare(tag)}" for tag in wrong}
    hidden = all(bare(tag).upper() in _NOTHING - {"O"} for tags in rows for tag in tags)
    if hidden or None in mended.values():
        return ""
    tag_map = {**options.tag_map, **{tag: meant for tag, meant in mended.items() if meant is not None}}
    for stray_tags in dict.fromkeys((options.stray_tags, "begin")):
        if _reads(rows, TagOptions(tag_map, stray_tags), options.tag_map):
            more = "" if stray_tags == options.stray_tags else f" and stray_tags: {stray_tags}"
            return f"give tag_map: {_write(tag_map)}{more}"
    return ""


def find_stray_remedy(rows: Rows) -> str:
    """Return the option that reads IOB1 or IO tags; nothing if it does not.

    >>> find_stray_remedy([["I-PER", "O"]])
    'stray_tags: begin reads them as B-'
    """
    begun, _ = read_scheme(rows, TagOptions(stray_tags="begin"))
    return "" if count_strays(begun)[0] else "stray_tags: begin reads them as B-"


def find_type_remedy(lacking: Iterable[str], labels: Sequence[str]) -> str:
    """Return the map that reads tags of types that a source lacks; nothing if it cannot be told.

    A type that the source spells otherwise becomes that; one that it does not have at all can only be read as
    no entity, and the text says so.

    Args:
        lacking: Tags of a target.
        labels: Of the source.

    >>> find_type_remedy(["B-PERSON", "I-PERSON"], ["O", "B-PER", "I-PER"])
    'If they mean the same, give tag_map: {"PERSON": "PER"}'
    >>> find_type_remedy(["B-MISC"], ["O", "B-PER", "I-PER"])
    'To read the entities of type MISC as none, give tag_map: {"MISC": "O"}'
    """
    lacking = list(lacking)
    if not all(map(is_iob2, lacking)) or "O" not in labels:
        return ""
    known = {tag[2:] for tag in labels if is_iob2(tag) and tag != "O"}
    types = sorted({tag[2:] for tag in lacking if tag != "O"})
    tag_map = {kind: _meant_type(kind, known) for kind in types}
    if not all(map_tag(tag, tag_map) in labels for tag in lacking):
        return ""
    lost = ", ".join(kind for kind in types if tag_map[kind] == "O")
    when = f"To read the entities of type {lost} as none" if lost else "If they mean the same"
    return f"{when}, give tag_map: {_write(tag_map)}"


def find_label_remedy(lacking: Iterable[str], labels: Sequence[str]) -> str:
    """Return the map that turns labels into those of a task or source; nothing if one has no counterpart.

    Two labels never become one, so that no distinction is lost.

    >>> find_label_remedy(["contradictory"], ["entailment", "neutral", "contradiction"])
    'If they mean the same, give tag_map: {"contradictory": "contradiction"}'
    >>> find_label_remedy(["-"], ["entailment", "neutral"])
    ''
    """
    mended = {label: _meant_label(label, labels) for label in lacking}
    if None in mended.values() or len(set(mended.values())) < len(mended):
        return ""
    return f"If they mean the same, give tag_map: {_write(mended)}"


def find_blank_remedy(labels: Iterable[str], tag_map: Mapping[str, str]) -> str:
    """Return the map that takes the white space around labels away; nothing if one is white space alone.

    >>> find_blank_remedy(["yes ", "no"], {})
    'give tag_map: {"yes ": "yes"}'
    """
    mended = {label: bare(label) for label in labels if bare(label) != label}
    return f"give tag_map: {_write({**tag_map, **mended})}" if mended and all(mended.values()) else ""


def _reads(rows: Rows, options: TagOptions, wanted: Mapping[str, str]) -> bool:
    """Return whether options read tags as IOB2, and none as ``O`` that is an entity to the wanted map."""
    read, _ = read_scheme(rows, options)
    if not all(is_iob2(tag) for tags in read for tag in tags):
        return False
    for tags, got in zip(rows, read, strict=True):
        for raw, tag in zip(tags, got, strict=True):
            if tag == "O" and bare(raw).upper() not in _NOTHING and map_tag(raw, wanted) != "O":
                return False
    strays, entities = count_strays(read)
    return strays <= RARE * entities


def _are_types(rows: Rows) -> bool:
    """Return whether the tags are types without prefix, ``O`` beside them: the scheme IO."""
    tags = {bare(tag) for row in rows for tag in row}
    types = tags - _NOTHING
    return "O" in tags and 0 < len(types) <= _MOST_TYPES and not any("-" in tag for tag in types)


def _meant_tag(tag: str) -> str | None:
    """Return the IOB2 tag that one of no known form stands for; None if it cannot be told."""
    clean = bare(tag)
    if clean == "O" or is_typed(clean):
        return clean
    if clean.upper() in _NOTHING:
        return "O"
    for pattern, prefix, kind in ((_OTHER_DASH, 1, 2), (_TURNED, 2, 1)):
        found = pattern.fullmatch(clean)
        if found and is_typed(mended := f"{found[prefix].upper()}-{found[kind]}"):
            return mended
    return None


def _meant_type(kind: str, known: Iterable[str]) -> str:
    """Return the type of a source that another spelling stands for, ``O`` if there is none."""
    folded = {_SPELLINGS.get(one.upper(), one.upper()): one for one in known}
    return folded.get(_SPELLINGS.get(kind.upper(), kind.upper()), "O")


def _meant_label(label: str, labels: Sequence[str]) -> str | None:
    """Return the label that may have been meant; None if it cannot be told."""
    folded = {known.casefold(): known for known in labels}
    clean = bare(label).casefold()
    if clean in folded:
        return folded[clean]
    if clean.isdecimal():
        return labels[int(clean)] if int(clean) < len(labels) else None
    close = difflib.get_close_matches(clean, list(folded), n=1)
    return folded[close[0]] if close else None


def _write(tag_map: Mapping[str, str | None]) -> str:
    return json.dumps(dict(tag_map), ensure_ascii=False)
