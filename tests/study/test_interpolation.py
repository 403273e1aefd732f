"""Between two fits: encoder and head move together, and the ends are the fits themselves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from layerlab.ablation.apply import applied, apply
from layerlab.ablation.interventions import FitDonor, Interpolate
from layerlab.ablation.interventions.donors import Donors
from layerlab.ablation.place import HEAD
from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import load_records
from layerlab.errors import DonorError, NoEffectError, RecordsError, StudyError
from layerlab.nodes.kinds.evaluation.fitted import Fitted, load_fitted
from layerlab.nodes.node import Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.report.figures.ablations.interpolation import lines, plot_interpolation
from layerlab.report.figures.gallery import draw_all, drawings
from layerlab.study.study import Study
from layerlab.training.events import silent
from tests.fixtures.studies import make_study, run

WEIGHTS = (0.25, 0.5, 1)
DONOR = {"donor": {"source": "bb"}}


@pytest.fixture(scope="module")
def study(treebanks: Path, tiny_encoder: Path) -> Study:
    upper = {"interpolate": {**DONOR, "weight": 0.5, "layers": "2-3"}}
    return make_study(
        treebanks,
        tiny_encoder,
        ablations=[
            "none",
            {"sweep": {"values": {"weight": list(WEIGHTS)}}, "after": [{"interpolate": DONOR}]},
            {"name": "upper", "after": [upper]},
        ],
    )


@pytest.fixture(scope="module")
def results(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interpolation")
    run(study, folder)
    return folder


@pytest.fixture
def pair(study: Study, results: Path) -> tuple[Fitted, Fitted, Donors]:
    """The fits on aa and bb with seed 0, and what gives the weights of the second."""
    fits = {fit.source: fit.id for fit in study.plan().fits if fit.spec.seed == 0}
    store = Store(results)
    own, donor = (
        load_fitted(Work(store, WorkSettings(device="cpu"), silent), fits[name]) for name in ("aa", "bb")
    )
    return own, donor, own.donors_of(store, (fits["bb"],))


def between(donor: Fitted, weight: float, layers: str = "everything") -> Interpolate:
    return Interpolate(donor=FitDonor(fit=donor.fit.id), weight=weight, layers=layers)


def test_weight_one_has_the_scores_of_the_donors_own_run_exactly(
    study: Study, results: Path, tmp_path: Path
) -> None:
    own = study.model_copy(update={"name": "donors", "sources": ("bb",), "ablations": study.ablations[:1]})
    run(own, tmp_path)
    key = ["seed", "target"]
    donors = load_records(tmp_path).set_index(key)["value"].sort_index()
    frame = load_records(results)
    ends = frame[frame["ablation"].str.contains("weight=1.0")].set_index(key)["value"].sort_index()
    pd.testing.assert_series_equal(ends, donors, check_exact=True)
    assert not (frame[frame["ablation"] == "none"].set_index(key)["value"].sort_index() == donors).all()


def test_every_way_of_evaluating_gives_the_same_scores(study: Study, results: Path, tmp_path: Path) -> None:
    one_seed = study.model_copy(update={"seeds": (0,)})
    run(one_seed, tmp_path, shortcuts="none")
    plain, fast = (load_records(folder) for folder in (tmp_path, results))
    key = ["ablation", "target"]
    one, other = (part[part["seed"] == 0].set_index(key)["value"].sort_index() for part in (fast, plain))
    pd.testing.assert_series_equal(one, other, atol=1e-9)


def test_encoder_and_head_lie_on_the_line(pair: tuple[Fitted, Fitted, Donors]) -> None:
    own, donor, donors = pair
    before, there = (dict(one.model.state_dict()) for one in (own, donor))
    before = {name: value.clone() for name, value in before.items()}
    item = between(donor, 0.25)
    with applied(item, own.encoder, donors=donors, head=own.model.head) as (receipt,):
        for name, value in own.model.state_dict().items():
            expected = before[name] + 0.25 * (there[name] - before[name])
            torch.testing.assert_close(value, expected)
    assert all(torch.equal(value, before[name]) for name, value in own.model.state_dict().items())
    named = [name for name in receipt.parameters if name.startswith(HEAD)]
    assert len(named) == len(list(own.model.head.parameters()))
    assert receipt.n_changed > len(named)


def test_layers_narrow_what_moves_and_the_head_moves_always(pair: tuple[Fitted, Fitted, Donors]) -> None:
    own, donor, donors = pair
    before = {name: value.clone() for name, value in own.model.state_dict().items()}
    with applied(between(donor, 0.5, "2-3"), own.encoder, donors=donors, head=own.model.head):
        moved = {
            name for name, value in own.model.state_dict().items() if not torch.equal(value, before[name])
        }
    assert {name.split(".")[3] for name in moved if name.startswith("encoder.")} == {"2", "3"}
    assert any(name.startswith("head.") for name in moved)
    assert not any("embeddings" in name for name in moved)


def test_weight_zero_is_refused_in_a_notebook_and_in_a_plan(
    study: Study, pair: tuple[Fitted, Fitted, Donors]
) -> None:
    own, donor, donors = pair
    with pytest.raises(NoEffectError, match="bit for bit as they are"):
        apply(between(donor, 0.0), own.encoder, donors=donors, head=own.model.head)
    zero = Study.model_validate(
        {**study.model_dump(), "ablations": ["none", {"after": [{"interpolate": {**DONOR, "weight": 0}}]}]}
    )
    with pytest.raises(StudyError, match="a weight of 0 is the fit itself"):
        zero.plan()


def test_without_a_head_or_with_another_one_nothing_is_written(
    pair: tuple[Fitted, Fitted, Donors], results: Path, tmp_path: Path
) -> None:
    own, donor, donors = pair
    with pytest.raises(DonorError, match="interpolate changes the task head too; give it: head="):
        apply(between(donor, 0.5), own.encoder, donors=donors)
    copy = tmp_path / donor.fit.id
    shutil.copytree(results / "fits" / donor.fit.id, copy)
    (copy / "labels.json").write_text(json.dumps({"labels": ["NOUN", "THING"]}))
    other = Donors(fits={donor.fit.id: copy / "model"}, labels=own.labels)
    before = {name: value.clone() for name, value in own.model.state_dict().items()}
    with pytest.raises(DonorError, match="the donor's head has other labels: it has THING besides and lacks"):
        apply(between(donor, 0.5), own.encoder, donors=other, head=own.model.head)
    assert all(torch.equal(value, before[name]) for name, value in own.model.state_dict().items())


def test_a_plan_refuses_donors_of_other_tasks_and_labels(
    study: Study, treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    entry = {"interpolate": {"donor": {"task": "ner"}, "weight": 0.5}}
    changes = {"tasks": ("upos", "ner"), "ablations": ["none", {"name": "x", "after": [entry]}]}
    with pytest.raises(
        StudyError, match="the donor is a fit on ner, whose head is another than that of upos"
    ):
        Study.model_validate({**study.model_dump(), **changes, "tasks": ["upos"]}).plan()
    shutil.copytree(treebanks, tmp_path / "ner")
    train = tmp_path / "ner" / "bb" / "train.iob2"
    train.write_text(train.read_text().replace("B-PER", "B-LOC"))
    ablations = ["none", {"name": "x", "after": [{"interpolate": {**DONOR, "weight": 0.5}}]}]
    ner = make_study(tmp_path / "ner", tiny_encoder, tasks=["ner"], targets=[], ablations=ablations)
    with pytest.raises(StudyError, match=r"fits on aa and bb for ner: the donor's head has other labels"):
        ner.plan()


def test_it_belongs_after_fine_tuning(study: Study) -> None:
    before = {"before": [{"interpolate": {**DONOR, "weight": 0.5}}]}
    with pytest.raises(ValueError, match="interpolate makes no sense before fine-tuning"):
        Study.model_validate({**study.model_dump(), "ablations": ["none", before]})


def test_a_sweep_over_values_reads_back_and_gives_named_ablations(study: Study, tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    again = Study.from_yaml(tmp_path / "study.yaml")
    assert [item.id for item in again.plan().nodes] == [item.id for item in study.plan().nodes]
    names = list(dict.fromkeys(run.columns["ablation"] for run in study.plan().runs))
    assert names[1] == "interpolate(everything, donor=fit(source=bb), weight=0.25)@after"
    assert {run.columns["sweep"] for run in study.plan().runs} == {""}


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        ({"values": {"weight": []}}, "expected one field with its values"),
        ({"values": {"weight": [0.5, 0.5]}}, "weight: 0.5 is listed twice"),
        ({"values": {"weight": [0.5]}, "windows": 2}, "`windows` of layers or `values` of a field"),
        ({"values": {"wait": [0.5]}}, "wait"),
        ({"values": {"layers": ["0"]}}, "expected one field with its values"),
    ],
)
def test_a_sweep_over_values_says_what_is_wrong(study: Study, sweep: object, message: str) -> None:
    entry = {"sweep": sweep, "after": [{"interpolate": DONOR}]}
    with pytest.raises(ValueError, match=message):
        Study.model_validate({**study.model_dump(), "ablations": ["none", entry]})


def test_the_figure_has_every_language_at_every_weight(results: Path, tmp_path: Path) -> None:
    frame = load_records(results)
    (line,) = lines(frame)
    assert (line.donor, line.own, line.donors) == ("bb", ("aa",), ("bb",))
    means = frame.groupby(["ablation", "target"])["value"].mean()
    table = line.curves.pivot(index="weight", columns="target", values="mean")
    assert table.index.tolist() == [0, 0.25, 0.5, 1]
    assert table.loc[0, "cc"] == pytest.approx(100 * means["none", "cc"])
    assert np.isfinite(line.curves["low"]).all()
    (drawing,) = [one for figure, one in drawings(frame) if figure.name == "interpolation"]
    assert drawing.name == "interpolation-upos-aa-bb"
    assert "from the fit on aa (0) towards the fit of bb (1); n = 2 seeds" in drawing.words
    assert len(draw_all(frame, tmp_path, figures=("interpolation",))) == 1
    assert set(sensitivity(frame)["sweep"]) == {"named ablations"}
    with pytest.raises(RecordsError, match="the records have 0 interpolated fits"):
        plot_interpolation(frame[frame["ablation"] == "none"])
