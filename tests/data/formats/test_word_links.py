"""Word alignments in the format of Pharaoh."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.formats.word_links import read_links
from layerlab.errors import DataError


def test_links_are_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "en-de.links"
    file.write_text("0-0 1-2\n\n2-0\n", encoding="utf-8")
    assert read_links(file, [(2, 3), (1, 1), (3, 1)]) == (((0, 0), (1, 2)), (), ((2, 0),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0-0\n", "has 1 lines, expected one for each of 2 sentences"),
        ("0-0\n0-1\n", r"links:2: link 0-1 is outside of its sentences, of 1 and 1 words"),
        ("0-0\n0?0\n", "links:2: expected links such as 0-0 or 3-1, got '0"),
    ],
)
def test_links_that_do_not_fit_are_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "en-de.links"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        read_links(file, [(1, 1), (1, 1)])
