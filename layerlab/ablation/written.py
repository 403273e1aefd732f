"""Ablations and sweeps as study files write them: read with every mistake, and written back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, InstanceOf, ValidationInfo, model_validator

from layerlab.ablation.ablation import Ablation, Timed, misplaced, place
from layerlab.ablation.interventions import from_dict, known_interventions
from layerlab.ablation.sweep import Sweep, Swept
from layerlab.config import parse_path
from layerlab.errors import Problem, StudyError
from layerlab.names import ablation_name
from layerlab.validation import validate

FORMS = "`none`, `{before: [{reset: {layers: 0-1}}]}`, or `{sweep: {windows: 2}, before: [{reset: {}}]}`"


def read_ablation(value: object) -> Ablation | Sweep:
    """Read an ablation or a sweep from plain values; one that is read already is returned.

    Args:
        value: ``none``; or a mapping with ``name``, ``before``, ``during``, ``after``; or the same with
            ``sweep: {windows, stride}``, whose entries lack ``layers``, or with
            ``sweep: {values: {weight: [...]}}``, whose entries lack that field.

    Raises:
        StudyError: Every mistake, with its path below the value.

    >>> read_ablation({"after": [{"reset": {"layers": 0}}]}).name
    'reset(0)@after'
    """
    if isinstance(value, Ablation | Sweep):
        return value
    if value == "none":
        return Ablation.none()
    if not isinstance(value, Mapping):
        raise StudyError([Problem("", f"expected {FORMS}; got {value!r}")], "ablation")
    written, problems = validate(Written, value)
    if written is None:
        order = {str(key): place for place, key in enumerate(value)}
        problems.sort(key=lambda problem: order.get(str((*parse_path(problem.path), "")[0]), len(order)))
        raise StudyError(problems, "ablation")
    entries = (*written.before, *written.during, *written.after)
    if not entries:
        nowhere = f"intervenes nowhere; the baseline is `none`. Expected {FORMS}"
        raise StudyError([Problem("", nowhere)], "ablation")
    if written.sweep is not None:
        over = written.sweep
        return Sweep(over.windows or 1, over.stride, entries, written.name, over.values or {})
    return place(written.name, [(one.phase, one.at, from_dict({one.kind: one.options})) for one in entries])


def dump_ablation(ablation: Ablation | Sweep) -> Any:
    """Return an ablation or a sweep as the plain values that a study file would have.

    >>> from layerlab.ablation.interventions import Reset
    >>> dump_ablation(Ablation(before=(Reset("0-1"),)))
    {'before': [{'reset': {'layers': '0-1'}}]}
    """
    plain: dict[str, Any] = {}
    if isinstance(ablation, Ablation):
        if not ablation.interventions:
            return "none"
        entries = [_apart(**entry) for entry in ablation.entries]
        named = ablation.name != ablation_name(ablation.entries)
    else:
        stride = {} if ablation.stride is None else {"stride": ablation.stride}
        plain["sweep"] = {"windows": ablation.windows, **stride}
        if ablation.values:
            plain["sweep"] = {"values": {name: list(some) for name, some in ablation.values.items()}}
        entries = list(ablation.entries)
        named = bool(ablation.name)
    for entry in entries:
        time = {} if entry.at is None else {"at": entry.at}
        plain.setdefault(entry.phase, []).append({**time, entry.kind: dict(entry.options)})
    return {"name": ablation.name, **plain} if named else plain


def _apart(phase: str, kind: str, at: float | None = None, **fields: Any) -> Swept:
    return Swept(phase, kind, fields, at)


def _check_count(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"expected a number of layers of at least 1, got {value!r}")
    return value


def _check_windows(value: object) -> object:
    if not isinstance(value, Mapping):
        raise ValueError(f"expected a mapping such as {{windows: 2}}, got {value!r}")
    return value


def _check_list(value: object) -> object:
    if not isinstance(value, list | tuple | None):
        raise ValueError(f"expected a list of interventions, got {value!r}")
    return value or ()


def _read_entry(value: object, info: ValidationInfo) -> Swept:
    """Read one intervention with its time, as an entry of the phase that it stands under."""
    phase, swept = str(info.field_name), info.data.get("sweep", True) is not None
    example = "{at: 0.5, freeze: {layers: 0-5}}" if phase == "during" else "{reset: {layers: 0-1}}"
    if not isinstance(value, Mapping):
        raise ValueError(f"expected an intervention such as `{example}`, got {value!r}")
    given = {key: options for key, options in value.items() if key != "at"}
    if len(given) != 1:
        names = ", ".join(map(str, given)) or "none"
        raise ValueError(f"expected one intervention such as `{example}`, got {names}")
    ((kind, options),) = given.items()
    at, problems = value.get("at"), []
    if phase == "during" and at is None:
        problems.append(
            Problem("", "`at` is missing: the fraction of the steps after which it is made, in [0, 1)")
        )
    if phase != "during" and at is not None:
        problems.append(Problem("at", f"only entries of `during` have a time, this one is under `{phase}`"))
    options = {} if options is None and swept else options
    given = _first_of(info.data.get("sweep"))
    whole = {**given, **options} if swept and isinstance(options, Mapping) else options
    try:
        item = from_dict({kind: whole})
        if phase == "during" and at is not None:
            Timed(at, item)
    except StudyError as error:
        problems.extend(error.problems)
    if kind in known_interventions() and (message := misplaced(kind, phase)):
        problems.append(Problem(str(kind), message))
    if problems:
        raise StudyError(problems, "intervention")
    return Swept(phase, kind, options, at)


def _first_of(over: _Windows | None) -> dict[str, Any]:
    """Return a value of the field that a sweep gives."""
    if over is None or not over.values:
        return {"layers": "0"}
    return {name: values[0] for name, values in over.values.items()}


def _check_values(value: object) -> object:
    example = "{weight: [0.25, 0.5]}"
    if not isinstance(value, Mapping) or len(value) != 1:
        raise ValueError(f"expected one field with its values, such as {example}, got {value!r}")
    ((name, values),) = value.items()
    if not isinstance(values, list | tuple) or not values or name in ("layers", "at"):
        raise ValueError(f"expected one field with its values, such as {example}, got {value!r}")
    twice = [one for index, one in enumerate(values) if one in values[:index]]
    if twice:
        raise ValueError(f"{name}: {twice[0]!r} is listed twice")
    return {name: tuple(values)}


_Count = Annotated[int, BeforeValidator(_check_count)]
_Entries = Annotated[
    tuple[Annotated[InstanceOf[Swept], BeforeValidator(_read_entry)], ...], BeforeValidator(_check_list)
]


class _Windows(BaseModel):
    """The windows of a sweep, or the values of a field.

    Attributes:
        windows: Layers in a window.
        stride: From the first layer of a window to that of the next; a window's length by default.
        values: A field of the entries with its values, such as ``{weight: [0.25, 0.5]}``, instead of windows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    windows: _Count | None = None
    stride: _Count | None = None
    values: Annotated[Mapping[str, tuple[Any, ...]] | None, BeforeValidator(_check_values)] = None

    @model_validator(mode="after")
    def _refuse_both(self) -> Self:
        if self.values and (self.windows or self.stride):
            raise ValueError("give `windows` of layers or `values` of a field, not both")
        return self


class Written(BaseModel):
    """The keys of an ablation or a sweep; ``sweep`` is read before the entries, whose layers it gives.

    Attributes:
        name: What tables and figures call it; made from the entries if left out.
        sweep: Makes one ablation for each window of layers, or each value of a field, which the entries then
            do not have.
        before: Interventions before fine-tuning, in order.
        during: Interventions while the model trains, each with ``at``: the fraction of the steps after which
            it is made.
        after: Interventions after fine-tuning, before evaluation.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    sweep: Annotated[_Windows | None, BeforeValidator(_check_windows)] = None
    before: _Entries = ()
    during: _Entries = ()
    after: _Entries = ()
