"""The house is built in one direction: a part imports only what stands before it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "layerlab"
ORDER = (
    "errors", "files", "names", "targets", "config", "validation", "extensions", "models", "ablation", "data",
    "languages", "tasks", "training", "finetuning", "analysis", "measures", "report", "pretraining", "nodes",
    "study", "demo_settings", "demo", "commands", "cli", "__main__",
)  # fmt: skip
MODULES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE)


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the parts of layerlab that a module imports, now or later, but not for types alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("layerlab."):
            yield str(node.module).split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (name.name.split(".")[1] for name in node.names if name.name.startswith("layerlab."))
        yield from imported(node)


def test_every_part_has_its_place() -> None:
    parts = {path.stem for path in PACKAGE.glob("*.py")} | {
        path.parent.name for path in PACKAGE.glob("*/__init__.py")
    }
    assert parts - {"__init__", "encoders"} == set(ORDER)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_part_imports_only_what_stands_before_it(module: Path) -> None:
    here = ORDER.index(module.parts[0])
    tree = ast.parse((PACKAGE / module).read_text(encoding="utf-8"))
    wrong = {part for part in imported(tree) if ORDER.index(part) > here}
    assert wrong == set()
