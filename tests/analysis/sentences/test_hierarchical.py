"""Intervals over seeds and test sentences: against a bootstrap, their coverage, and in a study."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy import stats

from layerlab.analysis.effects.scales import SCALES, log_odds
from layerlab.analysis.effects.sensitivity import sensitivity, t_interval
from layerlab.analysis.records.tidy import load_records, write_records
from layerlab.analysis.sentences.counts import load_counts, write_counts
from layerlab.analysis.sentences.hierarchical import compare_effects, hierarchical_effects
from layerlab.analysis.sentences.influence import SentenceInfluence
from layerlab.analysis.sentences.variance import hierarchical_interval
from layerlab.analysis.significance.resampling import SentenceDraws
from layerlab.errors import RecordsError
from layerlab.report.page.study_report import report_on
from layerlab.report.tables.formats.text import INTERVALS, render_table

Rows = Callable[..., pd.DataFrame]
SIZES = {"en": 50, "de": 60, "fr": 40, "en:GUM": 30}


def study_with_counts(rows: Rows, n_seeds: int = 3) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Records of a baseline and one ablation, and what each sentence contributes to them."""
    rng = np.random.default_rng(4)
    totals = {name: rng.integers(2, 20, size) for name, size in SIZES.items()}
    runs, hits = [], {}
    for layers in ("", "0-1"):
        for seed in range(n_seeds):
            right = {name: rng.binomial(total, 0.6 if layers else 0.8) for name, total in totals.items()}
            hits[layers, seed] = right
            runs.append((layers, seed, {name: right[name].sum() / totals[name].sum() for name in right}))
    frame = rows(*runs).assign(n=lambda one: one["target"].map({name: sum(t) for name, t in totals.items()}))
    parts = []
    for row in frame.to_dict("records"):
        named = {name: row[name] for name in ("study", "run_id", "target", "metric")} | {"part": "0"}
        counted, total = hits[row["layers"], row["seed"]][row["target"]], totals[row["target"]]
        parts.append(pd.DataFrame(named | {"sentence": range(len(total)), "hits": counted, "total": total}))
    return frame, pd.concat(parts, ignore_index=True)


def spread(influence: npt.NDArray[np.float64]) -> float:
    return float(np.sum(influence**2) * len(influence) / (len(influence) - 1))


def test_one_seed_has_the_t_interval_over_its_sentences() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0.1, 0.3, 80)
    influence = (values - values.mean())[None] / 80
    found = hierarchical_interval([values.mean()], [influence])
    assert found == pytest.approx(stats.t.interval(0.95, 79, values.mean(), stats.sem(values)))


def test_sentences_that_tell_nothing_leave_the_t_interval_over_seeds() -> None:
    effects = [0.01, 0.03, 0.02]
    assert hierarchical_interval(effects, [np.zeros((3, 40))]) == pytest.approx(t_interval(effects))
    assert np.isnan(hierarchical_interval([0.1, np.nan], [np.zeros((2, 9))])).all()
    assert np.isnan(hierarchical_interval([0.1, 0.2], [np.zeros((2, 1))])).all()


def test_both_spreads_are_put_together_without_counting_twice_what_they_share() -> None:
    rng = np.random.default_rng(1)
    common, own = rng.normal(0, 0.01, 60), rng.normal(0, 0.004, (4, 60))
    influence = common + own
    influence -= influence.mean(axis=1, keepdims=True)
    effects = [0.01, 0.02, 0.025, 0.03]
    low, high = hierarchical_interval(effects, [influence])
    of_mean, of_each = spread(influence.mean(axis=0)), np.mean([spread(one) for one in influence])
    shared = of_mean - (of_each - of_mean) / 3
    half = np.hypot(stats.t.ppf(0.975, 3) * stats.sem(effects), stats.t.ppf(0.975, 59) * shared**0.5)
    assert (high - low) / 2 == pytest.approx(half)


@pytest.mark.parametrize(("n_seeds", "of_seeds", "common"), [(3, 1.0, 0.2), (3, 0.1, 1.0), (4, 0.4, 1.0)])
def test_it_covers_at_few_seeds_whatever_varies_more(n_seeds: int, of_seeds: float, common: float) -> None:
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(1500):
        shared = rng.normal(0, common * 10, 100)
        values = rng.normal(0, of_seeds, (n_seeds, 1)) + shared + rng.normal(0, 1, (n_seeds, 100))
        effects = values.mean(axis=1)
        low, high = hierarchical_interval(effects, [(values - effects[:, None]) / 100])
        held += low <= 0 <= high
    assert held / 1500 > 0.935  # of 1,500 at .95, fewer than 1 in 200 are below


