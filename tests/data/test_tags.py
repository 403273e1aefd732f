"""Entity tags in every scheme are read as the same entities."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.data.entities import read_tags
from layerlab.data.tags import SCHEMES, TagOptions, find_scheme, is_iob2, to_iob2
from layerlab.errors import DataError

# Lengths and types of the entities of a sentence; no type is a word outside.
SENTENCES = st.lists(
    st.tuples(st.integers(1, 4), st.sampled_from(["", "PER", "LOC"])), min_size=1, max_size=8
)
BEGIN_IN_LAST_ALONE = {"IOBES": "BIES", "BILOU": "BILU", "BMES": "BMES", "BMEWO": "BMEW", "IOE": "IIEE"}


def write(entities: list[tuple[int, str]], letters: str) -> list[str]:
    """Write entities with the letters of a scheme: begin, inside, last, alone."""
    begin, inside, last, alone = tuple(letters)
    tags: list[str] = []
    for length, kind in entities:
        if not kind:
            tags += ["O"] * length
        elif length == 1:
            tags.append(f"{alone}-{kind}")
        else:
            tags += [f"{begin}-{kind}", *[f"{inside}-{kind}"] * (length - 2), f"{last}-{kind}"]
    return tags


def place(sentence: int, word: int) -> str:
    return f"here:{sentence}:{word}"


@given(SENTENCES, st.sampled_from(sorted(BEGIN_IN_LAST_ALONE)))
def test_every_scheme_gives_the_same_entities(entities: list[tuple[int, str]], scheme: str) -> None:
    expected = write(entities, "BIIB")
    tags = write(entities, BEGIN_IN_LAST_ALONE[scheme])
    # A corpus in which the scheme can be told.
    rows = [tags, write([(2, "X"), (1, "X"), (3, "X")], BEGIN_IN_LAST_ALONE[scheme])]
    read, notes = read_tags(rows, TagOptions(stray_tags="begin"), place)
    assert list(read[0]) == expected
    assert all(map(is_iob2, read[0]))
    assert len(notes) == 1
    assert "no entity is lost" in notes[0]


def test_schemes_are_told_by_their_letters() -> None:
    for scheme, letters in BEGIN_IN_LAST_ALONE.items():
        assert find_scheme(write([(1, "A"), (3, "A"), (1, "")], letters)) == scheme
    assert set(BEGIN_IN_LAST_ALONE) == set(SCHEMES)
    assert [find_scheme(tags) for tags in (["B-A", "I-A"], ["S-A", "L-A"], ["A"], ["O"], [])] == [""] * 5


def test_two_entities_side_by_side_stay_two() -> None:
    assert to_iob2(["S-PER", "S-PER", "B-PER", "E-PER", "I-PER"]) == ("B-PER",) * 3 + ("I-PER", "B-PER")


def test_iob2_is_left_as_it_is_and_noted_only_for_strays() -> None:
    rows = [["B-A", "I-A", "O"]] * 150 + [["O", "I-A"]]
    read, notes = read_tags(rows, TagOptions(), place)
    assert read == [tuple(tags) for tags in rows]
    assert notes == ("1 of 151 entities begin with I-; strict scoring counts them as none",)


def test_a_map_that_takes_entities_away_is_noted() -> None:
    rows = [["S-PER", "O", "B-LOC", "E-LOC"]]
    read, notes = read_tags(rows, TagOptions({"S-PER": "O", "E-LOC": "O"}), place)
    assert read == [("O", "O", "B-LOC", "O")]
    assert notes == (
        "tag_map reads S-PER (1 words), E-LOC (1 words) as no entity; without it these are read as parts of "
        "entities",
    )
    assert read_tags([["B-PER", "B-MISC"]], TagOptions({"MISC": "O"}), place)[1] == ()


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        (None, r"here:1:1: no tag \(None\)"),
        (3, "here:1:1: the tag is int '3'; expected text"),
        (["B-PER"], "here:1:1: the tag is list"),
        ("B-\ud83d", r"here:1:1: the tag holds a lone surrogate \(U\+D83D\)"),
        ("B-PER\0", "here:1:1: the tag holds the character NUL"),
    ],
)
def test_a_tag_that_is_no_text_is_refused_with_its_place(tag: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_tags([["O"], ["O", tag]], TagOptions(), place)
