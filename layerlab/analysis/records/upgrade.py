"""Records of older versions: columns that they lack are worked out from names, in this module only.

Each row of newer records has the sweep of its ablation, what the ablation does (``options``), and whether
the metric is its task's main one. For older records this is worked out from the automatic names of ablations,
such as ``reset(0-1, to=pretrained)@after``, and from the other columns. What the commonest answer alone would
score (``floor``) is not known of them, and that none has a model that is compared with another (``against``)
or was kept after a ``step`` of pretraining.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pandas as pd

from layerlab.names import PROBE, ablation_name

#: Columns that older records lack.
NEWER = ("donor", "sweep", "options", "main", "floor", "against", "step")

_KNOWN = ("ablation", "phase", "intervention", "layers", "donor")
_MAIN = ("las", "span_f1", "accuracy")  # a task's main metric, the first of these that it has

# One intervention of a name: kind(layers, options)@phase:time.
_PART = re.compile(r"(\w+)\((.*)\)@(before|during|after)(?::([\d.e+-]+))?")
_SELECTION = re.compile(r"\([\w:,-]+(?:\)|, )")
_FIT = re.compile(r"fit\((.*)\)")
_NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]?\d+)?")


def upgrade(frame: pd.DataFrame) -> pd.DataFrame:
    """Fill in the newer columns of records where cells are None, empty or not there, and nowhere else."""
    missing = {name: pd.Series([None] * len(frame), frame.index, dtype=object) for name in NEWER}
    frame = frame.assign(**{name: cells for name, cells in missing.items() if name not in frame.columns})
    old = frame["options"].isna() | (frame["options"] == "")
    if old.any():
        found = _sweeps_and_options(frame[old])
        for name in found.columns:
            frame[name] = frame[name].astype(object)
            frame.loc[old, name] = found[name]
    undecided = frame["main"].isna() | (frame["main"] == "")
    if undecided.any():
        frame["main"] = frame["main"].astype(object)
        frame.loc[undecided, "main"] = _is_main(frame[undecided])
    return frame


def upgrade_effects(effect: pd.DataFrame) -> pd.DataFrame:
    """Add to effects of older versions the columns they lack: what ablations do, scale and limits."""
    if not set(_KNOWN) <= {*effect.columns, "donor"} or "reference" not in effect.columns:
        return effect
    if "options" not in effect.columns:
        effect = effect.assign(options=_sweeps_and_options(effect.assign(donor=""))["options"])
    known: dict[str, Any] = {
        "scale": "points",
        "interval": "bootstrap" if "n_resamples" in effect.columns else "t",
    }
    known |= dict.fromkeys(("reference_low", "reference_high", "floor"), float("nan"))
    if "score" not in effect.columns:
        gaps = effect["quantity"].str.endswith("gap_change")
        known["score"] = effect["reference"].where(~gaps)
    return effect.assign(**{name: cells for name, cells in known.items() if name not in effect.columns})


def _sweeps_and_options(rows: pd.DataFrame) -> pd.DataFrame:
    """Find the columns ``sweep`` and ``options`` of rows that lack them."""
    cells = [["" if cell is None or cell != cell else str(cell) for cell in rows[name]] for name in _KNOWN]
    ablations = list(zip(*cells, strict=True))
    known = {ablation: _sweep_and_options(*ablation) for ablation in set(ablations)}
    found = [known[ablation] for ablation in ablations]
    return pd.DataFrame(found, rows.index, ["sweep", "options"], dtype=object)


def _is_main(rows: pd.DataFrame) -> pd.Series[bool]:
    """Return for each row whether its metric is its task's main one, whatever the order of the rows."""
    scores = rows[rows["layer"].isna() | (rows["layer"] == "") | (rows["ablation"] == PROBE)]
    metrics = scores.groupby(["study", "task"], dropna=False)["metric"].unique()
    main = {
        key: next((name for name in (*_MAIN, *sorted(found)) if name in found), "")
        for key, found in metrics.items()
    }
    places = zip(rows["study"], rows["task"], rows["metric"], strict=True)
    return pd.Series(
        [main.get((study, task)) == metric for study, task, metric in places], rows.index, dtype=object
    )


def _sweep_and_options(
    ablation: str, phase: str, intervention: str, layers: str, donor: str
) -> tuple[str, str]:
    """Find the sweep and the options of one ablation; empty where they are not known.

    >>> _sweep_and_options("reset(last:2, to=pretrained)@after", "after", "reset", "10-11", "")
    ('reset(to=pretrained)@after', '[{"phase":"after","kind":"reset","layers":"10-11","to":"pretrained"}]')
    >>> _sweep_and_options("rewind(0-1)", "after", "reset", "0-1", "")
    ('rewind', '[{"phase":"after","kind":"reset","layers":"0-1"}]')
    """
    parts = [_PART.fullmatch(part) for part in ablation.split(" + ")]
    entries = [_entry(*part.groups(default="")) for part in parts if part]
    if entries and len(entries) == len(parts):
        if len(entries) == 1:
            entries[0]["layers"] = layers  # the name has them as they were written, such as last:2
        return ablation_name(entries, [False] * len(entries)), _text(entries)
    if not layers:
        return "", "[]" if intervention == "none" else ""
    sweep = ""
    if f"({layers})" in ablation:
        sweep = _SELECTION.sub(lambda found: "(" if found[0].endswith(", ") else "", ablation)
    if "mixed" in (phase, intervention):
        return sweep, ""
    placed = {"phase": phase, "kind": intervention}
    given = [part.partition(": ")[::2] for part in donor.split("; ")] if donor else [(layers, "")]
    return sweep, _text(
        [placed | {"layers": where} | _fields(f"donor={rest}" if rest else "") for where, rest in given]
    )


def _entry(kind: str, given: str, phase: str, at: str) -> dict[str, Any]:
    layers, _, rest = given.partition(", ")
    time = {"at": float(at)} if at else {}
    return {"phase": phase, **time, "kind": kind, "layers": layers} | _fields(rest)


def _fields(text: str) -> dict[str, Any]:
    """Read the fields of an intervention, separated by the commas outside of brackets.

    >>> _fields("donor=fit(source=ru, seed=1), components=attention, factor=0.5, dropout=False")
    {'donor': {'source': 'ru', 'seed': 1}, 'components': ['attention'], 'factor': 0.5, 'dropout': False}
    """
    parts = [part.partition("=") for part in re.split(r", (?![^(]*\))", text) if part]
    return {key: _value(key, value) for key, _, value in parts}


def _value(key: str, text: str) -> Any:
    if fit := _FIT.fullmatch(text):
        pairs = [part.partition("=") for part in fit[1].split(", ") if part]
        return {name: int(value) if name == "seed" else value for name, _, value in pairs}
    if key == "donor":
        return text
    if key == "components" or re.search(r"\w\+\w", text):
        return [_value("", part) for part in text.split("+")]
    if text in ("True", "False"):
        return text == "True"
    if _NUMBER.fullmatch(text):
        return float(text) if {".", "e"} & set(text) else int(text)
    return text


def _text(entries: list[dict[str, Any]]) -> str:
    return json.dumps(entries, separators=(",", ":"), ensure_ascii=False)
