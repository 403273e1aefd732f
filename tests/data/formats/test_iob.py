from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerlab.data.formats import iob
from layerlab.data.sentences import Sentence
from layerlab.data.tags import NO_MAP, StrayTags, TagOptions, begin_strays, count_strays, stray_positions
from layerlab.errors import DataError

Write = Callable[[str, str], Path]
TAGS = st.lists(st.sampled_from(["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]), min_size=1, max_size=12)

NUMBERED = """# sent_id = boat-1
# text = Вера Лес пливе
1\tВера\tB-PER\t-\tann
2\tЛес\tI-PER\t-\tann
3\tпливе\tO

# sent_id = boat-2
1\t東都\tB-LOC\t-\tann
2\t#1\tO\t-\tann
"""


def read_iob(
    path: Path, tag_map: Mapping[str, str] = NO_MAP, stray_tags: StrayTags = "rare"
) -> tuple[Sentence, ...]:
    return iob.read_iob(path, TagOptions(tag_map, stray_tags))[0]


def test_numbered_lines_are_read_whatever_follows_the_tag(write: Write) -> None:
    first, second = read_iob(write("a.iob2", NUMBERED))
    assert first.words == ("Вера", "Лес", "пливе")
    assert first.entities == ("B-PER", "I-PER", "O")
    assert (first.sent_id, second.sent_id) == ("boat-1", "boat-2")
    assert second.words == ("東都", "#1")


def test_word_and_tag_alone_are_read_even_a_hash_as_word(write: Write) -> None:
    (sentence,) = read_iob(write("a.iob2", "Mila\tB-PER\n#\tO\n#tag\tO\n7\tO\n"))
    assert sentence.words == ("Mila", "#", "#tag", "7")


def test_map_turns_types_and_whole_tags_to_nothing(write: Write) -> None:
    text = "1\ta\tB-OTH\n2\tb\tI-OTH\n3\tc\tB-O\n4\td\t-\n5\te\tB-GPE\n6\tf\tI-GPE\n"
    (sentence,) = read_iob(write("a.iob2", text), {"OTH": "O", "B-O": "O", "-": "O", "GPE": "LOC"})
    assert sentence.entities == ("O", "O", "O", "O", "B-LOC", "I-LOC")
    (sentence,) = read_iob(write("a.iob2", text), {"OTH": "O", "O": "O", "-": "O", "GPE": "LOC"})
    assert sentence.entities == ("O", "O", "O", "O", "B-LOC", "I-LOC")


@pytest.mark.parametrize("tag", ["B-O", "-", "o", "", "_"])
def test_tag_of_no_entity_shows_the_map_that_mends_it(write: Write, tag: str) -> None:
    path = write("broken.iob2", f"1\ta\tO\n2\tb\t{tag}\n")
    with pytest.raises(DataError, match=rf"broken.iob2:2: tag '{tag}' is not IOB2.*tag_map: ") as error:
        read_iob(path)
    assert f'{{"{tag}": "O"}}' in str(error.value)
    assert read_iob(path, {tag: "O"})[0].entities == ("O", "O")


def test_map_to_a_form_that_is_unknown_is_refused(write: Write) -> None:
    path = write("broken.iob2", "1\ta\tB-X\n")
    with pytest.raises(DataError, match=r":1: tag 'B-X' \('PERSON' by tag_map\) is not IOB2"):
        read_iob(path, {"B-X": "PERSON"})


def test_file_in_another_scheme_is_refused_and_the_first_place_named(write: Write) -> None:
    path = write("iob1.iob2", "1\tMila\tB-PER\n2\tspi\tO\n3\tTula\tI-LOC\n")
    with pytest.raises(
        DataError, match=r"iob1.iob2:3: I-LOC after O; not IOB2: 1 of 2 entities.*begin reads"
    ):
        read_iob(path)


def test_change_of_type_without_begin_is_refused(write: Write) -> None:
    path = write("iob1.iob2", "1\tMila\tB-PER\n2\tTula\tI-LOC\n")
    with pytest.raises(DataError, match=r"iob1.iob2:2: I-LOC after B-PER"):
        read_iob(path)


def test_stray_tags_can_be_read_as_beginnings(write: Write) -> None:
    path = write("iob1.iob2", "1\tMila\tI-PER\n2\tTar\tI-PER\n3\tTula\tI-LOC\n")
    assert read_iob(path, stray_tags="begin")[0].entities == ("B-PER", "I-PER", "B-LOC")


def test_a_rare_slip_of_annotation_is_kept_as_it_is(write: Write) -> None:
    path = write("a.iob2", "1\tMila\tB-PER\n\n" * 150 + "1\tTula\tO\n2\tRek\tI-LOC\n")
    sentences = read_iob(path)
    assert sentences[-1].entities == ("O", "I-LOC")
    assert count_strays(s.entities for s in sentences) == (1, 151)


@given(TAGS)
def test_beginning_the_strays_leaves_none_and_touches_no_other(tags: list[str]) -> None:
    mended = begin_strays(tags)
    changed = [i for i, (a, b) in enumerate(zip(tags, mended, strict=True)) if a != b]
    assert changed == stray_positions(tags)
    assert stray_positions(mended) == []


@pytest.mark.parametrize("row", ["word", "a b", "x\tword\tO"])
def test_lines_of_another_shape_are_refused(write: Write, row: str) -> None:
    with pytest.raises(DataError, match=r"a.iob2:2: expected tab-separated columns number, word, tag"):
        read_iob(write("a.iob2", f"1\ta\tO\n{row}\n"))


def test_file_without_sentence_or_word_is_refused(write: Write) -> None:
    with pytest.raises(DataError, match="no sentence in the file"):
        read_iob(write("a.iob2", "# nothing\n"))
    with pytest.raises(DataError, match=":1: the word is empty"):
        read_iob(write("b.iob2", "1\t\tO\n"))


GERMEVAL = """#\thttp://example.org/a\t[2009-10-17]
1\tMila\tB-PER\tO
2\tspi\tO\tB-LOC

#\thttp://example.org/b\t[2009-10-17]\t
1\t#\tO\tO
2\tTula\tB-LOCderiv\tO
"""
CONLL = """-DOCSTART- -X- -X- O

Mila NNP B-NP B-PER
10\xa0000 CD I-NP O
# # I-NP O

1 CD B-NP O
Tula NNP B-NP B-LOC
"""
WIDE = """# id 17\tdomain=zoo
Mila _ _ B-PER
spi _ _ O

# sent_id = two
Tula _ _ B-LOC
"""


@pytest.mark.parametrize(
    ("text", "words", "tags"),
    [
        (GERMEVAL, ["Mila spi", "# Tula"], ["B-PER O", "O B-LOCderiv"]),
        ("Mila\tB-PER\nspi\tO\n\t\n#\tO\nTula\tB-LOC\n", ["Mila spi", "# Tula"], ["B-PER O", "O B-LOC"]),
        ("Mila\tB-PER\n \t \nspi\tO\n\u3000\nTula\tO\n", ["Mila", "spi", "Tula"], ["B-PER", "O", "O"]),
        (CONLL, ["Mila 10\xa0000 #", "1 Tula"], ["B-PER O O", "O B-LOC"]),
        (CONLL.replace(" ", "\t"), ["Mila 10\xa0000 #", "1 Tula"], ["B-PER O O", "O B-LOC"]),
        (WIDE, ["Mila spi", "Tula"], ["B-PER O", "B-LOC"]),
        ("Mila B-PER\nspi  O\n\n# O\n", ["Mila spi", "#"], ["B-PER O", "O"]),
        ("Mila\tB-PER\t\nspi\tO\t\n7\tO\t\n", ["Mila spi 7"], ["B-PER O O"]),
        ("0\tMila\tB-PER\n1\tspi\tO\n", ["Mila spi"], ["B-PER O"]),
        ("1 Mila B-PER _\n2 spi O _\n", ["Mila spi"], ["B-PER O"]),
    ],
)
def test_published_formats_are_read(write: Write, text: str, words: list[str], tags: list[str]) -> None:
    sentences = read_iob(write("a.iob2", text))
    assert [" ".join(s.words) for s in sentences] == words
    assert [" ".join(s.entities) for s in sentences] == tags


def test_comments_name_sentences_in_every_format(write: Write) -> None:
    assert [s.sent_id for s in read_iob(write("a.iob2", WIDE))] == ["", "two"]


def test_a_line_without_its_tag_is_refused_in_every_format(write: Write) -> None:
    for text in (CONLL + "Rek\n", CONLL + "Rek NNP O\n", GERMEVAL + "3\tspi\n4\n"):
        with pytest.raises(DataError, match=r"a.iob2:\d+: expected tab-separated columns number, word, tag"):
            read_iob(write("a.iob2", text))
