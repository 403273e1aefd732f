"""Fields of nodes: plain values in a store, interventions and others in memory; columns of their records."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, PlainSerializer, SkipValidation

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import Intervention, from_dict, to_dict

M = TypeVar("M", bound=BaseModel)


def read_node(cls: type[M], plain: Mapping[str, Any]) -> M:
    """Read a node's fields back from what a store keeps of it, which has its kind and id beside them."""
    return cls.model_validate({key: value for key, value in plain.items() if key not in ("kind", "id")})


def columns_beside(named: Mapping[str, Any], ablation: str, main_metric: str) -> dict[str, Any]:
    """Return the columns of records beside those of fits: nothing was intervened on.

    Args:
        named: The columns that say what the records are of.
        ablation: What stands for one.
        main_metric: The task's; empty where there is no task.
    """
    blank = dict.fromkeys(("layers", "sweep", "fit_id"), "")
    nothing = {"phase": "none", "intervention": "none", "options": "[]", **blank}
    return {**named, "ablation": ablation, **nothing, "main_metric": main_metric}


def _read(value: Any) -> Any:
    return from_dict(value) if isinstance(value, Mapping) else value


def _read_timed(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return Timed(value["at"], from_dict({key: rest for key, rest in value.items() if key != "at"}))


def write_timed(timed: Timed) -> dict[str, Any]:
    """Return an intervention with its time as plain values.

    >>> from layerlab.ablation.interventions import Unfreeze
    >>> write_timed(Timed(0.5, Unfreeze("0-1")))
    {'at': 0.5, 'unfreeze': {'layers': '0-1', 'components': []}}
    """
    return {"at": timed.at, **to_dict(timed.intervention)}


InterventionField = Annotated[SkipValidation[Intervention], BeforeValidator(_read), PlainSerializer(to_dict)]
TimedField = Annotated[SkipValidation[Timed], BeforeValidator(_read_timed), PlainSerializer(write_timed)]
