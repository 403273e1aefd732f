from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from layerlab.analysis.effects.sensitivity import EFFECT_COLUMNS, MEAN, paired, sensitivity
from layerlab.analysis.records.tidy import empty_records, validate_records
from layerlab.analysis.significance.effects import TEST_COLUMNS, seed_warning, significance
from layerlab.analysis.significance.inference import bootstrap_means, cohens_dz, sign_flip_test
from layerlab.analysis.significance.resampling import SENTENCE_COLUMNS, SentenceDraws, hierarchical_interval
from layerlab.errors import RecordsError

Rows = Callable[..., pd.DataFrame]
Counts = tuple[pd.DataFrame, pd.DataFrame]
LAYERS = ("0-1", "2-3", "4-5")


def make_study(
    rows: Rows, drops: Mapping[str, float], n_seeds: int, rng: np.random.Generator, n_targets: int = 4
) -> pd.DataFrame:
    """Records in which ablating ``layers`` costs ``drops[layers]`` on targets and nothing on the source."""
    targets = [f"t{index}" for index in range(n_targets)]
    runs = []
    for seed in range(n_seeds):
        base = {name: 0.7 + rng.normal(0, 0.01) for name in ("en", *targets)}
        runs.append(("", seed, base))
        for layers in LAYERS:
            cost = {name: 0.0 if name == "en" else drops.get(layers, 0.0) for name in base}
            runs.append(
                (layers, seed, {name: base[name] - cost[name] + rng.normal(0, 0.01) for name in base})
            )
    return rows(*runs)


@pytest.fixture
def study(rows: Rows) -> pd.DataFrame:
    return make_study(rows, {"0-1": 0.2, "2-3": 0.1}, 8, np.random.default_rng(0))


def test_it_is_the_frame_of_sensitivity_with_tests_beside_every_effect(study: pd.DataFrame) -> None:
    found = significance(study)
    assert list(found.columns) == [*EFFECT_COLUMNS, *TEST_COLUMNS]
    pd.testing.assert_frame_equal(found[list(EFFECT_COLUMNS)], sensitivity(study))
    pairs = paired(study).groupby(["layers", "quantity", "target"])["effect"].apply(np.array)
    for row in found.to_dict("records"):
        differences = pairs[row["layers"], row["quantity"], row["target"]]
        assert row["p"] == pytest.approx(sign_flip_test(differences))
        assert row["d_z"] == pytest.approx(cohens_dz(differences))
        low, high = bootstrap_means(differences)
        assert [row["boot_low"], row["boot_high"]] == pytest.approx([float(low), float(high)])
    assert set(found["resampled"]) == {"seeds"}
    assert found.attrs["warnings"] == []


def test_a_family_is_all_layers_times_all_targets_of_a_quantity_and_means_are_one_of_their_own(
    study: pd.DataFrame,
) -> None:
    found = significance(study)
    sizes = found.groupby(["quantity", found["target"] == MEAN])["n_tests"].unique().to_dict()
    assert {key: list(value) for key, value in sizes.items()} == {
        ("source_drop", False): [3], ("zero_shot_drop", False): [12], ("zero_shot_drop", True): [3],
        ("gap_change", False): [12], ("gap_change", True): [3],
    }  # fmt: skip
    assert "zero_shot_drop: 3 ablations x 4 targets" in set(found["family"])
    assert "gap_change: 3 ablations x the mean over targets" in set(found["family"])
    for _, part in found.groupby("family"):
        assert part["q"].tolist() == pytest.approx(stats.false_discovery_control(part["p"]).tolist())
    cautious = significance(study, method="by")
    assert (cautious["q"] >= found["q"]).all()


def test_tasks_models_and_sources_are_families_of_their_own(rows: Rows) -> None:
    runs = [
        (layers, seed, {"en": 0.9 - seed / 100, "de": 0.5 + seed / 50}, {"task": task, "phase": "before"})
        for task in ("upos", "ner")
        for layers in ("", "0-1", "2-3")
        for seed in range(3)
    ]
    found = significance(rows(*runs))
    assert found[found["target"] == "de"]["n_tests"].unique().tolist() == [2]


def test_real_effects_are_found_and_others_are_not(study: pd.DataFrame) -> None:
    found = significance(study)
    drops = found[found["quantity"] == "zero_shot_drop"]
    assert (drops[drops["layers"] != "4-5"]["q"] <= 0.05).all()
    assert (drops[drops["layers"] == "4-5"]["q"] > 0.05).all()
    assert (found[found["quantity"] == "source_drop"]["q"] > 0.05).all()


