"""Display names of tasks, metrics, measures, interventions and ablations.

A name is registered for a kind of thing and a key; without one, the key itself is shown. Whoever registers a
task, a metric, a measure or an intervention may register its name here too, and reports use it.

An ablation's entries are plain values, one mapping for each intervention: ``phase``, ``at`` (during
fine-tuning), ``kind``, ``layers`` and every field that is not at its default.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

# What a terminal obeys instead of showing it, what orders the letters after it anew, and other ends of lines.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")

Thing = Literal["task", "metric", "measure", "intervention"]
Entry = Mapping[str, Any]

#: Keys of an entry that are no fields of the intervention.
PLACE = ("phase", "at", "kind", "layers")
#: What stands for an ablation in the rows of probes, and in those of encoders measured outside of a study.
PROBE = "probe"
MEASURED = "measured"
#: What stands for it, and for the split, in the rows of distances between languages.
DISTANCE = "distance"
#: The same in the rows that say how much of a target's text is in word-pieces that the source's text has too.
OVERLAP = "overlap"
#: Splits whose rows are of languages and their texts, and of no level of an encoder.
OF_LANGUAGES = (DISTANCE, OVERLAP)
#: What stands for it in the rows of encoders that are aligned with each other, and for the split where these
#: are no scores of a task.
ALIGNED = "aligned"
#: What states went through in such a row, by the name that records have, and what reports call it.
CONDITIONS: Mapping[str, str] = {
    "joint": "joint model",
    "joint_procrustes": "joint model, Procrustes",
    "procrustes": "Procrustes",
    "least_squares": "least squares",
    "untrained": "untrained, Procrustes",
    "untrained_least_squares": "untrained, least squares",
    "none": "no map",
    "rotation": "random rotation",
}
#: The same of the CKA of encoders, for which nothing is mapped.
COMPARED: Mapping[str, str] = {
    "joint": "joint model",
    "none": "the two encoders",
    "untrained": "untrained target",
}
#: Ends the names of measures that were taken of the pretrained encoder.
PRETRAINED = "_pretrained"
#: End the names of measures of one direction, from source to target or back.
DIRECTIONS = ("_forward", "_backward")

_NAMES: dict[Thing, dict[str, str]] = {
    "task": {"upos": "UPOS", "ner": "NER", "nli": "NLI", "xnli": "XNLI", "pawsx": "PAWS-X"},
    "metric": {
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "span_f1": "span F1",
        "span_f1_lenient": "span F1 (lenient)",
        "span_precision": "span precision",
        "span_recall": "span recall",
        "las": "LAS",
        "uas": "UAS",
        "clas": "CLAS",
    },
    "measure": {
        "cka": "CKA (linear, debiased)",
        "cka_biased": "CKA (linear, biased)",
        "cka_rbf": "CKA (RBF, debiased)",
        "cka_muller": "CKA (RBF, biased)",
        "anc": "ANC",
        "cosine": "cosine of translations",
        "cosine_centred": "cosine of translations (centred)",
        "step_cka": "CKA with the layer below",
        "step_cka_muller": "CKA with the layer below (RBF, biased)",
        "change_cka": "CKA of both models",
        "change_cka_biased": "CKA of both models (biased)",
        "change_cka_rbf": "CKA of both models (RBF)",
        "change_cka_rbf_biased": "CKA of both models (RBF, biased)",
        "change_cka_muller": "CKA of both models (RBF, biased)",
        "drift": "weight drift (relative distance)",
        "drift_cosine": "weight drift (cosine)",
        "retrieval": "retrieval accuracy (cosine)",
        "retrieval_centred": "retrieval accuracy (cosine, centred)",
        "retrieval_csls": "retrieval accuracy (CSLS)",
        "retrieval_csls_centred": "retrieval accuracy (CSLS, centred)",
        "word_retrieval": "P@1 of words alone",
        "context_retrieval": "P@1 of words in sentences",
        "sentence_retrieval": "P@1 of sentences",
        "shared_pieces": "shared word-pieces",
        "shared_tokens": "shared tokens",
    },
    "intervention": {
        "freeze": "frozen",
        "unfreeze": "unfrozen",
        "skip": "skipped",
        "swap": "swapped",
        "permute": "permuted",
        "scale": "scaled",
        "rate": "at another learning rate",
        "prune_heads": "without some heads",
        "shuffle_pieces": "with pieces shuffled",
    },
}


def visible(text: str, keep: str = "") -> str:
    r"""Write out the characters of a text that steer a terminal or a reader's eye instead of being seen.

    Args:
        text: Any text, such as a name that somebody else chose.
        keep: Such characters that stay.

    >>> print(visible("red" + chr(27) + "[31m, " + chr(0x202E) + "txt"))
    red\x1b[31m, \u202etxt
    """
    return _UNSEEN.sub(lambda found: found[0] if found[0] in keep else ascii(found[0])[1:-1], text)


#: Kinds of nodes whose plural is no ``s`` at the end.
_PLURALS = {"trajectory": "trajectories"}


def plural(kind: str) -> str:
    """Return what several nodes of a kind are called, and the folder that keeps them.

    >>> plural("run"), plural("trajectory")
    ('runs', 'trajectories')
    """
    return _PLURALS.get(kind, f"{kind}s")


def first_of(lines: Sequence[str], most: int) -> list[str]:
    """Return the first of many lines, and one that says how many there are beside them.

    >>> first_of(["fit", "run", "run", "run"], 2), first_of(["fit"], 2)
    (['fit', 'run', 'and 2 more'], ['fit'])
    """
    rest = len(lines) - most
    return [*lines[:most], f"and {rest:,} more"] if rest > 0 else [*lines]


def register_name(thing: Thing, key: str, name: str) -> None:
    """Set what reports call something; for an intervention the participle, such as ``scaled``.

    >>> register_name("metric", "bleu", "BLEU")
    >>> metric_name("bleu"), metric_name("unheard_of")
    ('BLEU', 'unheard_of')
    """
    _NAMES[thing][key] = name


def task_name(task: str) -> str:
    """Return what papers call a task.

    >>> task_name("upos"), task_name("ner"), task_name("parsing")
    ('UPOS', 'NER', 'parsing')
    """
    return _NAMES["task"].get(task, task)


def metric_name(metric: str) -> str:
    """Return what papers call a metric of a task."""
    return _NAMES["metric"].get(metric, metric)


def measure_name(measure: str) -> str:
    """Return what papers call a measure of layers.

    >>> measure_name("cka"), measure_name("retrieval_csls_forward")
    ('CKA (linear, debiased)', 'retrieval accuracy (CSLS), forward')
    """
    for direction in DIRECTIONS:
        if measure.endswith(direction):
            return f"{measure_name(measure.removesuffix(direction))}, {direction.strip('_')}"
    return _NAMES["measure"].get(measure, measure.replace("_", " "))


def ablation_name(entries: Sequence[Entry], shown: Sequence[bool] | None = None) -> str:
    """Name an ablation after what it does: kinds, layers and all that is not at its default.

    ``shown`` says which interventions show their layers, all if None. Without layers, it is a sweep's name.

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
    """List the layers that get another model's weights, and the donors; empty if there are none.

    >>> donor_text([{"phase": "after", "kind": "swap", "layers": "0-5", "donor": {"source": "ru"}}])
    '0-5: fit(source=ru)'
    """
    given = []
    for entry in entries:
        if "donor" in entry:
            rest = [f"{key}={_short(entry[key])}" for key in entry if key not in (*PLACE, "donor")]
            given.append(f"{entry['layers']}: {', '.join([_short(entry['donor']), *rest])}")
    return "; ".join(given)


def entry_words(entry: Entry, *, with_layers: bool = False) -> str:
    """Describe one intervention in the field's words: what, when, and fields that are not at their default.

    >>> entry_words({"phase": "before", "kind": "reset", "layers": "0-1"})
    'RANDOM-INIT before fine-tuning'
    >>> entry_words({"phase": "after", "kind": "swap", "layers": "0-5", "donor": {"source": "ru", "seed": 1}})
    'swapped after fine-tuning (donor fit of source ru, seed 1)'
    >>> entry_words({"phase": "before", "kind": "freeze", "layers": "0", "dropout": False}, with_layers=True)
    'frozen without dropout (layers 0)'
    >>> entry_words({"phase": "before", "kind": "rate", "layers": "0-5", "factor": 0.1})
    'at another learning rate (factor 0.1)'
    """
    given = {key: value for key, value in entry.items() if key not in PLACE}
    kind, phase = str(entry["kind"]), str(entry["phase"])
    time = f"after {100 * entry['at']:g}% of fine-tuning" if "at" in entry else f"{phase} fine-tuning"
    if kind == "reset":
        words = f"{_reset(str(given.pop('to', 'random')), phase)} {time}"
    elif kind in {"freeze", "rate"} and phase == "before":
        words = _NAMES["intervention"][kind]  # for as long as fine-tuning lasts
    else:
        words = f"{_NAMES['intervention'].get(kind, kind.replace('_', ' '))} {time}"
    if kind == "freeze" and given.get("dropout") is False:
        words += " without dropout"
        del given["dropout"]
    details = [f"layers {entry['layers']}"] * with_layers
    details += [" and ".join(given.pop("components"))] if "components" in given else []
    details += [f"{key.replace('_', ' ')} {_value(value)}" for key, value in given.items()]
    return f"{words} ({', '.join(details)})" if details else words


def _reset(to: str, phase: str) -> str:
    if to == "pretrained":
        return "reset to the pretrained weights" if phase == "before" else "rewind"
    if to == "random":
        return "RANDOM-INIT" if phase == "before" else "re-randomised"
    return f"reset to {to}"


def _value(value: Any) -> str:
    """Write a field's value; a donor fit by what differs from the run's own fit."""
    if isinstance(value, Mapping):
        return f"fit of {', '.join(f'{key} {item}' for key, item in value.items())}"
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"fit({', '.join(f'{key}={item}' for key, item in value.items())})"
    return "+".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
