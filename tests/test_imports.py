"""The house is built in one direction: a part imports only what stands before it, without circles.

Every import counts: at the top of a module, late inside of a function, and for types alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "layerlab"
ORDER = (
    "errors", "targets", "processes", "disk", "files", "config", "complaints", "validation", "names",
    "extensions", "models", "ablation", "data", "languages", "tasks", "training", "finetuning", "analysis",
    "report", "measures", "pretraining", "inspection", "tracking", "nodes", "study", "exporting", "demo",
    "bench", "commands", "cli", "__main__",
)  # fmt: skip
#: Parts that a laptop without PyTorch runs, to draw and tabulate records.
WITHOUT_TORCH = ("analysis", "report")
HEAVY = {"torch", "transformers", "accelerate", "datasets", "evaluate", "tokenizers", "safetensors"}


def find_modules() -> dict[str, Path]:
    """Return every module of the package by dotted name; a folder's is that of its ``__init__``."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(part for part in parts if part != "__init__")] = path
    return found


MODULES = find_modules()


@cache
def imported(module: str, *, late: bool = True) -> frozenset[str]:
    """Return every name that a module imports, of layerlab and of others.

    Args:
        module: Its dotted name.
        late: Whether imports inside of functions and for types alone count.
    """
    found = set()
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide the direction"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                found.add(full if full in MODULES else str(node.module))
        elif isinstance(node, ast.Import):
            found.update(name.name for name in node.names)
    return frozenset(found - {module})


def loaded(module: str) -> set[str]:
    """Return everything that is loaded when a module is imported."""
    found: set[str] = set()
    left = [module]
    while left:
        new = imported(left.pop(), late=False) - found
        found |= new
        left.extend(name for name in new if name in MODULES)
    return found


def part_of(module: str) -> str:
    """Return the part of the house that a module belongs to: its top folder, or its own name."""
    return module.split(".")[1]


def arrows(modules: Iterable[str], depth: int) -> dict[str, set[str]]:
    """Return which rooms import which, for rooms that are named by so many parts of a module's name."""
    found: dict[str, set[str]] = {}
    for module in modules:
        room = ".".join(module.split(".")[:depth])
        own = found.setdefault(room, set())
        for name in imported(module):
            if name in MODULES and name.count(".") >= depth - 1:
                other = ".".join(name.split(".")[:depth])
                if other != room:
                    own.add(other)
    return found


def circle_in(graph: dict[str, set[str]]) -> list[str]:
    """Return a circle of a graph, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_every_part_has_its_place() -> None:
    parts = {part_of(module) for module in MODULES if module != "layerlab"}
    assert parts == set(ORDER)


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"layerlab"}))
def test_a_part_imports_only_what_stands_before_it(module: str) -> None:
    here = ORDER.index(part_of(module))
    inside = {name for name in imported(module) if name in MODULES}
    assert "layerlab" not in inside, "the public names are for users"
    assert {name for name in inside if ORDER.index(part_of(name)) > here} == set()


def test_no_module_stands_in_a_circle() -> None:
    assert (
        circle_in({module: {name for name in imported(module) if name in MODULES} for module in MODULES})
        == []
    )


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_no_room_stands_in_a_circle(depth: int) -> None:
    """Rooms of the house, and rooms within a room."""
    inside = [module for module in MODULES if module.count(".") >= depth - 1]
    assert circle_in(arrows(inside, depth)) == []


@pytest.mark.parametrize("part", WITHOUT_TORCH)
def test_records_are_read_and_drawn_without_torch(part: str) -> None:
    for module in MODULES:
        if module.startswith(f"layerlab.{part}."):
            assert {name.split(".")[0] for name in imported(module)} & HEAVY == set(), module
            assert {name.split(".")[0] for name in loaded(module)} & HEAVY == set(), module
