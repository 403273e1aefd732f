"""Run the notebook of the guide and keep what its cells give: ``make notebook``."""

from __future__ import annotations

import tempfile
from typing import Any, Final

import nbformat
from nbclient import NotebookClient

from tests.docs.test_notebook import NOTEBOOK, code_of, read

_KERNEL: Final = {"display_name": "Python 3", "language": "python", "name": "python3"}


def run(notebook: Any, folder: str) -> None:
    """Execute a notebook in a folder."""
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}).execute()


def main() -> None:
    """Execute it in a folder that is removed, and write it without warnings and times."""
    notebook = read()
    with tempfile.TemporaryDirectory() as folder:
        run(notebook, folder)
    for cell in notebook.cells:
        cell.metadata = {}
    for cell in code_of(notebook):
        cell.outputs = [one for one in cell.outputs if one.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": _KERNEL, "language_info": {"name": "python"}}
    write: Any = nbformat.write  # which has no types
    write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
