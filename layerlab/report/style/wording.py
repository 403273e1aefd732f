"""The field's words for what is written briefly in records: sweeps and tasks, for titles and captions."""

from __future__ import annotations

import re

from layerlab.analysis.sweeps import NAMED

#: Names of tasks that are abbreviations.
_TASKS = {"upos": "UPOS", "ner": "NER", "nli": "NLI", "xnli": "XNLI", "pawsx": "PAWS-X"}

# One intervention of a sweep's name: kind(options)@phase:time.
_PART = re.compile(r"(\w+)(?:\((.*)\))?@(before|during|after)(?::([\d.e+-]+))?")
_VERBS = {
    "freeze": "frozen",
    "unfreeze": "unfrozen",
    "skip": "skipped",
    "swap": "swapped",
    "permute": "permuted",
    "scale": "scaled",
}


def task_words(task: str) -> str:
    """Name a task as papers do.

    >>> task_words("upos"), task_words("ner"), task_words("parsing")
    ('UPOS', 'NER', 'parsing')
    """
    return _TASKS.get(task, task)


def sweep_words(sweep: str) -> str:
    """Say in the field's words what a sweep does; what its author named keeps its name.

    >>> sweep_words("reset@before"), sweep_words("reset(to=pretrained)@after")
    ('RANDOM-INIT before fine-tuning', 'rewind after fine-tuning')
    >>> sweep_words("freeze@before + unfreeze@during:0.5")
    'frozen, then unfrozen after 50% of fine-tuning'
    >>> sweep_words("lobotomise(strength=2)@after"), sweep_words("my own sweep")
    ('lobotomise after fine-tuning (strength 2)', 'my own sweep')
    """
    if sweep == NAMED:
        return sweep
    parts = [_PART.fullmatch(part) for part in sweep.split(" + ")]
    if not all(parts):
        return sweep
    return ", then ".join(_words(*part.groups(default="")) for part in parts if part)


def slug(text: str) -> str:
    """Write a text in lower case, digits, hyphens and dots, as names of files and labels are written.

    >>> slug("upos en reset(to=pretrained)@after")
    'upos-en-reset-to-pretrained-after'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")


def _words(kind: str, options: str, phase: str, at: str) -> str:
    """Say what one intervention does, when, and how it differs from its kind's default."""
    given = dict(option.partition("=")[::2] for option in _split(options))
    time = f"after {100 * float(at):g}% of fine-tuning" if at else f"{phase} fine-tuning"
    if kind == "reset":
        words = f"{_reset(given.pop('to', 'random'), phase)} {time}"
    elif kind == "freeze" and phase == "before":
        words = "frozen"
    else:
        words = f"{_VERBS.get(kind, kind.replace('_', ' '))} {time}"
    if kind == "freeze" and given.get("dropout") == "False":
        words += " without dropout"
        del given["dropout"]
    details = [given.pop("components").replace("+", " and ")] if "components" in given else []
    details += [f"{name.replace('_', ' ')} {_value(value)}".strip() for name, value in given.items()]
    return f"{words} ({', '.join(details)})" if details else words


def _reset(to: str, phase: str) -> str:
    if to == "pretrained":
        return "reset to the pretrained weights" if phase == "before" else "rewind"
    if to == "random":
        return "RANDOM-INIT" if phase == "before" else "re-randomised"
    return f"reset to {to}"


def _value(value: str) -> str:
    """Write an option's value; a donor fit by what tells it from one's own.

    >>> _value("fit(source=ru, seed=1)"), _value("2+0+1")
    ('fit of source ru, seed 1', '2 0 1')
    """
    if fit := re.fullmatch(r"fit\((.*)\)", value):
        return f"fit of {fit[1].replace('=', ' ')}"
    return re.sub(r"(?<=\w)\+(?=\w)", " ", value)


def _split(options: str) -> list[str]:
    """Part options at the commas that stand in no brackets."""
    return re.split(r", (?![^(]*\))", options) if options else []
