from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records
from layerlab.analysis.effects.sensitivity import MEAN, sensitivity
from layerlab.demo.demo import findings, run_demo
from layerlab.demo.settings import FULL, QUICK
from layerlab.errors import StoreError
from layerlab.models.encoder import Encoder


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    run_demo(folder, workers=0, quick=True)
    return folder


def test_the_quick_form_gives_every_run_and_its_figures(demo: Path) -> None:
    frame = load_records(demo / "results")
    assert set(frame["task"]) == {"upos", "ner"}
    assert set(frame["ablation"]) == {"none", "reset(0-5)@before", "reset(6-11)@before"}
    assert set(frame["target"]) == set(QUICK.languages)
    assert set(frame["seed"]) == set(QUICK.seeds)
    assert (demo / "results/tables/table.md").is_file()
    assert len(list((demo / "results/figures").glob("heatmap-*.pdf"))) == 2


def test_alignment_is_measured_in_the_embeddings_and_after_every_layer(demo: Path) -> None:
    frame = pd.read_csv(demo / "alignment/alignment.csv")
    n_layers = Encoder.from_pretrained(QUICK.encoder).n_layers
    assert set(frame["layer"]) == set(range(n_layers + 1))
    assert set(frame["target"]) == set(QUICK.languages[1:])
    assert (demo / "alignment/cka-by-layer.pdf").is_file()


def test_a_second_call_computes_nothing_and_says_it_all(
    demo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [*demo.glob("alignment/*"), *demo.glob("data/*"), *demo.glob("results/*s/*/record.json")]
    written = {path: path.stat().st_mtime_ns for path in kept}
    run_demo(demo, workers=0, quick=True)
    assert {path: path.stat().st_mtime_ns for path in kept} == written
    told = capsys.readouterr().out
    assert [int(part) for part in re.findall(r"\] (\d)/4 ", told)] == [1, 2, 3, 4]
    for part in ("there already", "measured already", " 0 new results", "too small for any finding"):
        assert part in told
    assert re.search(r"\| UPOS +\| ilda-ilda +\|", told)
    assert "no evidence about natural languages" in told
    for figure in ("results/figures/heatmap-upos-ilda-reset-before.pdf", "alignment/cka-by-layer.pdf"):
        assert str(demo / figure) in told


def test_a_folder_of_other_settings_is_refused(demo: Path) -> None:
    with pytest.raises(StoreError, match="other settings"):
        run_demo(demo, workers=0)


def row(layers: str, target: str, value: float) -> dict[str, object]:
    """A row of records; no layers stand for the baseline."""
    name = f"reset({layers})@before" if layers else "none"
    kind, phase = ("reset", "before") if layers else ("none", "none")
    first, last = (int(layers[0]), int(layers[-1])) if layers else (None, None)
    fixed: dict[str, object] = {"study": "s", "model": "m", "task": "upos", "source": "aa", "split": "test"}
    fixed |= {"seed": 0, "metric": "accuracy", "layer": None, "n": 100}
    fixed |= {"run_id": name, "fit_id": name, "ablation": name, "phase": phase, "intervention": kind}
    return fixed | {
        "layers": layers,
        "first_layer": first,
        "last_layer": last,
        "target": target,
        "value": value,
    }


def test_findings_are_read_from_the_records() -> None:
    scores = {"": (0.9, 0.7), "0-1": (0.85, 0.4), "2-3": (0.9, 0.65)}
    frame = pd.DataFrame(
        row(layers, target, value)
        for layers, values in scores.items()
        for target, value in zip(("aa", "bb"), values, strict=True)
    )
    frame = frame.astype({"first_layer": "Int64", "last_layer": "Int64", "layer": "Int64"})
    (line,) = findings(frame)
    assert "90.0 in the source and 70.0 in the mean of the zero-shot targets" in line
    assert "fresh layers 0-1 change the source by -5.0 and the targets by -30.0 points" in line
    assert "fresh layers 2-3 change the source by +0.0 and the targets by -5.0 points" in line


def test_the_demonstration_has_a_source_and_at_least_five_targets_in_two_tasks() -> None:
    assert len(FULL.languages) >= 6
    assert FULL.tasks == ("upos", "ner")
    assert len(FULL.seeds) >= 2


@pytest.mark.slow
def test_the_full_form_shows_the_method(tmp_path: Path) -> None:
    run_demo(tmp_path)
    frame = load_records(tmp_path / "results")
    effect = sensitivity(frame)
    lowest = effect[(effect["task"] == "upos") & (effect["layers"] == "0-1")]
    source = lowest[lowest["quantity"] == "source_drop"].iloc[0]
    targets = lowest[(lowest["quantity"] == "zero_shot_drop") & (lowest["target"] == MEAN)].iloc[0]
    assert source["reference"] > 0.9
    assert targets["reference"] > 0.7
    assert targets["effect"] > source["effect"]
