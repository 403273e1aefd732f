"""Fits on several languages together: data, how they are drawn, the chosen epoch, and what reports say."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import FitDonor, Freeze, Reset, Swap
from layerlab.analysis.effects.sensitivity import sensitivity, transfer_gap
from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.analysis.sentences.counts import load_counts
from layerlab.analysis.significance.effects import significance
from layerlab.analysis.transfer.matrix import transfers
from layerlab.errors import StudyError
from layerlab.nodes.kinds.fit import Fit
from layerlab.report.figures.gallery import draw_all
from layerlab.report.page.study_report import report_on
from layerlab.study.costs.cost import plan_cost
from layerlab.study.study import Study
from layerlab.tasks.task import get_task
from tests.fixtures.studies import make_study, retrained, run

ABLATIONS = (
    Ablation.none(),
    Ablation(name="fresh", before=(Reset("0-1"),)),
    Ablation(name="frozen", before=(Freeze("embeddings,0", dropout=False),)),
)


@pytest.fixture(scope="module")
def mixed(treebanks: Path, tiny_encoder: Path) -> Study:
    return make_study(
        treebanks,
        tiny_encoder,
        sources=["aa", "aa+bb"],
        targets=["aa", "bb", "cc"],
        seeds=[0, 1],
        ablations=ABLATIONS,
        nodes={"probe": {"layers": [0, 2]}},
    )


@pytest.fixture(scope="module")
def results(mixed: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed")
    run(mixed, folder)
    return folder


def fit_records(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.glob("fits/*/record.json")]


def test_a_fit_on_one_language_keeps_its_identity_whatever_the_mixing(mixed: Study) -> None:
    alone = mixed.model_copy(update={"sources": ("aa",)})
    even = retrained(alone, mixing="even")
    ids = [{item.id for item in study.plan().nodes} for study in (alone, even, mixed)]
    assert ids[0] == ids[1] < ids[2]
    assert all("mixing" not in fit.spec.training for fit in alone.plan().fits)


def test_languages_and_mixing_are_part_of_the_identity_and_their_order_is_not(mixed: Study) -> None:
    def ids(source: str, mixing: str = "size") -> set[str]:
        made = mixed.model_copy(update={"sources": (source,), "nodes": {}})
        return {fit.id for fit in retrained(made, mixing=mixing).plan().fits}

    assert ids("aa+bb") == ids("bb+aa")
    assert not ids("aa+bb") & ids("aa+bb", "even")
    assert not ids("aa+bb") & ids("aa+cc")


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["aa+bb+aa"], "has aa twice; expected each language once"),
        (["aa+"], "lacks a language beside its"),
        (["aa+bb", "bb+aa"], "sources aa.bb and bb.aa are the same; keep one of them"),
    ],
)
def test_a_source_that_is_misnamed_is_refused(
    treebanks: Path, tiny_encoder: Path, sources: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make_study(treebanks, tiny_encoder, sources=sources)


def test_an_unknown_language_and_one_text_under_two_names_are_refused(mixed: Study, tmp_path: Path) -> None:
    root = mixed.data_for("upos").root
    assert root is not None
    shutil.copytree(root, tmp_path / "ud")
    shutil.copytree(tmp_path / "ud" / "aa", tmp_path / "ud" / "dd")
    data = mixed.data_for("upos").model_copy(update={"root": tmp_path / "ud"})
    with pytest.raises(StudyError, match=r"aa and dd have the same training split"):
        mixed.model_copy(update={"sources": ("aa+dd",), "data": data}).plan()
    with pytest.raises(StudyError, match="'ee'"):
        mixed.model_copy(update={"sources": ("aa+ee",), "data": data}).plan()


def test_sources_whose_labels_differ_are_refused(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(treebanks, tmp_path / "ner")
    train = tmp_path / "ner" / "bb" / "train.iob2"
    train.write_text(train.read_text().replace("B-PER", "B-PERSON"))
    study = make_study(tmp_path / "ner", tiny_encoder, tasks=["ner"], sources=["aa+bb"], targets=["cc"])
    with pytest.raises(StudyError, match=r"the labels of .*aa.* and .*bb.* differ: .*B-PERSON"):
        study.plan()


def test_the_best_epoch_is_that_of_the_mean_over_the_development_sets(results: Path) -> None:
    found = [one for one in fit_records(results) if one["fit"]["source"] == "aa+bb"]
    assert len(found) == 6
    for one in found:
        facts = one["node"]
        assert facts["dev_scores"] == "means over the development sets of aa, bb"
        assert facts["train_examples"] == {"aa": 48, "bb": 48}
        assert facts["n_steps"] == 2 * 12  # 96 sentences, 8 in a batch, 2 epochs
        for epoch in facts["history"]:
            own = [scores["accuracy"] for scores in epoch["dev_by_language"].values()]
            assert epoch["dev"]["accuracy"] == pytest.approx(np.mean(own))
        best = max(facts["history"], key=lambda epoch: epoch["dev"]["accuracy"])
        assert facts["best_epoch"] == best["epoch"]
    alone = [one["node"] for one in fit_records(results) if one["fit"]["source"] == "aa"]
    assert not any("dev_scores" in one or "dev_by_language" in one["history"][0] for one in alone)
    assert "dev_scores" in load_nodes(results).columns


def test_a_fit_on_two_languages_reads_both(results: Path) -> None:
    frame = load_records(results)
    scores = frame[(frame["ablation"] == "none") & frame["layer"].isna()]
    on_bb = scores[scores["target"] == "bb"].groupby("source")["value"].mean()
    assert on_bb["aa+bb"] > on_bb["aa"] + 0.1


def test_the_score_on_the_source_is_the_mean_of_its_languages(results: Path) -> None:
    frame = load_records(results)
    plain = frame[(frame["source"] == "aa+bb") & frame["layer"].isna()]
    values = plain.set_index(["ablation", "seed", "target"])["value"]
    effect = sensitivity(frame)
    effect = effect[(effect["source"] == "aa+bb") & (effect["ablation"] == "fresh")].set_index("quantity")

    def drop(target: str) -> float:
        return float(np.mean([values["none", s, target] - values["fresh", s, target] for s in (0, 1)]))

    assert effect.loc["source_drop", "target"] == "aa+bb"
    assert effect.loc["source_drop", "effect"] == pytest.approx((drop("aa") + drop("bb")) / 2)
    assert effect.loc["source_drop", "n_targets"] == 2
    parts = effect.loc["source_language_drop"].set_index("target")["effect"]
    assert parts.to_dict() == pytest.approx({"aa": drop("aa"), "bb": drop("bb")})
    assert effect.loc["zero_shot_drop"]["target"].tolist() == ["cc", "mean"]
    change = effect.loc["gap_change"].set_index("target").loc["cc", "effect"]
    assert change == pytest.approx(drop("cc") - (drop("aa") + drop("bb")) / 2)
    gaps = transfer_gap(frame)
    one = gaps[(gaps["source"] == "aa+bb") & (gaps["ablation"] == "none") & (gaps["seed"] == 0)].iloc[0]
    assert one["target"] == "cc"
    assert one["source_value"] == pytest.approx((values["none", 0, "aa"] + values["none", 0, "bb"]) / 2)


def test_intervals_over_sentences_exist_for_a_source_of_two_languages(results: Path) -> None:
    frame = load_records(results)
    tested = significance(frame, sentences=load_counts(results), resamples=200)
    assert set(tested["resampled"]) == {"seeds and sentences"}
    own = tested[(tested["quantity"] == "source_drop") & (tested["source"] == "aa+bb")]
    assert (own["boot_low"] <= own["effect"]).all()
    assert (own["effect"] <= own["boot_high"]).all()


def test_every_table_and_figure_takes_a_source_of_two_languages(results: Path, tmp_path: Path) -> None:
    paths = {path.name for path in report_on(results, tmp_path / "report")}
    assert {"targets.md", "transfer.md", "table.md"} <= paths
    table = (tmp_path / "report" / "tables" / "targets.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[ab+]+ \(source\)", table))
    assert named == {"aa+bb (source)", "aa (source)", "bb (source)"}
    assert {"transfer-upos.pdf", "probes-upos.pdf"} <= paths
    assert next(transfers(load_records(results))).mean.columns.tolist() == ["aa", "bb", "cc"]


def test_probes_and_donors_may_be_of_two_languages(mixed: Study, tmp_path: Path) -> None:
    ablations = (Ablation.none(), Ablation(name="s", after=(Swap("0-1", donor=FitDonor(source="bb+aa")),)))
    study = mixed.model_copy(update={"sources": ("aa", "aa+cc"), "seeds": (0,), "ablations": ablations})
    plan = study.plan()
    assert {fit.source for fit in plan.fits} == {"aa", "aa+cc", "bb+aa"}
    donor = next(fit for fit in plan.fits if fit.source == "bb+aa")
    assert plan.sentences["upos", "bb+aa"] == 96
    assert [run.columns["source"] for run in plan.runs if donor.id in run.needs] == ["aa", "aa+cc"]
    twice = (Ablation.none(), Ablation(name="s", after=(Swap("0", donor=FitDonor(source="aa+aa")),)))
    with pytest.raises(StudyError, match="has aa twice"):
        study.model_copy(update={"ablations": twice}).plan()


def test_measures_of_a_source_of_two_languages_are_means_over_them(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "parallel.tsv"
    lines = ["aa\tbb\tcc", *(f"mira tola {i}\tmiros tolos {i}\tмира тола {i}" for i in "gatilekipesa")]
    table.write_text("\n".join(lines) + "\n", encoding="utf-8")
    measures = {"names": ["retrieval", "change", "drift"], "parallel": str(table)}
    study = make_study(
        treebanks,
        tiny_encoder,
        sources=["aa", "bb", "aa+bb"],
        targets=["cc"],
        seeds=[0],
        ablations=[Ablation.none()],
        measures=measures,
    )
    run(study, tmp_path / "r")
    frame = load_records(tmp_path / "r")
    pretrained = frame[frame["metric"] == "retrieval_pretrained"]
    assert set(pretrained[pretrained["source"] == "aa+bb"]["target"]) == {"cc"}
    by_source = pretrained[pretrained["target"] == "cc"].pivot(
        index="layer", columns="source", values="value"
    )
    expected = (by_source["aa"] + by_source["bb"]) / 2
    pd.testing.assert_series_equal(by_source["aa+bb"], expected, check_names=False)
    changed = frame[(frame["metric"] == "change_cka") & (frame["source"] == "aa+bb")]
    assert set(changed["target"]) == {"aa", "bb", "cc"}
    assert len(draw_all(frame, tmp_path / "figures", figures=("change",))) == 3


def test_the_cost_of_even_mixing_counts_how_often_each_language_is_read(mixed: Study, tmp_path: Path) -> None:
    root = mixed.data_for("upos").root
    assert root is not None
    shutil.copytree(root, tmp_path / "ud")
    train = tmp_path / "ud" / "bb" / "train.conllu"
    train.write_text("\n\n".join(train.read_text().split("\n\n")[:16]) + "\n\n")
    data = mixed.data_for("upos").model_copy(update={"root": tmp_path / "ud"})
    made = mixed.model_copy(update={"data": data, "nodes": {}, "ablations": ABLATIONS[:1], "seeds": (0,)})
    alone, double = (made.model_copy(update={"sources": (name,)}) for name in ("bb", "aa+bb"))
    even = retrained(double, mixing="even")
    plans = [study.plan() for study in (alone, double, even)]
    small, by_size, evenly = (plan_cost(plan).training.pieces for plan in plans)
    large = by_size - small
    assert evenly == pytest.approx(large * 32 / 48 + small * 32 / 16)
    assert [plan.sentences for plan in plans[1:]] == [{("upos", "aa+bb"): 64}] * 2


def test_domains_of_controlled_languages_may_be_sources_together(tmp_path: Path) -> None:
    study = Study.model_validate(
        {
            "name": "domains",
            "models": ["minimbert-controlled"],
            "tasks": ["upos"],
            "data": {"controlled": {"train": 24, "dev": 8, "test": 8}},
            "sources": ["avin:news+avin:talk"],
            "targets": ["avin:news", "avin"],
            "training": {"epochs": 1, "mixing": "even"},
        }
    )
    fit = study.plan().of(Fit)[0]
    assert sorted(fit.spec.corpora["train"]) == ["avin:news", "avin:talk"]
    assert get_task("upos").name == fit.spec.task
