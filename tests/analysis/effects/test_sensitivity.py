from __future__ import annotations

import itertools
import math
import subprocess
import sys
from collections.abc import Callable
from statistics import fmean

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from layerlab.analysis.effects.sensitivity import (
    EFFECT_COLUMNS,
    PAIRED_COLUMNS,
    aggregate,
    paired,
    sensitivity,
    t_interval,
    transfer_gap,
)
from layerlab.analysis.records.tidy import empty_records
from layerlab.errors import RecordsError

Rows = Callable[..., pd.DataFrame]


def pick(effect: pd.DataFrame, quantity: str, target: str, layers: str = "0-1") -> pd.Series:
    found = effect[
        (effect["quantity"] == quantity) & (effect["target"] == target) & (effect["layers"] == layers)
    ]
    assert len(found) == 1
    return found.iloc[0]


@pytest.fixture
def two_seeds(rows: Rows) -> pd.DataFrame:
    return rows(
        ("", 0, {"en": 0.90, "de": 0.80, "zh": 0.60}),
        ("", 1, {"en": 0.92, "de": 0.78, "zh": 0.64}),
        ("0-1", 0, {"en": 0.89, "de": 0.60, "zh": 0.30}),
        ("0-1", 1, {"en": 0.90, "de": 0.62, "zh": 0.32}),
    )


def test_drops_and_gap_changes_by_hand(two_seeds: pd.DataFrame) -> None:
    effect = sensitivity(two_seeds)
    assert list(effect.columns) == list(EFFECT_COLUMNS)
    assert len(effect) == 1 + 3 + 3
    source = pick(effect, "source_drop", "en")
    assert (source["reference"], source["ablated"]) == pytest.approx((0.91, 0.895))
    assert source["effect"] == pytest.approx(0.015)
    assert pick(effect, "zero_shot_drop", "de")["effect"] == pytest.approx(0.18)
    assert pick(effect, "zero_shot_drop", "zh")["effect"] == pytest.approx(0.31)
    mean = pick(effect, "zero_shot_drop", "mean")
    assert (mean["reference"], mean["ablated"]) == pytest.approx((0.705, 0.46))
    assert mean["effect"] == pytest.approx(0.245)
    assert (mean["n_seeds"], mean["seeds"], mean["n"], mean["n_targets"]) == (2, "0,1", 20, 2)
    gap = pick(effect, "gap_change", "zh")
    assert (gap["reference"], gap["ablated"]) == pytest.approx((0.29, 0.585))
    assert gap["effect"] == pytest.approx(0.295)
    assert pick(effect, "gap_change", "mean")["effect"] == pytest.approx(0.245 - 0.015)
    assert set(effect["sweep"]) == {"reset@before"}


def test_intervals_are_those_of_scipy_on_the_differences_within_seeds(two_seeds: pd.DataFrame) -> None:
    mean = pick(sensitivity(two_seeds), "zero_shot_drop", "mean")
    differences = [0.70 - 0.45, 0.71 - 0.47]
    expected = stats.t.interval(0.95, 1, loc=np.mean(differences), scale=stats.sem(differences))
    assert (mean["low"], mean["high"]) == pytest.approx(expected)


@pytest.mark.parametrize("n", [2, 3, 5, 30])
@pytest.mark.parametrize("level", [0.9, 0.95])
def test_t_intervals_equal_scipy(n: int, level: float) -> None:
    values = np.random.default_rng(n).normal(0.1, 0.02, n)
    expected = stats.t.interval(level, n - 1, loc=values.mean(), scale=stats.sem(values))
    assert t_interval(list(values), level) == pytest.approx(expected)
    ours = stats.ttest_1samp(values, 0).confidence_interval(level)
    assert t_interval(list(values), level) == pytest.approx((ours.low, ours.high))


def test_one_seed_has_an_effect_but_no_interval(two_seeds: pd.DataFrame) -> None:
    row = pick(sensitivity(two_seeds[two_seeds["seed"] == 0]), "zero_shot_drop", "mean")
    assert row["effect"] == pytest.approx(0.25)
    assert math.isnan(row["low"])
    assert math.isnan(row["high"])
    assert (row["n_seeds"], row["seeds"]) == (1, "0")


