"""Shells complete verbs, options and what layerlab knows by name, without a wait for PyTorch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from layerlab.commands import completion

PROGRAM = f"""#!{sys.executable}
import sys
from layerlab.cli import main
try:
    main()
finally:
    assert not {{"torch", "transformers", "pandas"}} & sys.modules.keys()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program, as pip installs it."""
    place = tmp_path_factory.mktemp("bin")
    (place / "layerlab").write_text(PROGRAM, encoding="utf-8")
    (place / "layerlab").chmod(0o755)
    return place


def answer(folder: Path, *command: str, **variables: str) -> str:
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_there_is_a_script_for_each_shell(folder: Path, shell: str) -> None:
    script = answer(folder, "layerlab", _LAYERLAB_COMPLETE=f"source_{shell}")
    assert f"_LAYERLAB_COMPLETE=complete_{shell}" in script


def test_bash_completes_keys_of_a_study(folder: Path) -> None:
    typed = ("layerlab", "explain", "training.sel")
    program = (
        f"source <(_LAYERLAB_COMPLETE=source_bash layerlab); COMP_WORDS=({' '.join(typed)}); COMP_CWORD=2; "
        '_layerlab_completion layerlab; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    assert answer(folder, "bash", "-c", program).split() == [
        "training.select",
        "training.select.average",
        "training.select_by",
    ]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_complete_verbs(folder: Path, shell: str) -> None:
    typed = {"_TYPER_COMPLETE_ARGS": "layerlab sta", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    assert "status" in answer(folder, "layerlab", _LAYERLAB_COMPLETE=f"complete_{shell}", **typed)


def test_what_is_switched_off_is_completed_too() -> None:
    assert "-trimming" in completion.shortcuts("-t")


def test_folders_are_left_to_the_shell() -> None:
    assert completion.models("encoders/") == []
