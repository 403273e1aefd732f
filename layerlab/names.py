"""The names that people read: of ablations, and later of all that records hold.

An ablation's entries are plain values, one mapping for each intervention: ``phase``, ``at`` (during
fine-tuning), ``kind``, ``layers`` and every field that is not at its default.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

#: What stands for an ablation in the rows of probes, and in those of encoders measured outside of a study.
PROBE = "probe"
MEASURED = "measured"
#: Ends the metric of a measure of the pretrained encoder.
PRETRAINED = "_pretrained"

Entry = Mapping[str, Any]
#: Keys of an entry that are no fields of the intervention.
PLACE = ("phase", "at", "kind", "layers")


def ablation_name(entries: Sequence[Entry], shown: Sequence[bool] | None = None) -> str:
    """Name an ablation after what it does: kinds, layers and all that is not at its default.

    Args:
        entries: Its interventions as plain values, in order.
        shown: Which of them show their layers; all if None. Without layers, it is the name of a sweep.

    >>> entry = {"phase": "during", "at": 0.5, "kind": "reset", "layers": "0-1", "to": "pretrained"}
    >>> ablation_name([entry]), ablation_name([entry], [False]), ablation_name([])
    ('reset(0-1, to=pretrained)@during:0.5', 'reset(to=pretrained)@during:0.5', 'none')
    """
    names = []
    for entry, with_layers in zip(entries, shown or [True] * len(entries), strict=True):
        place = f"{entry['phase']}:{entry['at']:g}" if "at" in entry else entry["phase"]
        given = [str(entry["layers"])] * with_layers
        given += [f"{key}={_short(value)}" for key, value in entry.items() if key not in PLACE]
        brackets = f"({', '.join(given)})" if given else ""
        names.append(f"{entry['kind']}{brackets}@{place}")
    return " + ".join(names) or "none"


def donor_text(entries: Sequence[Entry]) -> str:
    """Say which layers get another model's weights, and whose; empty if none do.

    >>> donor_text([{"phase": "after", "kind": "swap", "layers": "0-5", "donor": {"source": "ru"}}])
    '0-5: fit(source=ru)'
    """
    given = []
    for entry in entries:
        if "donor" in entry:
            rest = [f"{key}={_short(entry[key])}" for key in entry if key not in (*PLACE, "donor")]
            given.append(f"{entry['layers']}: {', '.join([_short(entry['donor']), *rest])}")
    return "; ".join(given)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"fit({', '.join(f'{key}={item}' for key, item in value.items())})"
    return "+".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
