"""Gap against similarity shows the gaps, the similarities and the correlations that pandas and scipy give."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Annotation
from scipy import stats

from layerlab.errors import RecordsError
from layerlab.report.figures.figure import Material
from layerlab.report.figures.transfer.gap import GAP, gap_against_similarity, plot_gap

Make = Callable[..., pd.DataFrame]
TARGETS = ("de", "fr", "hi", "ru", "zh")


@pytest.fixture(scope="module")
def frame(measured: Make) -> pd.DataFrame:
    return measured(n_layers=2, targets=TARGETS, measures=("cka",))


def gaps_of(frame: pd.DataFrame) -> pd.Series:
    """Mean gap in points by target, by hand."""
    own = frame[(frame["ablation"] == "none") & (frame["metric"] == "accuracy")]
    table = own.pivot(index="seed", columns="target", values="value")
    return 100 * table.drop(columns="en").rsub(table["en"], axis=0).mean()


def similarity_of(frame: pd.DataFrame, metric: str = "cka") -> pd.DataFrame:
    own = frame[(frame["ablation"] == "none") & (frame["metric"] == metric)]
    return own.groupby(["target", "layer"])["value"].mean().unstack()


def test_dots_are_gaps_against_similarities_with_names(frame: pd.DataFrame) -> None:
    scatter, _ = plot_gap(frame, layer=1).axes
    (dots,) = scatter.get_lines()
    gaps, similarity = gaps_of(frame), similarity_of(frame)[1]
    assert list(np.asarray(dots.get_ydata(), float)) == pytest.approx(list(gaps[list(TARGETS)]))
    assert list(np.asarray(dots.get_xdata(), float)) == pytest.approx(list(similarity[list(TARGETS)]))
    names = [text for text in scatter.texts if isinstance(text, Annotation)]
    assert {text.get_text(): text.xy for text in names} == {
        target: pytest.approx((similarity[target], gaps[target])) for target in TARGETS
    }
    assert scatter.get_xlabel() == "CKA (linear, debiased) after 1 layer"


def test_rho_by_layer_is_that_of_scipy_before_and_after(frame: pd.DataFrame) -> None:
    _, curve = plot_gap(frame).axes
    drawn = {str(line.get_label()): np.asarray(line.get_ydata(), float) for line in curve.get_lines()}
    gaps = gaps_of(frame)
    for label, metric in (("fine-tuned", "cka"), ("pretrained", "cka_pretrained")):
        similarity = similarity_of(frame, metric)
        rho = [stats.spearmanr(gaps, similarity[layer].reindex(gaps.index)).statistic for layer in range(3)]
        assert list(drawn[label]) == pytest.approx(rho)


def test_the_level_shown_is_that_of_the_strongest_correlation_and_the_caption_says_so(
    frame: pd.DataFrame,
) -> None:
    shown = gap_against_similarity(frame)
    own = shown.rho[shown.rho["measure"] == "cka"].set_index("layer")["rho"].abs()
    assert own[shown.layer] == own.max()
    (drawing,) = GAP.find(Material(frame))
    assert drawing.name == "gap-upos-en-cka"
    assert f"after {shown.layer} layer" in drawing.words
    assert "the level at which they correlate most, chosen after looking" in drawing.words
    assert "of 5 languages against" in drawing.words


def test_a_target_that_is_one_treebank_has_the_similarity_of_its_language(frame: pd.DataFrame) -> None:
    scored = frame["layer"].isna() & (frame["target"] == "de")
    shown = gap_against_similarity(frame.assign(target=frame["target"].where(~scored, "de:GSD")))
    assert sorted(shown.gaps.index) == ["de:GSD", *TARGETS[1:]]
    assert list(shown.similarity.loc["de:GSD"]) == pytest.approx(list(similarity_of(frame).loc["de"]))


def test_targets_that_were_not_scored_or_not_measured_are_left_out(frame: pd.DataFrame) -> None:
    lacking = frame[~((frame["target"] == "de") & frame["layer"].isna())]
    assert list(gap_against_similarity(lacking).gaps.index) == list(TARGETS[1:])
    lacking = frame[~((frame["target"] == "zh") & frame["layer"].notna())]
    assert list(gap_against_similarity(lacking).gaps.index) == list(TARGETS[:-1])


def test_what_has_no_correlation_is_refused_or_left_out(frame: pd.DataFrame) -> None:
    few = frame[frame["target"].isin(["en", "de", "fr"])]
    with pytest.raises(RecordsError, match="needs 3 targets with a score, a score on the source and cka"):
        plot_gap(few)
    assert list(GAP.find(Material(few))) == []
    with pytest.raises(RecordsError, match="unknown measure 'cca'"):
        plot_gap(frame, "cca")
    with pytest.raises(RecordsError, match="unknown layer '7'"):
        plot_gap(frame, layer=7)
    with pytest.raises(RecordsError, match="cka was measured on the pretrained encoder alone"):
        plot_gap(frame[frame["metric"] != "cka"])
