"""What a study of inference over pairs of controlled languages gets right, by whether something is denied."""

from __future__ import annotations

from functools import cache
from statistics import fmean
from typing import Final

import pandas as pd

from layerlab.analysis.sentences.counts import load_counts
from layerlab.data.spec import Controlled
from layerlab.errors import RecordsError, unknown
from layerlab.languages.corpora.nli import generate_pairs
from layerlab.languages.family import find_family
from results.numbers.folders import RESULTS, records, settings
from results.numbers.forms import Estimate

_NOT: Final = "PART:not"


@cache
def pairs(name: str, target: str, model: str, *, denied: bool) -> Estimate:
    """Return the accuracy on the test pairs in which a sentence says *not*, or none does, in points.

    Raises:
        RecordsError: The study has no scores of the model on the target; says of which it has.
    """
    frame = records(name)
    found = frame[(frame["task"] == "nli") & (frame["target"] == target) & (frame["metric"] == "accuracy")]
    of_model = found[found["model"] == model]
    if of_model.empty:
        raise RecordsError(f"{name}: {unknown('model', model, set(found['model']))}")
    are_denied = _denied(name, target)
    counts = _counts(name)
    counts = counts[counts["target"] == target]
    values = []
    for run_id in of_model["run_id"]:
        hits = counts[counts["run_id"] == run_id].sort_values("sentence")["hits"]
        values.append(
            100 * fmean(hit for hit, is_so in zip(hits, are_denied, strict=True) if is_so == denied)
        )
    return Estimate.over(values)


@cache
def _counts(name: str) -> pd.DataFrame:
    return load_counts(RESULTS / name, metrics={"accuracy"})


@cache
def _denied(name: str, language: str) -> list[bool]:
    data = Controlled(**settings(name)["data"]["nli"]["controlled"])
    tests = generate_pairs(language, data.test, f"{data.seed}-test", family=find_family(data.family))
    return [_NOT in (*pair.premise.concepts, *pair.hypothesis.concepts) for pair in tests]