def test_equal_differences_have_an_interval_without_width(rows: Rows) -> None:
    frame = rows(*((layers, seed, {"en": 0.5 - bool(layers) / 4}) for layers in ("", "0") for seed in (0, 1)))
    row = pick(sensitivity(frame), "source_drop", "en", "0")
    assert (row["low"], row["high"]) == (0.25, 0.25)


def test_seeds_that_one_side_lacks_are_left_out_and_counted(rows: Rows) -> None:
    frame = rows(
        ("", 0, {"en": 0.9, "de": 0.8}),
        ("", 1, {"en": 0.7, "de": 0.6}),
        ("", 2, {"en": 0.1, "de": 0.1}),
        ("0-1", 1, {"en": 0.6, "de": 0.4}),
        ("0-1", 5, {"en": 0.0, "de": 0.0}),
    )
    row = pick(sensitivity(frame), "zero_shot_drop", "de")
    assert row["effect"] == pytest.approx(0.2)
    assert (row["n_seeds"], row["seeds"], row["n_dropped"]) == (1, "1", 3)


def test_a_mean_takes_only_seeds_that_have_all_its_targets(rows: Rows) -> None:
    frame = rows(
        ("", 0, {"en": 0.9, "de": 0.8, "zh": 0.6}),
        ("", 1, {"en": 0.9, "de": 0.8, "zh": 0.6}),
        ("0-1", 0, {"en": 0.9, "de": 0.7, "zh": 0.4}),
        ("0-1", 1, {"en": 0.9, "de": 0.5}),
    )
    effect = sensitivity(frame)
    assert pick(effect, "zero_shot_drop", "de")["n_seeds"] == 2
    mean = pick(effect, "zero_shot_drop", "mean")
    assert mean["effect"] == pytest.approx(0.15)
    assert (mean["seeds"], mean["n_dropped"]) == ("0", 1)


def test_models_tasks_sources_and_studies_have_their_own_baselines(rows: Rows) -> None:
    axes = {"model": ("m1", "m2"), "task": ("upos", "ner"), "source": ("en", "ru"), "study": ("a", "b")}
    runs, expected = [], {}
    for index, values in enumerate(itertools.product(*axes.values())):
        where = dict(zip(axes, values, strict=True))
        where["metric"] = "accuracy" if where["task"] == "upos" else "span_f1"
        drop = index / 100
        runs.append(("", 0, {"en": 0.9, "ru": 0.9}, where))
        runs.append(("0-1", 0, {"en": 0.9 - drop, "ru": 0.9 - drop}, where))
        expected[values] = drop
    effect = sensitivity(rows(*runs))
    drops = effect[effect["quantity"] == "source_drop"].set_index(list(axes))["effect"]
    assert drops.to_dict() == pytest.approx(expected)


def test_two_phases_of_one_study_share_the_baseline_and_nothing_else(rows: Rows) -> None:
    frame = rows(
        ("", 0, {"en": 0.9, "de": 0.8}),
        ("0-1", 0, {"en": 0.8, "de": 0.5}),
        ("0-1", 0, {"en": 0.7, "de": 0.1}, {"phase": "after"}),
    )
    effect = sensitivity(frame)
    drops = effect[(effect["quantity"] == "zero_shot_drop") & (effect["target"] == "de")]
    found = dict(zip(drops["sweep"], drops["effect"], strict=True))
    assert found == pytest.approx({"reset@before": 0.3, "reset@after": 0.7})


def test_a_missing_baseline_is_an_error_or_a_note(rows: Rows) -> None:
    frame = rows(
        ("", 0, {"en": 0.9}),
        ("0-1", 0, {"en": 0.8}),
        ("0-1", 0, {"en": 0.8}, {"model": "other"}),
    )
    with pytest.raises(RecordsError, match=r"study s, other, upos from en: no baseline \(ablation 'none'\)"):
        sensitivity(frame)
    effect = sensitivity(frame, incomplete="drop")
    assert set(effect["model"]) == {"m"}
    assert len(effect.attrs["notes"]) == 1
    assert "reset(0-1)@before cannot be compared" in effect.attrs["notes"][0]


