"""Change is measured where there is one, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModel

from layerlab.ablation.apply import applied
from layerlab.ablation.interventions import Reset
from layerlab.data.formats.conllu import read_conllu
from layerlab.errors import DataError
from layerlab.measures.cka import cka
from layerlab.measures.cka_change import measure_change
from layerlab.measures.states import sentence_states
from layerlab.models.encoder import Encoder
from layerlab.report.figures.layers.alignment import plot_alignment


def test_layers_below_a_reset_one_have_not_moved(tiny_encoder: Path, treebanks: Path) -> None:
    texts = {name: read_conllu(treebanks / name / "test.conllu") for name in ("aa", "bb")}
    after = Encoder.from_pretrained(str(tiny_encoder))
    with applied(Reset(layers="2", to="random", seed=1), after):
        frame = measure_change(tiny_encoder, after, texts, label="reset 2")
        states = sentence_states(after, texts["bb"])
    values = frame.pivot_table(index="source", columns="layer", values="value")
    assert values.loc[:, [0, 1, 2]].to_numpy() == pytest.approx(1, abs=1e-9)
    assert (values.loc[:, [3, 4]].to_numpy() < 1 - 1e-6).all()
    plain = cka(sentence_states(tiny_encoder, texts["bb"])[3], states[3])
    assert values.to_numpy()[1, 3] == pytest.approx(plain)
    assert set(frame["metric"]) == {"change_cka"}
    assert set(frame["n"]) == {16}
    labels = [str(line.get_label()) for line in plot_alignment(frame, "change_cka").axes[0].get_lines()]
    assert labels[:3] == ["aa", "bb", "mean"]


def test_models_of_other_depth_are_refused(tiny_encoder: Path, treebanks: Path) -> None:
    texts = {"aa": read_conllu(treebanks / "aa" / "test.conllu")}
    other = AutoModel.from_pretrained(tiny_encoder, num_hidden_layers=2)
    with pytest.raises(DataError, match="4 and 2 layers"):
        measure_change(tiny_encoder, other, texts, label="x")


def test_the_papers_estimator_goes_by_its_name(tiny_encoder: Path, treebanks: Path) -> None:
    texts = {"aa": read_conllu(treebanks / "aa" / "test.conllu")}
    frame = measure_change(tiny_encoder, tiny_encoder, texts, label="same", estimator="muller")
    assert set(frame["metric"]) == {"change_cka_muller"}
    assert np.allclose(frame["value"], 1)


def test_an_estimator_that_does_not_exist_is_refused(tiny_encoder: Path) -> None:
    with pytest.raises(DataError, match="unknown CKA estimator and kernel 'debased with linear'"):
        measure_change(tiny_encoder, tiny_encoder, {}, label="x", estimator="debased")  # type: ignore[arg-type]
