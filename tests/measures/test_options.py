"""Names of measures are those that exist, and the section of a study reads as people write it."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from layerlab.measures.bitext_alignment import MEASURES
from layerlab.measures.options import KNOWN, PAIR_MEASURES, Measures, short_form


def test_every_name_is_computed_by_a_module() -> None:
    assert set(PAIR_MEASURES) == set(MEASURES)
    assert len(set(KNOWN)) == len(KNOWN)


def test_a_list_of_names_is_the_short_form() -> None:
    assert Measures.model_validate(short_form("cka")) == Measures(names=("cka",))
    assert Measures.model_validate(short_form(["retrieval", "change"])).canonical == (
        "change_cka",
        "retrieval",
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"names": ["ckaa"]}, "unknown measure 'ckaa'; did you mean 'cka'"),
        ({"names": ["change", "change_cka"]}, "listed twice: change_cka"),
        ({"names": []}, "at least 1 item"),
        ({"names": ["cka"], "pooling": "max"}, "'mean', 'first' or 'muller'"),
        ({"names": ["cka"], "sentences": 4}, "greater than or equal to 8"),
        ({"names": ["cka"], "sentence": 9}, "Extra inputs are not permitted"),
    ],
)
def test_mistakes_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Measures.model_validate(fields)
