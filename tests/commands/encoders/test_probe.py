"""``layerlab probe`` prints a table and writes tidy records and a figure."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.columns import COLUMNS
from layerlab.analysis.records.tidy import load_records
from layerlab.data.spec import DataSpec
from layerlab.measures.options import ProbeTraining
from layerlab.nodes.kinds.probes import probe_models
from tests.fixtures.command_line import Call


@pytest.fixture
def arguments(tiny_encoder: Path, treebanks: Path) -> list[object]:
    return ["probe", tiny_encoder, "--source", "aa", "--data-root", treebanks, "--seeds", "0"]


def test_two_models_are_probed_and_drawn(
    call: Call, tiny_encoder: Path, fit: Path, treebanks: Path, tmp_path: Path
) -> None:
    out_folder = tmp_path / "out"
    options = ("--targets", "bb,cc", "--seeds", "0-1", "--data-root", treebanks, "-o", out_folder)
    code, out, err = call("probe", f"before={tiny_encoder}", fit, "--source", "aa", *options)
    assert code == 0
    frame = load_records(out_folder / "records.csv")
    assert list(frame.columns) == list(COLUMNS)
    assert set(frame["model"]) == {"before", "0123abcd"}
    assert set(frame["layer"]) == {0, 1, 2, 3, 4}
    assert set(frame["target"]) == {"aa", "bb", "cc"}
    assert set(frame["seed"]) == {0, 1}
    fixed = frame[["ablation", "phase", "intervention", "layers", "metric", "split", "source"]]
    assert fixed.drop_duplicates().to_numpy().tolist() == [
        ["probe", "none", "none", "", "accuracy", "test", "aa"]
    ]
    assert set(frame[frame["target"] == "aa"]["n"]) == {16 * 6}
    assert frame["run_id"].nunique() == 4
    values = frame.set_index(["model", "target", "seed", "layer"])["value"].unstack("model")
    assert list(values["before"]) == list(values["0123abcd"])  # equal weights, equal scores
    shown = 100 * values["before"].groupby(["target", "layer"]).mean()
    assert f"{float(shown.to_dict()['cc', 2]):.1f}" in out
    assert "before: probes of upos from aa, accuracy in percent, mean of 2 seeds" in out
    assert "before: cc: scored on 16 sentences" in err
    assert (out_folder / "probes-upos.pdf").is_file()


def test_a_second_call_adds_to_the_records(call: Call, arguments: list[object], tmp_path: Path) -> None:
    for task in ("upos", "ner", "upos"):
        code, _, _ = call(*arguments, "--task", task, "--layers", "0,3-4", "-o", tmp_path, "--png")
        assert code == 0
    frame = load_records(tmp_path)
    assert set(frame["task"]) == {"upos", "ner"}
    assert set(frame["layer"]) == {0, 3, 4}
    assert len(frame[frame["task"] == "upos"]) == 3
    assert (tmp_path / "probes-ner.png").is_file()


def test_levels_do_not_depend_on_which_others_are_probed(tiny_encoder: Path, treebanks: Path) -> None:
    def probe(layers: tuple[int, ...] | None) -> pd.DataFrame:
        return probe_models(
            {"tiny": str(tiny_encoder)},
            "upos",
            "aa",
            ["bb"],
            data=DataSpec(root=treebanks, limit={"train": 20}),
            layers=layers,
            training=ProbeTraining(epochs=2),
        )

    every, some = probe(None), probe((2,))
    pd.testing.assert_frame_equal(every[every["layer"] == 2].reset_index(drop=True), some)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--layers", "3,9"], "no layer 9 to probe: expected 0 (the embeddings) to 4"),
        (["--layers", "first"], "expected whole numbers or ranges of them"),
        (["--targets", "bb,zz"], "target zz: "),
        (["--source", "zz"], "source: "),
        (["--task", "upso"], "unknown task 'upso'; did you mean 'upos'"),
        (["--family", "instrument"], "give --data-root or --family, not both"),
        (["--learning-rate", "0"], "expected a positive number"),
        (["--seeds", ","], "seeds: none is given"),
    ],
)
def test_mistakes_end_with_status_2_before_anything_is_computed(
    call: Call, arguments: list[object], more: list[str], message: str
) -> None:
    # Of an option given twice, the last counts.
    code, _, err = call(*arguments, *more)
    assert code == 2
    assert message in " ".join(err.replace("│", " ").split())
    assert "trained" not in err


def test_models_of_one_name_need_labels(call: Call, arguments: list[object], tiny_encoder: Path) -> None:
    code, _, err = call(*arguments, tiny_encoder)
    assert code == 2
    assert "give each a label: LABEL=MODEL" in err


def test_a_study_is_not_overwritten(call: Call, arguments: list[object], tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}", encoding="utf-8")
    code, _, err = call(*arguments, "-o", tmp_path)
    assert code == 2
    assert "give the probes a directory of their own" in err


def test_problems_are_told_together(call: Call, arguments: list[object], tmp_path: Path) -> None:
    code, _, err = call(*arguments, tmp_path / "nothing", "--targets", "zz", "--layers", "7")
    assert code == 2
    assert "the probes: 3 problems" in err
