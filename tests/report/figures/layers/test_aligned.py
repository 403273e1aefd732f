"""Figures and tables of aligned encoders show the records' values."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from layerlab.analysis.records.tidy import empty_records, validate_records
from layerlab.analysis.transfer.aligned import aligned_means, cka_against_retrieval
from layerlab.errors import RecordsError
from layerlab.report.figures.gallery import drawings
from layerlab.report.figures.layers.aligned import plot_aligned
from layerlab.report.tables.aligned import aligned_table, cka_table

LEVELS = np.arange(5)
CURVES = {
    "joint": 0.9 - 0.02 * LEVELS,
    "procrustes": 0.5 + 0.1 * LEVELS - 0.02 * LEVELS**2,
    "untrained": 0.1 + 0 * LEVELS,
}


def records(pairs: tuple[tuple[str, str], ...] = (("en", "de"),), seeds: int = 3) -> pd.DataFrame:
    rows = []
    for source, target in pairs:
        for seed in range(seeds):
            shift = 0.01 * seed
            for condition, curve in CURVES.items():
                for level in LEVELS:
                    place = {"source": source, "target": target, "layer": int(level), "seed": seed}
                    one = {**place, "intervention": condition}
                    value = float(curve[level]) + shift
                    rows += [
                        {**one, "metric": "sentence_retrieval", "value": value, "split": "aligned", "n": 90},
                        {**one, "metric": "sentence_retrieval_forward", "value": value, "split": "aligned"},
                        {**one, "metric": "accuracy", "value": value, "split": "test", "task": "upos"},
                    ]
                    other = {"procrustes": "none"}.get(condition, condition)
                    similar = {**one, "intervention": other, "metric": "cka", "split": "aligned", "n": 300}
                    rows.append({**similar, "value": float(curve[level]) ** 2})
            rows += [
                {
                    "source": source, "target": source, "layer": int(level), "intervention": "none",
                    "seed": seed, "metric": "accuracy", "value": 0.95, "split": "test", "task": "upos",
                }
                for level in LEVELS
            ]  # fmt: skip
    frame = pd.DataFrame(rows)
    task = frame["task"].fillna("")
    where = frame["source"] + frame["seed"].astype(str)
    whole = frame.assign(
        study="s", run_id=task + where, fit_id="", task=task, model=frame["source"] + "-bert",
        donor=frame["source"].map(dict(pairs)) + "-bert", ablation="aligned", phase="none", layers="",
        first_layer=None, last_layer=None, sweep="", options="[]", main=frame["metric"] == "accuracy",
    )  # fmt: skip
    return validate_records(whole)


def test_curves_are_means_over_seeds_in_percent() -> None:
    (axis,) = plot_aligned(records(), "sentence_retrieval").axes
    lines = {line.get_label(): line.get_ydata() for line in axis.lines}
    assert list(lines)[:3] == ["joint model", "Procrustes", "untrained, Procrustes"]
    assert np.allclose(lines["Procrustes"], 100 * (CURVES["procrustes"] + 0.01))
    assert axis.get_title() == "en-bert and de-bert, en-de"
    assert axis.get_ylabel() == "P@1 of sentences (%)"
    low, high = axis.collections[0].get_paths()[0].get_extents().intervaly
    assert low < 100 * CURVES["joint"].min() < high <= 100


def test_the_source_language_is_drawn_beside_what_is_carried_over() -> None:
    (axis,) = plot_aligned(records(), "accuracy", "upos").axes
    lines = {line.get_label(): line.get_ydata() for line in axis.lines}
    assert np.allclose(lines["source language"], 95)
    assert np.shape(lines["Procrustes"]) == (5,)


def test_every_measure_and_task_has_a_drawing_with_a_panel_a_pair() -> None:
    found = {one.name: one for _, one in drawings(records((("en", "de"), ("fr", "it"))), figures=["aligned"])}
    assert set(found) == {"aligned-sentence-retrieval", "aligned-cka", "aligned-upos"}
    assert "n = 3 seeds, bands are 95% t intervals over seeds, of Procrustes" in found["aligned-upos"].words
    assert len(found["aligned-cka"].draw().axes) == 2


def test_records_without_alignments_are_refused() -> None:
    with pytest.raises(RecordsError, match="no rows with the ablation 'aligned'"):
        plot_aligned(empty_records(), "cka")
    with pytest.raises(RecordsError, match="no alignment with the metric 'las' and task 'parsing'"):
        plot_aligned(records(), "las", "parsing")


def test_the_table_has_a_row_for_each_map_and_bound() -> None:
    sections = {section.title: section for section in aligned_table(records()).sections}
    upos = sections["en-bert and de-bert, en-de: UPOS accuracy"]
    assert [row.names for row in upos.rows] == [
        ("joint model",), ("Procrustes",), ("untrained, Procrustes",), ("en, no map",)
    ]  # fmt: skip
    cell = sections["en-bert and de-bert, en-de: P@1 of sentences"].rows[1].cells[2]
    values = [100 * (CURVES["procrustes"][2] + 0.01 * seed) for seed in range(3)]
    assert cell.value == pytest.approx(np.mean(values))
    half = stats.t.ppf(0.975, 2) * np.std(values, ddof=1) / np.sqrt(3)
    assert cell.half == pytest.approx(half)
    means = aligned_means(records()).set_index(["metric", "condition", "layer", "target"])["mean"]
    assert means["accuracy", "procrustes", 2, "de"] == pytest.approx(np.mean(values) / 100)


def test_cka_is_correlated_with_retrieval_over_the_layers() -> None:
    found = cka_against_retrieval(records(), resamples=200).set_index("condition")
    cka = CURVES["procrustes"] ** 2
    assert found.loc["none", "pearson"] == pytest.approx(stats.pearsonr(cka, CURVES["procrustes"])[0])
    assert found.loc["none", "rho"] == pytest.approx(1)
    assert found.loc["joint", "n_layers"] == 5
    assert found["rho"].isna()["untrained"]  # a flat curve
    (section,) = cka_table(records()).sections
    assert section.rows[0].names == ("P@1 of sentences", "the two encoders")
