"""Ablations in study files: read with every mistake collected, and written back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from layerlab.ablation.condition import Ablation, Timed, misplaced
from layerlab.ablation.interventions import (
    PHASES,
    Intervention,
    from_dict,
    kind_of,
    known_interventions,
    options_of,
)
from layerlab.ablation.sweep import Sweep, Swept
from layerlab.errors import StudyError, unknown

Mistakes = list[tuple[str, str]]
FORMS = "`none`, `{before: [{reset: {layers: 0-1}}]}`, or `{sweep: {windows: 2}, before: [{reset: {}}]}`"


def parse_ablation(value: Any, path: str = "ablation") -> tuple[Ablation | Sweep | None, Mistakes]:
    """Read an ablation or a sweep from plain values.

    Args:
        value: ``none``; or a mapping with ``name``, ``before``, ``during``, ``after``; or the same with
            ``sweep: {windows, stride}``, whose entries lack ``layers``.
        path: Where the value is, for messages.

    Returns:
        The ablation, None if there are mistakes, and the mistakes as (path, message).

    >>> parse_ablation({"after": [{"freeze": {"layers": 0}}]})[1]
    [('ablation.after[0].freeze', 'freeze makes no sense after fine-tuning; it belongs before or during it')]
    """
    if value == "none":
        return Ablation.none(), []
    if not isinstance(value, Mapping):
        return None, [(path, f"expected {FORMS}; got {value!r}")]
    known = ("name", "sweep", *PHASES)
    mistakes: Mistakes = [
        (f"{path}.{key}", unknown("key", str(key), known)) for key in value if key not in known
    ]
    name = value.get("name", "")
    if not isinstance(name, str):
        mistakes.append((f"{path}.name", f"expected text, got {name!r}"))
    swept = "sweep" in value
    size, stride = _read_windows(value["sweep"], f"{path}.sweep", mistakes) if swept else (1, None)
    entries = _read_entries(value, path, swept, mistakes)
    if not entries and not mistakes:
        mistakes.append((path, f"intervenes nowhere; the baseline is `none`. Expected {FORMS}"))
    if mistakes:
        return None, mistakes
    try:
        if swept:
            return Sweep(size, stride, tuple(entries), name), []
        return _build(name, entries), []
    except StudyError as error:
        return None, [(_join(path, problem.path), problem.message) for problem in error.problems]


def dump_ablation(ablation: Ablation | Sweep) -> Any:
    """Return an ablation or a sweep as plain values that read back to the same.

    >>> dump_ablation(parse_ablation({"before": [{"reset": {"layers": "0-1", "seed": 3}}]})[0])
    {'before': [{'reset': {'layers': '0-1', 'seed': 3}}]}
    """
    plain: dict[str, Any] = {}
    if isinstance(ablation, Sweep):
        if ablation.name:
            plain["name"] = ablation.name
        plain["sweep"] = {"windows": ablation.windows}
        if ablation.stride is not None:
            plain["sweep"]["stride"] = ablation.stride
        for entry in ablation.entries:
            time = {} if entry.at is None else {"at": entry.at}
            plain.setdefault(entry.phase, []).append({**time, entry.kind: dict(entry.options)})
        return plain
    if not ablation.interventions:
        return "none"
    if ablation.name != Ablation("", ablation.before, ablation.during, ablation.after).name:
        plain["name"] = ablation.name
    if ablation.before:
        plain["before"] = [_dump(item) for item in ablation.before]
    if ablation.during:
        plain["during"] = [{"at": timed.at, **_dump(timed.intervention)} for timed in ablation.during]
    if ablation.after:
        plain["after"] = [_dump(item) for item in ablation.after]
    return plain


def _dump(item: Intervention) -> dict[str, Any]:
    return {kind_of(item): {"layers": str(item.layers), **options_of(item)}}


def _build(name: str, entries: list[Swept]) -> Ablation:
    placed: dict[str, list[Any]] = {phase: [] for phase in PHASES}
    for entry in entries:
        item = from_dict({entry.kind: entry.options})
        placed[entry.phase].append(item if entry.at is None else Timed(entry.at, item))
    return Ablation(name, *(tuple(placed[phase]) for phase in PHASES))


def _read_windows(value: Any, path: str, mistakes: Mistakes) -> tuple[int, int | None]:
    if not isinstance(value, Mapping):
        mistakes.append((path, f"expected a mapping such as {{windows: 2}}, got {value!r}"))
        return 1, None
    for key in value:
        if key not in {"windows", "stride"}:
            mistakes.append((f"{path}.{key}", unknown("key", str(key), ("windows", "stride"))))
    for key in ("windows", "stride"):
        number = value.get(key)
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            mistakes.append((f"{path}.{key}", f"expected a number of layers of at least 1, got {number!r}"))
    return value.get("windows", 1) or 1, value.get("stride")


def _read_entries(value: Mapping[str, Any], path: str, swept: bool, mistakes: Mistakes) -> list[Swept]:
    entries = []
    for phase in PHASES:
        items = value.get(phase)
        if items is None:
            continue
        if not isinstance(items, list | tuple):
            mistakes.append((f"{path}.{phase}", f"expected a list of interventions, got {items!r}"))
            continue
        for index, item in enumerate(items):
            entry = _read_entry(item, phase, f"{path}.{phase}[{index}]", swept, mistakes)
            if entry is not None:
                entries.append(entry)
    return entries


def _read_entry(item: Any, phase: str, path: str, swept: bool, mistakes: Mistakes) -> Swept | None:
    """Read one intervention with its time; mistakes are added to the list."""
    example = "{at: 0.5, freeze: {layers: 0-5}}" if phase == "during" else "{reset: {layers: 0-1}}"
    if not isinstance(item, Mapping):
        mistakes.append((path, f"expected an intervention such as `{example}`, got {item!r}"))
        return None
    rest = {key: options for key, options in item.items() if key != "at"}
    at = item.get("at")
    if len(rest) != 1:
        mistakes.append(
            (
                path,
                f"expected one intervention such as `{example}`, got {', '.join(map(str, rest)) or 'none'}",
            )
        )
        return None
    if phase == "during" and at is None:
        mistakes.append(
            (path, "`at` is missing: the fraction of the steps after which it is made, in [0, 1)")
        )
    if phase != "during" and at is not None:
        mistakes.append((f"{path}.at", f"only entries of `during` have a time, this one is under `{phase}`"))
    kind, options = next(iter(rest.items()))
    options = {} if options is None and swept else options
    n_mistakes = len(mistakes)
    try:
        if phase == "during" and at is not None:
            Timed(at, from_dict(_with_layers(kind, options, swept)))
        else:
            from_dict(_with_layers(kind, options, swept))
    except StudyError as error:
        mistakes.extend((_join(path, problem.path), problem.message) for problem in error.problems)
    if kind in known_interventions() and (message := misplaced(kind, phase)):
        mistakes.append((f"{path}.{kind}", message))
    return Swept(phase, kind, options, at) if len(mistakes) == n_mistakes else None


def _with_layers(kind: str, options: Any, swept: bool) -> dict[str, Any]:
    if swept and isinstance(options, Mapping):
        return {kind: {"layers": "0", **options}}
    return {kind: options}


def _join(path: str, inner: str) -> str:
    return f"{path}.{inner}" if inner else path
