"""Fields of nodes that hold interventions: plain values in a store, interventions in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, SkipValidation

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import Intervention, from_dict, to_dict


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
