"""Shortcuts are switched by name, and what becomes of each is noted."""

from __future__ import annotations

import pytest

from layerlab.errors import StudyError
from layerlab.training.shortcuts.shortcut import SHORTCUTS, Taken, read_shortcuts


class Trimming:
    name = "trimming"

    def refuses(self, case: bool) -> str:
        return "" if case else "there is no text"


def test_all_none_and_names() -> None:
    assert read_shortcuts("all") == tuple(SHORTCUTS)
    assert read_shortcuts("none") == read_shortcuts(()) == ()
    assert read_shortcuts(["cohorts", "trimming"]) == ("trimming", "cohorts")


def test_a_name_with_a_minus_leaves_one_out() -> None:
    assert "trimming" not in read_shortcuts("-trimming")
    assert len(read_shortcuts("-trimming")) == len(SHORTCUTS) - 1


@pytest.mark.parametrize("given", ["triming", "-triming", "trimming,fast"])
def test_an_unknown_shortcut_is_refused_with_those_that_there_are(given: str) -> None:
    with pytest.raises(StudyError, match="unknown shortcut .*Known: all"):
        read_shortcuts(given)


def test_a_refusal_is_noted_with_its_reason() -> None:
    taken = Taken(("trimming",))
    assert not taken.may(Trimming(), False)
    assert taken.notes == {"trimming": "refused: there is no text"}


def test_what_is_switched_off_is_not_asked() -> None:
    taken = Taken(())
    assert not taken.may(Trimming(), True)
    assert taken.notes == {}
