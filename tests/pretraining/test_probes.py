"""Probes measure where alignment is and leave the training as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.image import imread
from pydantic import ValidationError
from safetensors.torch import load_file
from transformers import AutoModel

from layerlab.data.bitext import pairs_with
from layerlab.data.formats.bitext_files import read_aligned
from layerlab.errors import CheckpointError, DataError
from layerlab.measures.bitext_alignment import measure_alignment
from layerlab.pretraining.picture import draw_training, write_picture
from layerlab.pretraining.probes import Probes
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from layerlab.report.style.style import COLUMN_WIDTH, FULL_WIDTH
from layerlab.training.events import Event
from tests.fixtures.pretrainings import kill_midway

WORDS = {"xa": ["lomir", "tasin", "vekor", "petak"], "xb": ["шалук", "денор", "митав", "горит"]}


@pytest.fixture
def probes(tmp_path: Path) -> Probes:
    files = {}
    for language, words in WORDS.items():
        files[language] = tmp_path / f"probe.{language}.txt"
        lines = [f"{words[i % 4]} {words[i // 4 % 4]} {words[i % 3]}\n" for i in range(16)]
        files[language].write_text("".join(lines), encoding="utf-8")
    return Probes(files=files, pair_with="xa", every=5, sentences=12)


@pytest.fixture
def probed_spec(spec: PretrainingSpec, probes: Probes) -> PretrainingSpec:
    options = {**spec.architecture.options, "hidden_dropout_prob": 0.2}
    architecture = spec.architecture.model_copy(update={"options": options})
    return spec.model_copy(update={"probes": probes, "architecture": architecture})


def facts_of(folder: Path) -> Any:
    return json.loads((folder / "training.json").read_text(encoding="utf-8"))


def test_training_is_bit_for_bit_the_same_with_and_without(
    probed_spec: PretrainingSpec, tmp_path: Path
) -> None:
    with_probes = pretrain(probed_spec, tmp_path / "with", threads=1)
    without = pretrain(probed_spec.model_copy(update={"probes": None}), tmp_path / "without", threads=1)
    one, other = facts_of(with_probes), facts_of(without)
    assert (one["losses"], one["held_out"]) == (other["losses"], other["held_out"])
    weights = [load_file(folder / "model.safetensors") for folder in (with_probes, without)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert other["probes"] == []


def test_rows_are_what_measuring_the_finished_model_gives(
    probed_spec: PretrainingSpec, probes: Probes, tmp_path: Path
) -> None:
    events: list[Event] = []
    folder = pretrain(probed_spec, tmp_path / "model", threads=1, report=events.append)
    rows = facts_of(folder)["probes"]
    assert sorted({row["step"] for row in rows}) == [0, 5, 10, 12]
    assert {(row["source"], row["target"], row["n"]) for row in rows} == {("xa", "xb", 12)}
    assert len(rows) == 4 * 3 * 2  # steps, levels, measures
    assert [one["step"] for one in events if one["event"] == "probe"] == [5, 10, 12]
    bitexts = pairs_with(read_aligned(probes.files), (), "xa", 12)
    frame = measure_alignment(folder, bitexts).set_index(["layer", "metric"])["value"]
    for row in rows:
        if row["step"] == 12:
            assert row["value"] == pytest.approx(frame[row["layer"], row["measure"]], abs=2e-5)


def test_stopping_and_resuming_gives_the_same_rows(probed_spec: PretrainingSpec, tmp_path: Path) -> None:
    whole = pretrain(probed_spec, tmp_path / "whole", threads=1)
    for stop in (5, 9, None):
        pretrain(probed_spec, tmp_path / "parts", threads=1, stop_after=stop)
    one, other = facts_of(whole), facts_of(tmp_path / "parts")
    assert (one["probes"], one["losses"]) == (other["probes"], other["losses"])


def test_a_killed_pretraining_keeps_its_probes(probed_spec: PretrainingSpec, tmp_path: Path) -> None:
    kill_midway(probed_spec, tmp_path / "killed")
    resumed = pretrain(probed_spec, tmp_path / "killed", threads=1)
    assert (
        facts_of(resumed)["probes"]
        == facts_of(pretrain(probed_spec, tmp_path / "whole", threads=1))["probes"]
    )


def test_what_only_watches_may_change_when_a_pretraining_goes_on(
    probed_spec: PretrainingSpec, tmp_path: Path
) -> None:
    without = probed_spec.model_copy(update={"probes": None})
    pretrain(without, tmp_path / "model", threads=1, stop_after=6)
    pretrain(probed_spec.model_copy(update={"evaluate_every": 4}), tmp_path / "model", threads=1)
    facts = facts_of(tmp_path / "model")
    assert sorted({row["step"] for row in facts["probes"]}) == [10, 12]
    assert [one["step"] for one in facts["held_out"]] == [6, 8, 12]
    assert facts["losses"] == facts_of(pretrain(without, tmp_path / "whole", threads=1))["losses"]
    with pytest.raises(CheckpointError, match=r"seed was 0, is 1"):
        pretrain(probed_spec.model_copy(update={"seed": 1}), tmp_path / "model")


def test_wrong_probes_are_reported_before_the_first_step(
    probed_spec: PretrainingSpec, tmp_path: Path
) -> None:
    probes = probed_spec.probes
    assert probes is not None
    probes.files["xb"].write_text("only one\n", encoding="utf-8")
    events: list[Event] = []
    with pytest.raises(DataError, match="xa has 16, xb has 1"):
        pretrain(probed_spec, tmp_path / "model", report=events.append)
    assert {one["event"] for one in events} == {"preparing"}
    for path in probes.files.values():
        path.write_text("a b\n" * 5, encoding="utf-8")
    with pytest.raises(DataError, match="5 sentences are common to all files; expected at least 8"):
        pretrain(probed_spec, tmp_path / "model")
    with pytest.raises(ValidationError, match="unknown language 'xc'"):
        Probes(files=probes.files, pair_with="xc")


def test_files_of_a_spec_are_beside_it(spec: PretrainingSpec, tmp_path: Path) -> None:
    text = """
