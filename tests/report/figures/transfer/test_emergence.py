"""The figure of emergence shows scores by step, and steps by layers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import QuadMesh

from layerlab.analysis.transfer.emergence import emerging_rows, means_by_step, structure_rows
from layerlab.errors import RecordsError
from layerlab.report.figures.figure import Material
from layerlab.report.figures.transfer.emergence import EMERGENCE, plot_emergence

Make = Callable[..., pd.DataFrame]


def test_lines_are_means_over_seeds(emerging: pd.DataFrame) -> None:
    (drawing,) = EMERGENCE.find(Material(emerging))
    axis = drawing.draw().axes[0]
    assert [text.get_text() for text in axis.get_xticklabels()] == ["100", "1,000", "4,000"]
    scores = emerging[emerging["layer"].isna() & (emerging["ablation"] == "none")]
    lines = {str(line.get_label()): line for line in axis.get_lines()}
    for label, rows in (
        ("en", scores[scores["target"] == "en"]),
        ("mean of 2 targets", scores[scores["target"] != "en"]),
    ):
        expected = 100 * rows.groupby("step")["value"].mean()
        assert np.asarray(lines[label].get_ydata(), dtype=float) == pytest.approx(expected.to_numpy())


def test_matrices_are_steps_by_layers_with_the_embeddings_below(emerging: pd.DataFrame) -> None:
    figure = plot_emergence(emerging)
    found = structure_rows(emerging_rows(emerging))
    meshes = {
        axis.get_title(): mesh
        for axis in figure.axes
        for mesh in axis.collections
        if isinstance(mesh, QuadMesh)
    }
    assert len(meshes) == 3
    (probes,) = (mesh for title, mesh in meshes.items() if "probes of UPOS" in title)
    table = 100 * means_by_step(found[found["quantity"] == "probe upos"])
    assert np.asarray(probes.get_array()) == pytest.approx(table.to_numpy()[::-1])


def test_it_says_what_it_shows_and_what_it_needs(emerging: pd.DataFrame, synthetic: Make) -> None:
    (drawing,) = EMERGENCE.find(Material(emerging))
    assert drawing.name == "emergence-small-en"
    assert "after ever more steps of pretraining" in drawing.words
    with pytest.raises(RecordsError, match="one pretraining after several steps"):
        plot_emergence(synthetic())
