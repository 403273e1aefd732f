"""Every number in the texts about results is computed from the records that are shipped with them."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import pytest
from scipy.stats import spearmanr

from layerlab.analysis.sentences.counts import load_counts
from layerlab.errors import RecordsError
from layerlab.languages.corpora.nli import generate_pairs
from layerlab.languages.family import find_family
from results.numbers.effects import study
from results.numbers.levels import levels, rho
from results.numbers.pairs import pairs
from results.numbers.published import agreement
from results.numbers.rendering import ROOT, claim, loose_numbers, made_texts, templates
from results.numbers.trajectories import trajectories

#: The t quantile of seven degrees of freedom, those of eight seeds.
T_7 = 2.364624


def test_texts_are_what_their_templates_and_the_records_give() -> None:
    changed = [path for path, text in made_texts().items() if path.read_text(encoding="utf-8") != text]
    assert not changed, f"made of other records or templates: {changed}; run python -m results.write"


@pytest.mark.parametrize("template", templates(), ids=lambda path: path.name)
def test_no_measured_number_stands_in_a_template(template: Path) -> None:
    assert loose_numbers(template.read_text(encoding="utf-8")) == []


def test_the_first_figure_of_the_readme_and_its_caption_are_made_of_records() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = readme[readme.index("<!-- made of texts/figure.md.j2 -->") : readme.index("<!-- end -->")]
    assert made.count("<img") == 1
    assert readme.index("<img") > readme.index("<!-- made of")
    other = readme.index("<!-- made of texts/pretraining.md.j2 -->")
    more = readme[other : readme.index("<!-- end -->", other)]
    assert not loose_numbers(readme.replace(made, "").replace(more, "").split("## Two commands")[0])


def scores(folder: str, metric: str) -> dict[tuple[str, str], dict[str, float]]:
    """Read scores by ablation and target, then by seed, with nothing of layerlab."""
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    with (ROOT / "results" / folder / "records.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["metric"] == metric and not row["layer"]:
                found[row["ablation"], row["target"]][row["seed"]] = 100 * float(row["value"])
    return found


def test_log_odds_equal_those_computed_by_hand() -> None:
    odds: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    with (ROOT / "results/e5-upos/records.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            right = float(row["value"]) * int(row["n"])
            odds[row["ablation"], row["target"]][row["seed"]] = (right + 0.5) / (int(row["n"]) - right + 0.5)
    before, after = odds["none", "fr"], odds["reset(0-1)@before", "fr"]
    drops = [math.log(before[seed] / after[seed]) for seed in before]
    half = T_7 * stdev(drops) / math.sqrt(8)
    assert str(study("e5-upos").log_odds.drop("0-1", "fr")) == f"{fmean(drops):.2f} ± {half:.2f}"


def test_intervals_over_sentences_are_those_of_resampling_written_out() -> None:
    """Whole seeds are drawn, and one set of sentences of each target, on which F1 is computed anew."""
    folder, rng = ROOT / "results/e5-ner", np.random.default_rng(99)
    with (folder / "records.csv").open(encoding="utf-8") as file:
        runs = {row["run_id"]: (row["ablation"], int(row["seed"])) for row in csv.DictReader(file)}
    frame = load_counts(folder).query("metric == 'span_f1'").sort_values("sentence")
    sentences: dict[tuple[str, str], dict[int, np.ndarray]] = defaultdict(dict)
    for (run, target), rows in frame.groupby(["run_id", "target"], observed=True):
        ablation, seed = runs[str(run)]
        sentences[ablation, str(target)][seed] = rows[["hits", "total"]].to_numpy(float)
    of = {key: np.stack([by_seed[seed] for seed in sorted(by_seed)]) for key, by_seed in sentences.items()}
    before, after = (
        {target: of[name, target] for name, target in of if name == wanted}
        for wanted in ("none", "reset(0-1)@before")
    )
    drawn = []
    for _ in range(2000):
        seeds, drop = rng.integers(0, 8, 8), {}
        for target, scored in before.items():
            kept = rng.integers(0, scored.shape[1], scored.shape[1])
            sums = [one[target][seeds][:, kept].sum(axis=1) for one in (before, after)]
            drop[target] = float(np.mean(sums[0][:, 0] / sums[0][:, 1] - sums[1][:, 0] / sums[1][:, 1]))
        drawn.append(100 * (fmean(drop[target] for target in drop if target != "en") - drop["en"]))
    low, high = np.percentile(drawn, [2.5, 97.5])
    own = study("e5-ner").gap_over_sentences("0-1")
    assert (own.low, own.high) == pytest.approx((low, high), abs=0.06 * (high - low))
    assert own.clear
    assert str(own).startswith(f"[{own.low:.1f}, ")
    odds = study("e5-ner").log_odds.gap_over_sentences("0-1")
    assert 0 < odds.low < odds.high < 1


def test_effects_equal_those_computed_by_hand() -> None:
    found, three = scores("e5-upos", "accuracy"), ("de", "fr", "fi")
    drops = [
        fmean(found["none", one][seed] - found["reset(0-1)@before", one][seed] for one in three)
        for seed in found["none", "en"]
    ]
    half = T_7 * stdev(drops) / math.sqrt(8)
    own = study("e5-upos").over(*three)
    assert str(own.drop("0-1")) == f"{fmean(drops):.1f} ± {half:.1f}"
    assert own.score("fr") == f"{fmean(found['none', 'fr'].values()):.1f}"
    margin = abs(fmean(drops)) + 1.894579 * stdev(drops) / math.sqrt(8)  # of one-sided tests at .05
    assert margin <= float(own.drop("0-1").within) < margin + 0.1


def test_factors_of_pretraining_equal_those_computed_by_hand() -> None:
    found: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    with (ROOT / "results/emerging-factors/records.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["metric"] == "las" and not row["layer"]:
                found[row["model"], row["target"]][row["seed"]] = 100 * float(row["value"])
    lost = [
        found["default", "jora"][seed] - found["sep upper", "jora"][seed] for seed in found["default", "jora"]
    ]
    half = 4.302653 * stdev(lost) / math.sqrt(3)  # the t quantile of two degrees of freedom; three seeds
    assert str(study("emerging-factors", "parsing").drop("sep upper")) == f"{fmean(lost):.1f} ± {half:.1f}"
    own = study("emerging-factors", "parsing", model="sep upper").score("jora")
    assert own == f"{fmean(found['sep upper', 'jora'].values()):.1f}"


def test_what_an_ablation_adds_to_a_measure_is_paired_by_seed() -> None:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    with (ROOT / "results/e5-cka/records.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if (row["metric"], row["layer"]) == ("cka", "6") and row["target"] != row["source"]:
                found[row["ablation"], row["seed"]].append(100 * float(row["value"]))
    seeds = sorted({seed for _, seed in found})
    added = [fmean(found["fresh 0-1", seed]) - fmean(found["none", seed]) for seed in seeds]
    half = 4.302653 * stdev(added) / math.sqrt(3)  # the t quantile of two degrees of freedom; three seeds
    assert len(seeds) == 3
    assert str(levels("e5-cka").added("cka", 6, "fresh 0-1")) == f"{fmean(added):.1f} ± {half:.1f}"


def test_scores_along_training_equal_those_computed_by_hand() -> None:
    points: dict[tuple[str, str], list[float]] = defaultdict(list)
    ends: dict[tuple[str, str], list[float]] = defaultdict(list)
    kept: dict[tuple[str, str], float] = {}
    with (ROOT / "results/e5-trajectory/trajectories.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["split"] != "test" or row["metric"] != "accuracy" or row["target"] == row["source"]:
                continue
            if row["step"] == "75":
                points[row["ablation"], row["seed"]].append(100 * float(row["value"]))
            if row["ablation"] == "none" and row["competes"] == "True":
                ends[row["target"], row["seed"]].append(100 * float(row["value"]))
                if row["chosen"] == "True":
                    kept[row["target"], row["seed"]] = 100 * float(row["value"])
    seeds = sorted({seed for _, seed in kept})
    lost = [fmean(points["none", seed]) - fmean(points["fresh 0-1", seed]) for seed in seeds]
    half = 3.182446 * stdev(lost) / 2  # the t quantile of three degrees of freedom; four seeds
    one = trajectories("e5-trajectory")
    assert len(seeds) == 4
    assert str(one.lost(75, "fresh 0-1")) == f"{fmean(lost):.1f} ± {half:.1f}"
    missed = [fmean(max(ends[key]) - kept[key] for key in kept if key[1] == seed) for seed in seeds]
    assert str(one.oracle()) == f"{fmean(missed):.1f} ± {3.182446 * stdev(missed) / 2:.1f}"


def test_agreement_with_published_scores_is_what_scipy_says() -> None:
    found = scores("e5-upos", "accuracy")
    theirs = {"fr": "85.7", "de": "88.3", "ru": "81.4", "tr": "71.5", "ja": "48.1"}
    ours = [fmean(found["none", target].values()) for target in theirs]
    rho = spearmanr(ours, [float(score) for score in theirs.values()]).statistic
    assert agreement(study("e5-upos"), theirs).startswith(f"{rho:.2f} [".replace("0.", "."))


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (
            lambda: study("e5-upso"),
            "unknown folder with records in results/ 'e5-upso'; did you",
        ),
        (lambda: study("e5-turkish"), "unknown task ''; Known: parsing, upos"),
        (lambda: study("e5-upos", targets=["th"]), "unknown target 'th'"),
        (lambda: study("e5-upos", source="de"), "unknown source 'de'; Known: en"),
        (lambda: study("e5-upos", metric="las"), "las"),
        (lambda: study("emerging-unshared"), "unknown model ''; Known: default, learned positions"),
        (lambda: study("emerging-unshared", model="small"), "unknown model 'small'; Known: default, "),
        (lambda: study("e5-upos", sweep="rewind"), "unknown sweep 'rewind'"),
        (lambda: study("e5-upos").drop("1-2"), "unknown ablation or layers '1-2'"),
        (lambda: study("e5-upos").drop("0-1", "th"), "unknown target 'th'"),
        (lambda: study("e5-upos").score("th"), "unknown target 'th'"),
        (lambda: study("e5-after").drop("3"), "layers 3 belong to .* and .*; name one or the sweep"),
        (lambda: levels("e5-cka").at("cka", 13), "unknown level '13'"),
        (lambda: levels("e5-cka").at("ckr", 1), "unknown measure 'ckr'; did you mean 'cka'"),
        (lambda: levels("e5-cka").at("cka", 1, "th"), "unknown target 'th'"),
        (lambda: levels("e5-cka").at("cka", 1, ablation="fresh"), "unknown ablation 'fresh'"),
        (lambda: levels("e5-upos/alignment"), "unknown model ''; Known: multilingual-e5-small-q4, untrained"),
        (lambda: rho("e5-cka", 13), "unknown level '13'"),
        (lambda: trajectories("e5-trajectory").at(7), "unknown step '7'"),
        (lambda: trajectories("e5-trajectory").at(15, "th"), "unknown target 'th'"),
        (lambda: trajectories("e5-trajectory").oracle("th"), "unknown target 'th'"),
        (lambda: trajectories("e5-upos"), "has no trajectories; a study records them with"),
        (lambda: claim(True, False), "a text claims what the records do not show"),
    ],
)
def test_what_is_not_there_is_an_error_that_says_what_is(ask: Callable[[], object], answer: str) -> None:
    with pytest.raises(RecordsError, match=answer):
        ask()


def test_pairs_with_a_denial_are_those_whose_text_has_the_word_for_not() -> None:
    tests = list(generate_pairs("jora", 500, "0-test", family=find_family("instrument")))
    said = [(pair.premise.sentence, pair.hypothesis.sentence) for pair in tests]
    words = [[*zip((*a.words, *b.words), (*a.upos, *b.upos), strict=True)] for a, b in said]
    denied = np.array([("serten", "PART") in both for both in words])
    hits: dict[str, dict[int, int]] = defaultdict(dict)
    counts = load_counts(ROOT / "results/emerging-factors", metrics={"accuracy"})
    for run_id, sentence, hit in counts[counts["target"] == "jora"][["run_id", "sentence", "hits"]].values:
        hits[run_id][sentence] = hit
    with (ROOT / "results/emerging-factors/records.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["task"] == "nli"]
    runs = {row["run_id"] for row in rows if row["model"] == "default"}
    for is_so in (True, False):
        mean = fmean(fmean(hits[run][n] for n in np.flatnonzero(denied == is_so).tolist()) for run in runs)
        assert pairs("emerging-factors", "jora", "default", denied=is_so).value == pytest.approx(100 * mean)
    with pytest.raises(RecordsError, match="unknown model 'sep-emb'; did you mean 'sep emb'"):
        pairs("emerging-factors", "jora", "sep-emb", denied=True)