def test_no_common_seed_is_an_error_or_a_note(rows: Rows) -> None:
    frame = rows(("", 0, {"en": 0.9}), ("", 2, {"en": 0.9}), ("0-1", 1, {"en": 0.8}))
    with pytest.raises(RecordsError, match=r"no seed in common .* \(seeds 0, 2 against seeds 1\)"):
        sensitivity(frame)
    assert sensitivity(frame, incomplete="drop").empty


def test_a_run_recorded_twice_is_refused(rows: Rows) -> None:
    frame = rows(("", 0, {"en": 0.9}), ("", 0, {"en": 0.8}, {"run_id": "again"}), ("0-1", 0, {"en": 0.8}))
    with pytest.raises(RecordsError, match=r"none, target en, seed 0 was recorded by several runs \(again"):
        sensitivity(frame)


def test_without_the_source_among_the_targets_only_zero_shot_drops_remain(rows: Rows) -> None:
    effect = sensitivity(rows(("", 0, {"de": 0.9}), ("0-1", 0, {"de": 0.8})))
    assert set(effect["quantity"]) == {"zero_shot_drop"}
    assert set(effect["target"]) == {"de", "mean"}


def test_without_zero_shot_targets_only_the_source_drop_remains(rows: Rows) -> None:
    effect = sensitivity(rows(("", 0, {"en": 0.9}), ("0-1", 0, {"en": 0.8})))
    assert effect["quantity"].tolist() == ["source_drop"]


@pytest.mark.parametrize("with_baseline", [False, True])
def test_nothing_ablated_gives_empty_frames_with_their_columns(rows: Rows, with_baseline: bool) -> None:
    frame = rows(("", 0, {"en": 0.9})) if with_baseline else empty_records()
    effect, pairs = sensitivity(frame), paired(frame)
    assert effect.empty
    assert list(effect.columns) == list(EFFECT_COLUMNS)
    assert list(pairs.columns) == list(PAIRED_COLUMNS)
    assert str(effect["effect"].dtype) == "float64"
    assert str(effect["first_layer"].dtype) == "Int64"


def test_scores_that_are_not_numbers_do_not_count(rows: Rows) -> None:
    frame = rows(
        ("", 0, {"en": 0.9}), ("", 1, {"en": 0.9}), ("0-1", 0, {"en": 0.8}), ("0-1", 1, {"en": float("nan")})
    )
    row = pick(sensitivity(frame), "source_drop", "en")
    assert (row["n_seeds"], row["n_dropped"]) == (1, 1)


@pytest.mark.parametrize("trial", range(4))
def test_random_frames_agree_with_a_plain_loop(rows: Rows, trial: int) -> None:
    rng = np.random.default_rng(trial)
    targets, layers = ["en", "de", "fr", "zh"], ["", "0-1", "2-3", "4-5"]
    scores = {}
    for model, window, seed in itertools.product(("m1", "m2"), layers, range(4)):
        if window == "" or rng.random() < 0.8:
            for target in targets:
                if target in ("en", "de") or rng.random() < 0.9:
                    scores[model, window, seed, target] = float(rng.random())
    runs: dict[tuple[str, str, int], dict[str, float]] = {}
    for (model, window, seed, target), value in scores.items():
        runs.setdefault((model, window, seed), {})[target] = value
    frame = rows(
        *((window, seed, values, {"model": model}) for (model, window, seed), values in runs.items())
    ).sample(frac=1, random_state=trial)
    effect = sensitivity(frame)
    checked = 0
    for row in effect.to_dict("records"):
        model, window, seeds = row["model"], row["layers"], []
        has = {
            side: {
                target
                for target in targets
                if any((model, side, seed, target) in scores for seed in range(4))
            }
            for side in ("", window)
        }
        zero_shot = [target for target in targets if target in has[""] & has[window] and target != "en"]
        members = zero_shot if row["target"] == "mean" else [row["target"]]
        effects = []
        for seed in range(4):
            needed = members + ["en"] * (row["quantity"] == "gap_change")
            if all((model, side, seed, t) in scores for side in ("", window) for t in needed):
                before = fmean(scores[model, "", seed, t] for t in members)
                after = fmean(scores[model, window, seed, t] for t in members)
                effects.append(before - after)
                if row["quantity"] == "gap_change":
                    effects[-1] -= scores[model, "", seed, "en"] - scores[model, window, seed, "en"]
                seeds.append(str(seed))
        assert row["effect"] == pytest.approx(fmean(effects))
        assert row["seeds"] == ",".join(seeds)
        assert row["n_targets"] == len(members)
        checked += 1
    assert checked == len(effect) >= 2 * 3 * 7


