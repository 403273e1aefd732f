"""The identity of a pretraining: everything that determines its encoder, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from layerlab.models.checkpoints import digest_folder
from layerlab.pretraining.factors.factor import Surroundings, known_factors
from layerlab.pretraining.spec import OWN_FACTORS, WITHOUT_EFFECT, PretrainingSpec
from layerlab.pretraining.text.texts import digest_text

# Raised when the meaning of a spec changes without a change of its text.
PRETRAINING_VERSION: Final = 1


def identity_of_pretraining(spec: PretrainingSpec) -> dict[str, Any]:
    """Return everything that determines the encoder of a spec, as plain values.

    Fields at their defaults are left out, so that a field added later changes no identity.

    Raises:
        DataError: A text is missing or cannot be read.
        CheckpointError: There is no encoder to grow from.
    """
    identity = spec.model_dump(mode="json", exclude={"name", *WITHOUT_EFFECT}, exclude_defaults=True)
    # Lists, since the order of languages is part of what is drawn when.
    identity["corpora"] = [[key, [digest_text(text) for text in spec.corpora[key]]] for key in spec.corpora]
    around = spec.surroundings()
    for name in set(around.factors) & set(OWN_FACTORS):
        identity[name] = _identity_of_factor(name, around)
    if spec.factors:
        identity["factors"] = [[name, _identity_of_factor(name, around)] for name in spec.factors]
    if spec.grown_from is not None:
        identity["grown_from"] = digest_folder(spec.grown_from)
    return {"version": PRETRAINING_VERSION, **identity}


def _identity_of_factor(name: str, around: Surroundings) -> dict[str, Any]:
    """Return every field of a factor, so that none is forgotten, and its files by what is in them."""
    factor: Any = around.factors[name]
    files = factor.files(around)
    # A path that is no file of the factor counts as it is written.
    held = {field: _paths_in(getattr(factor, field)) for field in type(factor).model_fields}
    known = {field for field, paths in held.items() if paths and paths <= set(files.values())}
    values: dict[str, Any] = factor.model_dump(mode="json", exclude_none=True, exclude=known)
    if files:
        values["corpora"] = [[key, digest_text(file)] for key, file in files.items()]
    version = known_factors()[name].version
    return values if version == 1 else {**values, "factor_version": version}


def _paths_in(value: object) -> set[Path]:
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, tuple | list):
        return {path for part in value for path in _paths_in(part)}
    return {value} if isinstance(value, Path) else set()
