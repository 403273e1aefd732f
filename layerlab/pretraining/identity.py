"""The identity of a pretraining: everything that determines its encoder, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from layerlab.models.checkpoints import digest_folder
from layerlab.pretraining.spec import OBSERVING, PretrainingSpec
from layerlab.pretraining.text.texts import digest_text

# Raised when the meaning of a spec changes without a change of its text.
PRETRAINING_VERSION: Final = 1
# What a spec says beside what determines the encoder: its name, and when it is looked at.
_NO_IDENTITY: Final = frozenset({"name"}) | OBSERVING


def identity_of_pretraining(spec: PretrainingSpec) -> dict[str, Any]:
    """Return everything that determines the encoder of a spec, as plain values.

    Fields at their defaults are left out, so that a field added later changes no identity.

    Raises:
        DataError: A text is missing or cannot be read.
        CheckpointError: There is no encoder to grow from.
    """
    identity = spec.model_dump(mode="json", exclude=set(_NO_IDENTITY), exclude_defaults=True)
    # Lists, since the order of languages is part of what is drawn when.
    identity["corpora"] = [[key, [digest_text(text) for text in spec.corpora[key]]] for key in spec.corpora]
    made = {
        "parallel": (spec.parallel, spec.parallel_corpora()),
        "anchors": (spec.anchors, spec.anchor_corpora()),
    }
    for name, (part, corpora) in made.items():
        if part is not None:
            # Every field counts, so that none is forgotten; the texts by what is in them.
            identity[name] = {**part.model_dump(mode="json", exclude_none=True), "corpora": _digests(corpora)}
    if spec.grown_from is not None:
        identity["grown_from"] = digest_folder(spec.grown_from)
    return {"version": PRETRAINING_VERSION, **identity}


def _digests(corpora: Mapping[str, Path]) -> list[list[str]]:
    return [[key, digest_text(file)] for key, file in corpora.items()]
