"""What ``layerlab init`` asks for on a terminal; an answer that cannot be is asked for again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import typer

from layerlab.errors import LayerlabError, Problem, StudyError, unknown

Asked = list[tuple[str, str]]


def ask_missing(given: Mapping[str, str]) -> dict[str, str]:
    """Return answers to what a study cannot do without; those that are empty are asked for.

    Raises:
        StudyError: Nobody is there to answer.
    """
    missing = [name for name, value in given.items() if not value]
    if not sys.stdin.isatty():
        said = "is missing, and there is no terminal to ask on"
        raise StudyError([Problem(f"--{name}", said) for name in missing], "init")
    questions: dict[str, tuple[str, Callable[[str], str]]] = {
        "model": ("Encoder (a folder, a Hub id, or minimbert, minimbert-controlled)", str.strip),
        "task": ("Task", _task),
        "source": ("Language to fine-tune on", str.strip),
        "targets": ("Languages to evaluate on, with commas", str.strip),
    }
    return {
        name: value or _ask(questions[name][0], questions[name][1], hint=_hint(name))
        for name, value in given.items()
    }


def ask_rest(data: str, asked: Asked, seeds: int) -> tuple[str, Asked, int]:
    """Ask where the corpora are, what is done to which layers and how many seeds; each has a default.

    Args:
        data: As the command line gives it; asked for if empty.
        asked: Interventions with layers; asked for if empty.
        seeds: How many, which the default of the answer is.
    """
    if not data:
        data = _ask("Corpora (a folder, controlled:FAMILY, or hub)", str.strip, default="hub")
        data = "" if data == "hub" else data
    if not asked:
        from layerlab.study.draft import ASKED

        kind = _ask("Intervention", _among("intervention", list(ASKED)), default="reset", hint=list(ASKED))
        asked = [(kind, _ask("Layers (pairs, each, or a selection such as 0-1)", _layers, default="pairs"))]
    return data, asked, int(typer.prompt("Seeds", default=seeds, type=int))


def _ask(
    question: str, read: Callable[[str], str], *, default: str | None = None, hint: Sequence[str] = ()
) -> str:
    words = f"{question} ({', '.join(hint)})" if hint else question

    def checked(answer: Any) -> str:
        try:
            return read(str(answer))
        except LayerlabError as error:
            raise typer.BadParameter(str(error)) from error

    return str(typer.prompt(words, default=default, value_proc=checked))


def _hint(name: str) -> Sequence[str]:
    if name != "task":
        return ()
    import layerlab.tasks  # noqa: F401 - registers those that come with layerlab
    from layerlab.tasks.task import known_tasks

    return known_tasks()


def _task(answer: str) -> str:
    from layerlab.tasks.task import get_task

    return get_task(answer.strip()).name


def _layers(answer: str) -> str:
    from layerlab.models.layers import Layers
    from layerlab.study.draft import WINDOWS

    answer = answer.strip()
    return answer if answer in WINDOWS else Layers(answer).text


def _among(kind: str, known: Sequence[str]) -> Callable[[str], str]:
    def read(answer: str) -> str:
        if answer.strip() not in known:
            raise StudyError([Problem("", unknown(kind, answer.strip(), known))], "the answer")
        return answer.strip()

    return read
