"""The notebook of the guide runs, cell by cell, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs" / "first_figure.ipynb"
N_CELLS = 10


def read() -> Any:
    nbformat = pytest.importorskip("nbformat")
    return nbformat.read(NOTEBOOK, as_version=4)


def code_of(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def images_of(cell: Any) -> list[str]:
    return [one for one in cell.outputs if "image/png" in one.get("data", {})]


def test_ten_cells_lead_to_a_figure_and_are_shown_as_they_ran() -> None:
    cells = code_of(read())
    assert [cell.execution_count for cell in cells] == [*range(1, N_CELLS + 1)]
    assert images_of(cells[-1])
    assert not [one for cell in cells for one in cell.outputs if one.output_type == "error"]
    assert "@ll.intervention" in "".join(cell.source for cell in cells)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = read()
    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=600, resources=place).execute()
    cells = code_of(notebook)
    assert images_of(cells[-1])
    assert "39/39 runs" in str(cells[6].outputs)