def test_influences_give_the_spread_of_a_bootstrap_over_sentences(rows: Rows) -> None:
    frame, counts = study_with_counts(rows)
    row = frame[frame["target"] == "de"].iloc[0]
    where = (row["study"], row["run_id"], "de", row["metric"], row["value"])
    for scale in SCALES:
        influence = SentenceInfluence(counts, scale).of(*where, n=row["n"])
        drawn = SentenceDraws(counts, 4000).scores(*where)
        assert influence is not None
        assert drawn is not None
        assert influence.sum() == pytest.approx(0, abs=1e-9)
        assert spread(influence) ** 0.5 == pytest.approx(
            np.std(drawn if scale == "points" else log_odds(drawn, row["n"])), rel=0.08
        )


def test_a_score_of_parts_has_the_mean_of_their_influences() -> None:
    named = {"study": "s", "run_id": "r", "target": "de", "metric": "macro_f1"}
    part = {"a": [(1, 2), (0, 1)], "b": [(2, 2), (1, 3)], "c": [(0, 0), (0, 0)]}
    counts = pd.DataFrame(
        named | {"part": name, "sentence": place, "hits": hits, "total": total}
        for name, rows in part.items()
        for place, (hits, total) in enumerate(rows)
    )
    value = (1 / 3 + 3 / 5) / 2
    found = SentenceInfluence(counts).of("s", "r", "de", "macro_f1", value, 2)
    first = ((1 - 2 / 3) / 3 + (2 - 2 * 3 / 5) / 5) / 2
    assert found == pytest.approx([first, -first])
    with pytest.raises(RecordsError, match="counts of sentences give macro_f1 0.466667, the records say 0.5"):
        SentenceInfluence(counts).of("s", "r", "de", "macro_f1", 0.5, 2)


def test_a_study_has_intervals_over_both_and_is_otherwise_the_same(rows: Rows) -> None:
    frame, counts = study_with_counts(rows)
    plain, found = sensitivity(frame), hierarchical_effects(frame, counts)
    other = ["low", "high", "interval"]
    pd.testing.assert_frame_equal(found[[*plain.columns]].drop(columns=other), plain.drop(columns=other))
    assert set(found["interval"]) == {"hierarchical"}
    width, narrower = found["high"] - found["low"], plain["high"] - plain["low"]
    assert (width >= narrower - 1e-12).all()
    assert (width > narrower + 1e-4).sum() >= 6
    sizes = found.set_index(["quantity", "target"])["n_sentences"].to_dict()
    assert sizes["source_drop", "en"] == 50
    assert sizes["zero_shot_drop", "mean"] == sizes["gap_change", "mean"] == 100
    assert sizes["domain_drop", "en:GUM"] == 30
    one = hierarchical_effects(frame[frame["seed"] == 0], counts)
    assert one["low"].notna().all()


def test_effects_without_counts_keep_the_interval_over_seeds(rows: Rows) -> None:
    frame, counts = study_with_counts(rows)
    found = compare_effects(frame, counts[counts["target"] != "fr"])
    kinds = found.set_index(["quantity", "target"])["interval"].to_dict()
    assert kinds["zero_shot_drop", "de"] == "hierarchical"
    assert kinds["zero_shot_drop", "fr"] == kinds["zero_shot_drop", "mean"] == "t"
    assert set(compare_effects(frame, None)["interval"]) == {"t"}
    text = render_table(frame, counts=counts[counts["target"] != "fr"])
    assert "95% intervals over seeds and test sentences at most ±" in text
    assert "of 1 numbers without counts of sentences over seeds alone" in text


def test_every_table_is_made_again_from_the_shipped_folder_alone(rows: Rows, tmp_path: Path) -> None:
    frame, counts = study_with_counts(rows)
    published = tmp_path / "published"
    write_records(frame, published / "records.csv")
    write_counts(counts, published / "counts.npz")
    loaded = load_records(published)
    for interval in INTERVALS:
        direct = render_table(frame, counts=counts, interval=interval, effects=True)
        from_files = render_table(
            loaded,
            counts=load_counts(published),
            interval=interval,
            effects=True,
        )
        assert from_files == direct
    first = {path.name: path.read_bytes() for path in report_on(published, tmp_path / "a")}
    second = {path.name: path.read_bytes() for path in report_on(published, tmp_path / "b")}
    assert first == second
    assert "over seeds and test sentences" in first["effects.md"].decode()