def test_studies_without_effects_seldom_claim_one(rows: Rows) -> None:
    rng = np.random.default_rng(3)
    false = 0
    for _ in range(40):
        found = significance(make_study(rows, {}, 8, rng, n_targets=2), resamples=50)
        false += int((found[found["family"] == "zero_shot_drop: 3 ablations x 2 targets"]["q"] <= 0.05).any())
    # A family without effects claims one in at most 1 of 20 studies; 7 of 40 would be rarer than 1 in 200.
    assert false <= 6


def test_too_few_seeds_are_warned_about(rows: Rows) -> None:
    rng = np.random.default_rng(1)
    found = significance(make_study(rows, {"0-1": 0.3}, 5, rng))
    assert found["p"].min() == 0.0625
    (warning,) = found.attrs["warnings"]
    assert warning.startswith(
        "m, upos from en, reset@before: With 5 seeds, p cannot fall below .0625, so no "
    )
    assert warning.endswith("at least 6 seeds, or 9 for one effect alone among 12, are needed.")
    assert significance(make_study(rows, {"0-1": 0.3}, 6, rng)).attrs["warnings"] == []


def test_one_seed_has_no_test(rows: Rows) -> None:
    found = significance(make_study(rows, {}, 1, np.random.default_rng(1)))
    assert found[["p", "q", "d_z", "boot_low", "boot_high"]].isna().all(axis=None)
    assert set(found["n_tests"]) == {0}
    assert set(found["resampled"]) == {""}
    assert "One seed cannot be tested: at least 6 seeds are needed." in found.attrs["warnings"][0]
    assert seed_warning(1, 3).endswith("6 seeds, or 7 for one effect alone among 3, are needed.")


def test_seeds_that_differ_between_ablations_are_tested_with_those_they_have(study: pd.DataFrame) -> None:
    part = study[~((study["layers"] == "0-1") & (study["seed"] > 3))]
    found = significance(part)
    assert set(found[found["layers"] == "0-1"]["n_seeds"]) == {4}
    assert found[found["layers"] == "0-1"]["p"].min() == pytest.approx(2 / 2**4)
    assert found[found["layers"] == "2-3"]["p"].min() == pytest.approx(2 / 2**8)


def test_what_is_left_out_is_still_told_and_nothing_gives_an_empty_frame(study: pd.DataFrame) -> None:
    lonely = study[study["ablation"] != "none"]
    with pytest.raises(RecordsError, match="no baseline"):
        significance(lonely)
    found = significance(lonely, incomplete="drop")
    assert found.empty
    assert "no baseline" in found.attrs["notes"][0]
    assert list(significance(empty_records()).columns) == [*EFFECT_COLUMNS, *TEST_COLUMNS]


def counted(rows: Rows, n_seeds: int, n_sentences: int = 300) -> Counts:
    """Records of a study and the counts of its sentences that they come from."""
    rng = np.random.default_rng(n_seeds)
    totals = {name: rng.integers(3, 30, n_sentences) for name in ("en", "de", "fr")}
    hard = {name: rng.beta(8, 2, n_sentences) for name in totals}
    runs, counts = [], []
    for layers in ("", "0-1"):
        for seed in range(n_seeds):
            scores = {}
            for name, total in totals.items():
                hits = rng.binomial(total, hard[name] * (0.8 if layers and name != "en" else 1.0))
                scores[name] = float(hits.sum() / total.sum())
                one = {"layers": layers, "seed": seed, "target": name, "hits": hits, "total": total}
                counts.append(pd.DataFrame(one).rename_axis("sentence").reset_index())
            runs.append((layers, seed, scores))
    frame = rows(*runs)
    ids = frame[["study", "layers", "seed", "target", "run_id", "metric"]]
    sentences = pd.concat(counts).merge(ids, on=["layers", "seed", "target"])
    return frame, sentences[list(SENTENCE_COLUMNS)]