def test_gaps_of_every_run_by_hand(two_seeds: pd.DataFrame) -> None:
    gaps = transfer_gap(two_seeds)
    assert len(gaps) == 2 * 2 * 2
    one = gaps[(gaps["layers"] == "0-1") & (gaps["seed"] == 1) & (gaps["target"] == "zh")].iloc[0]
    assert (one["source_value"], one["target_value"]) == (0.90, 0.32)
    assert one["gap"] == pytest.approx(0.58)


def test_aggregate_gives_mean_and_deviation_over_seeds(two_seeds: pd.DataFrame) -> None:
    table = aggregate(two_seeds)
    row = table[(table["ablation"] == "none") & (table["target"] == "zh")].iloc[0]
    assert (row["mean"], row["n_seeds"]) == (pytest.approx(0.62), 2)
    assert row["sd"] == pytest.approx(0.02 * math.sqrt(2))
    assert len(table) == 6
    assert aggregate(two_seeds[two_seeds["seed"] == 0])["sd"].isna().all()


def test_analysis_needs_neither_torch_nor_transformers() -> None:
    code = (
        "import sys, layerlab.analysis.records.tidy, layerlab.analysis.effects.sensitivity\n"
        "print([name for name in ('torch', 'transformers', 'matplotlib') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_other_corpora_of_the_sources_language_are_domains_and_enter_no_mean(rows: Rows) -> None:
    scores = {"en": 0.9, "de": 0.6, "fr": 0.5, "en:GUM": 0.8, "fr:PUD": 0.1}
    ablated = {"en": 0.8, "de": 0.3, "fr": 0.4, "en:GUM": 0.4, "fr:PUD": 0.0}
    effect = sensitivity(rows(("", 0, scores), ("0-1", 0, ablated)))
    assert pick(effect, "zero_shot_drop", "mean")["effect"] == pytest.approx((0.3 + 0.1) / 2)
    assert pick(effect, "gap_change", "mean")["effect"] == pytest.approx(0.1)
    assert pick(effect, "zero_shot_drop", "mean")["n_targets"] == 2
    domain = pick(effect, "domain_drop", "en:GUM")
    assert (domain["reference"], domain["effect"]) == pytest.approx((0.8, 0.4))
    assert pick(effect, "domain_gap_change", "en:GUM")["effect"] == pytest.approx(0.4 - 0.1)
    shown = set(effect[effect["quantity"] == "zero_shot_drop"]["target"])
    assert shown == {"de", "fr", "mean"}, "a treebank of a language that is there itself is left out"
    gaps = transfer_gap(rows(("", 0, scores), ("0-1", 0, ablated)))
    assert set(gaps["target"]) == {"de", "fr"}


def test_a_treebank_of_another_language_is_a_zero_shot_target(rows: Rows) -> None:
    effect = sensitivity(rows(("", 0, {"en": 0.9, "de:PUD": 0.6}), ("0-1", 0, {"en": 0.9, "de:PUD": 0.5})))
    assert pick(effect, "zero_shot_drop", "mean")["effect"] == pytest.approx(0.1)
    assert "domain_drop" not in set(effect["quantity"])
