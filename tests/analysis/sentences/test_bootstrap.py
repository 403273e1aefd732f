"""Intervals over seeds and sentences against a bootstrap that is written out as loops."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import EFFECT_COLUMNS, sensitivity
from layerlab.analysis.sentences.bootstrap import hierarchical_bootstrap
from layerlab.analysis.significance.inference import draw_weights
from layerlab.analysis.significance.resampling import SentenceDraws
from layerlab.errors import RecordsError

Rows = Callable[..., pd.DataFrame]
Hits = dict[tuple[str, int, str], np.ndarray]
SIZES = {"en": 50, "de": 60, "fr": 40, "en:GUM": 30}


def counted(rows: Rows, n_seeds: int = 3) -> tuple[pd.DataFrame, pd.DataFrame, Hits]:
    """Records, their counts as a frame, and the same as arrays by layers, seed and target."""
    rng = np.random.default_rng(4)
    totals = {name: rng.integers(2, 20, size) for name, size in SIZES.items()}
    found: Hits = {}
    runs, parts = [], []
    for layers in ("", "0-1"):
        for seed in range(n_seeds):
            hits = {
                name: rng.binomial(total, 0.8 - (0.2 if layers else 0.0)) for name, total in totals.items()
            }
            found |= {(layers, seed, name): np.stack([hits[name], totals[name]], axis=1) for name in hits}
            runs.append((layers, seed, {name: hits[name].sum() / totals[name].sum() for name in hits}))
    frame = rows(*runs)
    for row in frame.to_dict("records"):
        array = found[row["layers"], row["seed"], row["target"]]
        named = {name: row[name] for name in ("study", "run_id", "target", "metric")}
        parts.append(
            pd.DataFrame(named | {"sentence": range(len(array)), "hits": array[:, 0], "total": array[:, 1]})
        )
    return frame, pd.concat(parts).sample(frac=1, random_state=0), found


def loops(found: Hits, n_seeds: int, resamples: int = 3000) -> dict[tuple[str, str], np.ndarray]:
    """Draw seeds, draw sentences of each target, score all runs on them, take differences, average."""
    rng = np.random.default_rng(99)
    draws: dict[tuple[str, str], list[float]] = {}
    for _ in range(resamples):
        seeds = rng.integers(0, n_seeds, n_seeds)
        sentences = {name: rng.integers(0, size, size) for name, size in SIZES.items()}

        def score(layers: str, seed: int, name: str, drawn: dict[str, Any] = sentences) -> float:
            hits, total = found[layers, seed, name][drawn[name]].sum(axis=0)
            return float(hits / total)

        drop = {
            name: np.mean([score("", seed, name) - score("0-1", seed, name) for seed in seeds])
            for name in SIZES
        }
        mean = (drop["de"] + drop["fr"]) / 2
        values = {
            ("source_drop", "en"): drop["en"],
            ("zero_shot_drop", "de"): drop["de"],
            ("zero_shot_drop", "mean"): mean,
            ("gap_change", "mean"): mean - drop["en"],
            ("domain_drop", "en:GUM"): drop["en:GUM"],
            ("domain_gap_change", "en:GUM"): drop["en:GUM"] - drop["en"],
        }
        for key, value in values.items():
            draws.setdefault(key, []).append(float(value))
    return {key: np.percentile(values, [2.5, 97.5]) for key, values in draws.items()}


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_it_is_the_bootstrap_written_out_as_loops(rows: Rows, n_seeds: int) -> None:
    frame, counts, found = counted(rows, n_seeds)
    effect = hierarchical_bootstrap(frame, counts, resamples=4000)
    rows_of = {(row["quantity"], row["target"]): row for row in effect.to_dict("records")}
    for key, (low, high) in loops(found, n_seeds).items():
        row = rows_of[key]
        assert (row["low"], row["high"]) == pytest.approx((low, high), abs=0.06 * (high - low)), key


def test_only_the_intervals_differ_from_those_of_sensitivity(rows: Rows) -> None:
    frame, counts, _ = counted(rows)
    effect, plain = hierarchical_bootstrap(frame, counts, resamples=99), sensitivity(frame)
    same = [name for name in EFFECT_COLUMNS if name not in ("low", "high", "interval")]
    pd.testing.assert_frame_equal(effect[same], plain[same])
    assert set(effect["n_resamples"]) == {99}
    sizes = effect.set_index(["quantity", "target"])["n_sentences"]
    assert sizes["source_drop", "en"] == 50
    assert sizes["zero_shot_drop", "mean"] == sizes["gap_change", "mean"] == 100
    assert sizes["domain_drop", "en:GUM"] == 30


def test_categories_give_what_text_gives(rows: Rows) -> None:
    frame, counts, _ = counted(rows)
    text = ["study", "run_id", "target", "metric"]
    one = hierarchical_bootstrap(frame, counts, resamples=99)
    other = hierarchical_bootstrap(frame, counts.astype(dict.fromkeys(text, "category")), resamples=99)
    pd.testing.assert_frame_equal(one, other)


def test_runs_without_counts_are_refused_by_name(rows: Rows) -> None:
    frame, counts, _ = counted(rows)
    with pytest.raises(RecordsError, match=r"4 of 9 effects .* target fr; runs of older"):
        hierarchical_bootstrap(frame, counts[counts["target"] != "fr"], resamples=9)


def test_resamples_in_several_chunks_are_those_in_one(monkeypatch: pytest.MonkeyPatch, rows: Rows) -> None:
    frame, counts, _ = counted(rows)
    whole = hierarchical_bootstrap(frame, counts, resamples=200)
    monkeypatch.setattr("layerlab.analysis.significance.resampling._CHUNK", 1500)
    pd.testing.assert_frame_equal(hierarchical_bootstrap(frame, counts, resamples=200), whole)


def test_a_score_of_parts_is_the_mean_of_their_ratios_in_every_resample() -> None:
    rng = np.random.default_rng(0)
    parts = {"a": rng.integers(0, 3, (30, 2)), "b": rng.integers(0, 3, (30, 2)), "c": np.zeros((30, 2), int)}
    frame = pd.concat(
        pd.DataFrame({"part": name, "sentence": range(30), "hits": array[:, 0], "total": array[:, 1]})
        for name, array in parts.items()
    ).assign(study="s", run_id="r", target="de", metric="macro_f1")
    there = [array.sum(axis=0) for name, array in parts.items() if name != "c"]
    value = float(np.mean([hits / total for hits, total in there]))
    draws = SentenceDraws(frame, 50)
    found = draws.scores("s", "r", "de", "macro_f1", value)
    assert found is not None
    seed = [0, zlib.crc32(b"de")]
    weights = draw_weights(30, 50, np.random.default_rng(seed))
    expected = np.mean([(weights @ parts[n][:, 0]) / (weights @ parts[n][:, 1]) for n in "ab"], axis=0)
    assert found == pytest.approx(expected)
