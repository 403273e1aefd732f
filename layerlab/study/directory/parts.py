"""The plan that a results directory holds: that of one study, or of parts of it that were run apart.

Processes that carry out one study file with other seeds, models, tasks, sources or ablations each
(``--set seeds=[1]``) are parts of one study: the directory's plan is all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from layerlab.analysis.stored.naming import unpack_columns
from layerlab.config import read_yaml
from layerlab.disk import check_writable
from layerlab.errors import DamageError, StoreError, StudyError
from layerlab.files import digest_file, digest_values, write_changed
from layerlab.nodes.jobs import write_node
from layerlab.nodes.node import is_result
from layerlab.nodes.store.leftovers import sweep_drafts
from layerlab.nodes.store.store import Store
from layerlab.study.directory.keeping import Keeping
from layerlab.study.directory.status import done_nodes
from layerlab.study.grid import Grid
from layerlab.study.plan import Plan
from layerlab.study.reading import build_study, write_study

#: Keys of a study whose values may be divided among processes: a run has one of each.
AXES: Final = ("models", "tasks", "sources", "seeds", "ablations")
# Keys that parts of one study may have otherwise: what is computed, and kept, is the same.
_REPORTING: Final = ("report_to",)
# How long to wait for a process that writes the plan or the frames, which takes moments or, for many runs,
# minutes; in seconds.
PATIENCE: Final = 120.0
_MANIFEST, _STUDY = "manifest.json", "study.yaml"


def part_of(file: Path, overrides: Iterable[str]) -> str:
    """Return what parts of one study have in common: the file, and overrides other than those that divide it.

    Args:
        file: The study file.
        overrides: ``path=value`` texts.

    Returns:
        16 hexadecimal digits.
    """
    others = sorted(one for one in overrides if not (_divides(one) or _key_of(one) in _REPORTING))
    return digest_values([digest_file(file), *others])


def is_divided(overrides: Iterable[str]) -> bool:
    """Return whether overrides choose some of a study's seeds, models, tasks, sources or ablations.

    >>> is_divided(["seeds=[3]", "training.epochs=1"]), is_divided(["training.epochs=1"])
    (True, False)
    """
    return any(map(_divides, overrides))


def _divides(override: str) -> bool:
    return _key_of(override) in AXES


def _key_of(override: str) -> str:
    return override.partition("=")[0].strip()


def prepare_store(
    plan: Plan,
    store: Store,
    keeping: Keeping | None = None,
    *,
    part: str | None = None,
    divided: bool = False,
    jobs: bool = True,
) -> None:
    """Write the manifest, the study and the nodes of a plan.

    A manifest that is damaged is set aside and written anew.

    Args:
        plan: What is to be done.
        store: The results directory.
        keeping: Which fits write their weights; what the study says if None.
        part: What parts of one study have in common, see :func:`part_of`; None for a study of its own.
        divided: Whether the plan joins the other parts, instead of taking their place.
        jobs: Whether what nodes need to be carried out is written, unless all are complete.

    Raises:
        StoreError: The directory holds another study's results, or is no directory.
    """
    check_writable(store.root, StoreError)
    sweep_drafts(store.root)
    plan = plan.whole or plan
    with suppress(DamageError):
        _check_name(plan, store, store.read_manifest())  # before anything is written
    with store.locked(PATIENCE) as mine:
        if not mine:
            raise StoreError(f"{store.root}: another process has been writing its plan for {PATIENCE:.0f} s")
        previous, study = _read_previous(store)
        _check_name(plan, store, previous or {"study": (study or {}).get("name")})
        manifest = _manifest_of(plan, keeping or Keeping(plan.all_nodes, plan.study.keep), part)
        text = write_study(plan.study)
        if divided and part is not None and previous.get("part") == part:
            manifest = _join(previous, manifest)
            text = _join_studies(study, plan.study) or text
        write_changed(store.root / _STUDY, text)
        store.write_manifest(manifest)
    if jobs and len(done_nodes(plan.nodes, store)) < len(plan.nodes):
        for item in plan.nodes:
            write_node(store, item)


def _check_name(plan: Plan, store: Store, manifest: Mapping[str, Any] | None) -> None:
    """Refuse the results of another study."""
    there = (manifest or {}).get("study")
    if there is not None and there != plan.study.name:
        raise StoreError(
            f"{store.root} holds study {there!r}, not {plan.study.name!r}; choose another directory"
        )


def join_again(plan: Plan, store: Store, keeping: Keeping, part: str) -> None:
    """Join the other parts once more, one of which may have taken the place of this one meanwhile."""
    if _read_previous(store)[0].get("part") == part:
        prepare_store(plan, store, keeping, part=part, divided=True)


def _read_previous(store: Store) -> tuple[Mapping[str, Any], Mapping[str, Any] | None]:
    """Return the manifest and the study that are there, as plain values; what is damaged is set aside."""
    manifest: Mapping[str, Any] | None = None
    try:
        manifest = store.read_manifest()
        if manifest is not None and "columns" in manifest:
            manifest = {**manifest, "columns": unpack_columns(manifest["columns"])}
    except (DamageError, ValueError) as error:
        store.set_aside(store.root / _MANIFEST, str(error))
        manifest = None
    file, study = store.root / _STUDY, None
    if file.is_file():
        try:
            study = read_yaml(file, "study file")[0]
        except StudyError as error:
            store.set_aside(file, "; ".join(map(str, error.problems)))
    return manifest or {}, study


def _manifest_of(plan: Plan, keeping: Keeping, part: str | None) -> dict[str, Any]:
    manifest = {
        "study": plan.study.name,
        "nodes": plan.by_kind(),
        "scored": list(dict.fromkeys(item.kind for item in plan.nodes if item.scored)),
        "columns": {item.id: dict(item.columns) for item in plan.nodes if is_result(item)},
        "imports": list(plan.study.imports),
        "weights": keeping.to_json(),
        **({"report_to": list(plan.study.report_to)} if plan.study.report_to else {}),
    }
    return manifest if part is None else {**manifest, "part": part}


def _join(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest of two parts of one study."""
    kinds = dict.fromkeys((*first["nodes"], *second["nodes"]))
    nodes = {kind: _together(first["nodes"].get(kind, ()), second["nodes"].get(kind, ())) for kind in kinds}
    weights = [one["weights"] for one in (first, second)]
    keep = "all" if any(one["keep"] == "all" for one in weights) else second["weights"]["keep"]
    return {
        **second,
        "nodes": nodes,
        "scored": _together(first["scored"], second["scored"]),
        "columns": {**first["columns"], **second["columns"]},
        "imports": _together(first["imports"], second["imports"]),
        "report_to": _together(first.get("report_to", ()), second.get("report_to", ())),
        "weights": {"keep": keep, "stored": sorted({*weights[0]["stored"], *weights[1]["stored"]})},
    }


def _join_studies(first: Mapping[str, Any] | None, second: Grid) -> str | None:
    """Return the text of a study with what both have of each axis; None if the first cannot be read."""
    if first is None:
        return None
    try:
        there = build_study(Grid, first)
    except StudyError:
        return None
    axes = {axis: tuple(_together(getattr(there, axis), getattr(second, axis))) for axis in AXES}
    axes["seeds"] = tuple(sorted(axes["seeds"]))
    return write_study(second.model_copy(update=axes))


def _together(first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """Return what is in either, once."""
    seen = list(first)
    known = set(map(str, seen))
    return seen + [one for one in second if str(one) not in known]