name: small
architecture: {model_type: bert}
corpora: {en: en.txt}
steps: 10
probes:
  files: {en: probe/en.conllu, de: probe/de.conllu}
"""
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    read = read_spec(tmp_path / "spec.yaml").probes
    assert read is not None
    assert read.files["de"] == tmp_path / "probe" / "de.conllu"


def test_the_picture_shows_losses_and_probes(probed_spec: PretrainingSpec, tmp_path: Path) -> None:
    folder = pretrain(probed_spec, tmp_path / "model", threads=1)
    AutoModel.from_pretrained(folder)  # the picture does not disturb it
    height, width, _ = imread(folder / "training.png").shape
    assert width == pytest.approx(300 * FULL_WIDTH, abs=2)
    assert height > 900
    figure = draw_training(facts_of(folder))
    losses, pairs, layers, similar = figure.axes[:4]
    curves = {str(line.get_label()): line for line in losses.get_lines()}
    assert set(curves) == {"training", "xa", "xb"}
    assert list(np.asarray(curves["xb"].get_ydata())) == [
        one["loss"]["xb"] for one in facts_of(folder)["held_out"]
    ]
    assert "with xa" in pairs.get_title()
    drawn = layers.collections[0].get_array()
    assert drawn is not None
    assert drawn.shape == (3, 4)
    expected = {
        (row["layer"], row["step"]): row["value"]
        for row in facts_of(folder)["probes"]
        if row["measure"] == "retrieval"
    }
    assert drawn[2, 3] == expected[2, 12]
    assert similar.get_title().startswith("CKA")


def test_a_pretraining_without_probes_has_a_picture_of_its_losses(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    folder = pretrain(spec, tmp_path / "model", threads=1)
    (folder / "training.png").unlink()
    pdf, png = write_picture(folder)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert imread(png).shape[1] == pytest.approx(300 * COLUMN_WIDTH, abs=2)
    with pytest.raises(DataError, match="cannot read"):
        write_picture(tmp_path)
    with pytest.raises(DataError, match="no step has been made"):
        draw_training({"losses": []})
