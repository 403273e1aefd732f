from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.formats.distances import read_distances
from layerlab.errors import DataError

TABLE = """source,target,distance,value
en,de,genetic,0.4
en,fi,genetic,1
fi,en,genetic,0.9
fr,de,genetic,0.8
de,en,geographic,0.1
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "distances.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_pair_holds_in_both_directions_unless_the_table_has_both(tmp_path: Path) -> None:
    table = read_distances(write(tmp_path, TABLE))
    assert table.between("genetic", "en", "de") == table.between("genetic", "de", "en") == 0.4
    assert (table.between("genetic", "en", "fi"), table.between("genetic", "fi", "en")) == (1.0, 0.9)
    assert table.between("geographic", "en", "fi") is None


def test_a_treebank_has_the_distance_of_its_language_and_a_source_of_several_the_mean(tmp_path: Path) -> None:
    table = read_distances(write(tmp_path, TABLE + "en,de:GSD,genetic,0.5\n"))
    assert table.between("genetic", "en:GUM", "de:HDT") == 0.4
    assert table.between("genetic", "en", "de:GSD") == 0.5
    assert table.between("genetic", "en+fr", "de") == pytest.approx(0.6)
    assert table.between("genetic", "en+fr", "fi") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("source,target,value\n", "lacks the columns distance; expected source,target,distance,value"),
        ("source,target,distance,value\n", "the table of distances has no rows"),
        (f"{TABLE}en,de,genetic,0.4\n", r"distances.csv:7: genetic of en and de stands there twice"),
        (f"{TABLE}en,ru,genetic,far\n", r"distances.csv:7: the value 'far' is no number"),
        (f"{TABLE}en,ru,genetic,-1\n", r"the value -1 is no distance; expected a number of at least 0"),
        (f"{TABLE}en,,genetic,1\n", r"distances.csv:7: target is empty"),
    ],
)
def test_a_broken_table_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_distances(write(tmp_path, text))


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the table of distances"):
        read_distances(tmp_path / "none.csv")