def test_of_one_seed_sentences_are_resampled_as_scipy_does(rows: Rows) -> None:
    frame, sentences = counted(rows, 1)
    found = significance(frame, sentences=sentences)
    assert set(found["resampled"]) == {"sentences"}
    effects = {(row["quantity"], row["target"]): row for row in found.to_dict("records")}

    def arrays(target: str) -> list[np.ndarray]:
        parts = [part for _, part in sentences[sentences["target"] == target].groupby("run_id")]
        (one, two) = sorted(parts, key=lambda part: "reset" in part["run_id"].iloc[0])
        return [np.array(part[name]) for part in (one, two) for name in ("hits", "total")]

    def drop(*counts: np.ndarray) -> float:
        hits, total, ablated, ablated_total = (part.sum(axis=-1) for part in counts)
        return float(hits / total - ablated / ablated_total)

    for quantity, target in (("zero_shot_drop", "de"), ("source_drop", "en")):
        other = stats.bootstrap(
            arrays(target), drop, paired=True, vectorized=False, method="percentile", n_resamples=2000,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        row = effects[quantity, target]
        assert (row["boot_low"], row["boot_high"]) == pytest.approx(
            tuple(other.confidence_interval), abs=2e-3
        )


def test_sentences_are_resampled_with_the_seeds_in_every_quantity(rows: Rows) -> None:
    frame, sentences = counted(rows, 4)
    found = significance(frame, sentences=sentences)
    alone = significance(frame)
    assert set(found["resampled"]) == {"seeds and sentences"}
    assert len(found) == 1 + 3 + 3
    assert (found["boot_low"] < found["effect"]).all()
    assert (found["effect"] < found["boot_high"]).all()
    assert found["p"].equals(alone["p"])
    mean = found[(found["target"] == MEAN) & (found["quantity"] == "zero_shot_drop")].iloc[0]
    single = found[(found["target"] == "de") & (found["quantity"] == "zero_shot_drop")].iloc[0]
    assert mean["boot_high"] - mean["boot_low"] < single["boot_high"] - single["boot_low"]


def test_effects_without_all_counts_keep_the_interval_over_seeds(rows: Rows) -> None:
    frame, sentences = counted(rows, 3)
    found = significance(frame, sentences=sentences[sentences["target"] != "fr"])
    by_target = found.set_index(["quantity", "target"])["resampled"].to_dict()
    assert by_target["zero_shot_drop", "de"] == "seeds and sentences"
    assert by_target["gap_change", "de"] == "seeds and sentences"
    assert by_target["zero_shot_drop", "fr"] == by_target["zero_shot_drop", MEAN] == "seeds"


def test_counts_that_do_not_fit_the_records_are_refused(rows: Rows) -> None:
    frame, sentences = counted(rows, 2)
    with pytest.raises(RecordsError, match="the counts of sentences lack the columns hits"):
        significance(frame, sentences=sentences.drop(columns="hits"))
    with pytest.raises(RecordsError, match="the counts of sentences give accuracy .*, the records say"):
        significance(frame, sentences=sentences.assign(hits=sentences["hits"] // 2))
    ablated = sentences["run_id"].str.contains("reset")
    moved = sentences.assign(sentence=sentences["sentence"] + 1000 * ablated)
    with pytest.raises(RecordsError, match="counts of 300 sentences, which are not the 300"):
        significance(frame, sentences=moved)


def test_the_luck_of_the_sentences_does_not_average_out_over_seeds() -> None:
    rng = np.random.default_rng(8)
    n_seeds, n_sentences = 20, 400
    luck = rng.normal(0, 1, n_sentences)  # the same sentences are hard for every seed
    seeds = rng.normal(0, 0.05, n_seeds)
    frame = pd.DataFrame({"sentence": range(n_sentences), "hits": luck, "total": 1.0})
    frame = frame.assign(study="s", target="de", metric="accuracy")
    runs = pd.concat([frame.assign(run_id=str(seed), hits=luck + shift) for seed, shift in enumerate(seeds)])
    draws = SentenceDraws(runs, 4000)
    values = [draws.scores("s", str(seed), "de", "accuracy", luck.mean() + seeds[seed]) for seed in range(20)]
    low, high = hierarchical_interval([value for value in values if value is not None])
    spread = np.sqrt(luck.var() / n_sentences + seeds.var() / n_seeds)
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.06)
    assert draws.scores("s", "none", "de", "accuracy", 0.5) is None


def test_a_study_of_many_runs_takes_a_moment() -> None:
    rng = np.random.default_rng(2)
    names = ["none", *(f"reset({layer})@before" for layer in range(24))]
    rows = [
        {
            "study": "s",
            "run_id": f"{name}-{seed}",
            "fit_id": "f",
            "model": "m",
            "task": "upos",
            "split": "test",
        }
        | {"ablation": name, "phase": "before", "intervention": "reset", "source": "en", "seed": seed}
        | {"layers": name[6:-8], "first_layer": None, "last_layer": None, "metric": "accuracy", "layer": None}
        | {"target": target, "value": rng.random(), "n": 10}
        for name in names
        for seed in range(20)
        for target in ("en", "de", "fr", "ru", "zh", "ja", "hi", "ar")
    ]
    found = significance(validate_records(pd.DataFrame(rows)))
    assert len(found) == 24 * (1 + 8 + 8)
    assert found["p"].between(0, 1, inclusive="right").all()
