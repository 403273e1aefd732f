"""A finished study that is run again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fixtures.command_line import Call

AGAIN = """
import sys
from layerlab.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print([name for name in ("torch", "transformers", "pandas", "matplotlib") if name in sys.modules])
"""


def written(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def test_it_ends_at_once_without_pytorch_and_writes_nothing(
    call: Call, study_file: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "r"
    few = ["seeds=[0]", "targets=[bb]", "ablations=[none, {before: [{reset: {layers: 0-1}}]}]"]
    arguments = ["run", study_file, "--results", folder, "--workers", 0]
    arguments += [word for one in few for word in ("--set", one)]
    code, first, err = call(*arguments)
    assert code == 0, err
    before = written(folder)
    command = [sys.executable, "-c", AGAIN, *map(str, arguments)]
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout == f"{first}[]\n"
    assert written(folder) == before
    (folder / "index.html").unlink()
    code, _, err = call(*arguments, "--set", "description=Why it is asked")
    assert code == 0, err
    assert "Why it is asked" in (folder / "index.html").read_text(encoding="utf-8")
    changed = {path for path, time in written(folder).items() if before.get(path) != time}
    assert folder / "records.csv" in changed
    assert not {path for path in changed if path.name in {"record.json", "model.safetensors"}}
