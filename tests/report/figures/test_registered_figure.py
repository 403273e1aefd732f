"""A registered figure, from one module outside the package, is listed, drawn and on the page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import write_records
from layerlab.errors import RecordsError
from layerlab.report.figures import gallery
from tests.fixtures.command_line import Call

Make = Callable[..., pd.DataFrame]

MODULE = """
from functools import partial

from matplotlib.figure import Figure

import layerlab as ll


def plot(rows):
    figure = Figure(figsize=(3.03, 2.0))
    figure.subplots().hist(rows["value"])
    return figure


def find(material):
    for target, rows in material.scores.groupby("target"):
        caption = f"{len(rows)} scores."
        yield ll.Drawing(f"../spread/{target}", f"Spread of {target}", caption, partial(plot, rows))


SPREAD = ll.Figure("spread", shows="how scores spread", needs="scores", find=find)
"""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry of the test's own."""
    monkeypatch.setattr(gallery, "_FIGURES", dict(gallery._FIGURES))
    yield
    sys.modules.pop("spread_of_scores", None)
    gallery._load_entry_points.cache_clear()


@pytest.fixture
def folder(synthetic: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where one works: the module, and the records of a study."""
    text = f"{MODULE}\nll.register_figure(SPREAD)\n"
    (tmp_path / "spread_of_scores.py").write_text(text, encoding="utf-8")
    write_records(synthetic(n_layers=2, targets=("de",), seeds=(0,)), tmp_path / "study" / "records.csv")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "study"


@pytest.mark.usefixtures("registry")
def test_it_is_in_the_list_in_the_files_and_on_the_page(call: Call, folder: Path) -> None:
    own = ("--import", "spread_of_scores")
    code, listed, err = call("plot", folder, "--list", *own)
    assert code == 0, err
    assert listed.splitlines()[-1].split(maxsplit=1) == ["spread", "how scores spread"]
    code, written, _ = call("plot", folder, "--figure", "spread", *own)
    assert code == 0
    assert [Path(line).name for line in written.splitlines()] == ["spread-de.pdf", "spread-en.pdf"]
    code, _, _ = call("report", folder, *own)
    assert code == 0
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "How scores spread" in page
    assert "<b>Spread of de.</b> 2 scores." in page
    assert (folder / "report" / "figures" / "full-width" / "spread-en.pdf").is_file()


@pytest.mark.usefixtures("registry")
def test_an_entry_point_registers_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("spread", "spread_of_scores:SPREAD", gallery.ENTRY_POINTS)
    monkeypatch.setattr(gallery, "entry_points", lambda group: [entry] * (group == "layerlab.figures"))
    gallery._load_entry_points.cache_clear()
    assert [figure.name for figure in gallery.known_figures()][-1] == "spread"
    wrong = EntryPoint("wrong", "spread_of_scores:find", gallery.ENTRY_POINTS)
    monkeypatch.setattr(gallery, "entry_points", lambda group: [wrong])
    gallery._load_entry_points.cache_clear()
    with pytest.raises(RecordsError, match="entry point 'wrong' of layerlab.figures is no Figure"):
        gallery.known_figures()


@pytest.mark.usefixtures("registry")
def test_a_name_of_layerlabs_is_refused() -> None:
    heatmap = next(figure for figure in gallery.BUILT_IN if figure.name == "heatmap")
    with pytest.raises(RecordsError, match="a figure 'heatmap' comes with layerlab"):
        gallery.register_figure(heatmap)


def test_a_module_that_is_not_there_is_an_error(call: Call, folder: Path) -> None:
    code, _, err = call("plot", folder, "--list", "--import", "no_such_module")
    assert code == 2
    assert "cannot import 'no_such_module'" in err
