"""Every key of a study file, and of a file of an engine, with what may be written there and what it means.

The texts are the docstrings of the classes that read the keys, so that there is one place for them.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ByteSize
from pydantic.fields import FieldInfo

from layerlab.ablation.interventions import known_interventions
from layerlab.ablation.written import FORMS, Written
from layerlab.errors import Problem, StudyError, unknown
from layerlab.nodes.engines.choice import engines_with_options
from layerlab.study.grid import Grid

_PLAIN = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    ByteSize: "bytes, such as 16GB",
}
_LISTS = ("tuple", "list", "Sequence")


@dataclass(frozen=True)
class Key:
    """A key of a study file.

    Attributes:
        path: Where it stands, such as ``training.epochs``; of an intervention's, its kind comes first.
        kind: What may be written: ``text``, ``number``, ``a list of text``, ``best | last``, ``mapping``.
        default: What holds without it, as YAML writes it; ``required`` where there is no default.
        text: What it means.
    """

    path: str
    kind: str
    default: str
    text: str

    @property
    def first_sentence(self) -> str:
        """The text up to its first full stop or semicolon."""
        return re.split(r"(?<=\w|\)|`)[.;](?:\s|$)", self.text, maxsplit=1)[0].rstrip(".;") + "."


def study_keys() -> dict[str, Key]:
    """Return every key of a study file by its path, then those of interventions and of files of engines.

    >>> study_keys()["training.warmup"]
    Key(path='training.warmup', kind='number', default='0.1', text='Fraction of the steps in which the rate rises linearly.')
    """  # noqa: E501 - one line, as Python prints it
    found = {key.path: key for key in _keys_of(Grid, "")}
    for kind, cls in known_interventions().items():
        whole = inspect.getdoc(cls) or ""
        phases = ", ".join(phase for phase in ("before", "during", "after") if phase in cls.phases)
        found[kind] = Key(kind, f"an intervention ({phases} fine-tuning)", "none", _body(whole))
        found.update((key.path, key) for key in _keys_of(cls, f"{kind}."))
    for name, make in engines_with_options().items():
        whole = inspect.getdoc(type(make)) or ""
        found[name] = Key(name, "an engine, in a file for --engine", "none", _body(whole))
        found.update((key.path, key) for key in _keys_of(type(make), f"{name}."))
    return found


def find_keys(name: str) -> list[Key]:
    """Return the keys that a user means: the one of this path, or all whose last parts are these.

    Raises:
        StudyError: There is none.

    >>> [key.path for key in find_keys("epochs")]
    ['training.epochs']
    """
    keys = study_keys()
    if name in keys:
        return [keys[name]]
    found = [key for path, key in keys.items() if path.endswith(f".{name}")]
    if not found:
        last = {path.rpartition(".")[2] for path in keys}
        raise StudyError([Problem("", unknown("key of a study file", name, last))], "what to explain")
    return found


def _keys_of(cls: type[Any], prefix: str) -> Iterator[Key]:
    """Yield the keys of a class's fields, and below each those of the class that reads it."""
    texts = {name: text for one in reversed(cls.__mro__) for name, text in _attributes(one).items()}
    fields: Mapping[str, FieldInfo] = (
        cls.__pydantic_fields__ if is_dataclass(cls) else cls.model_fields  # type: ignore[attr-defined]
    )
    for name, field in fields.items():
        text = texts.get(name, "")
        kind = FORMS if name == "ablations" else " | ".join(_forms(field.annotation))
        yield Key(f"{prefix}{name}", kind, _default(field), text)
        for inner in [Written] if name == "ablations" else dict.fromkeys(_models(field.annotation)):
            yield from _keys_of(inner, f"{prefix}{name}.")


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _forms(annotation: Any) -> list[str]:
    """Return what may be written where an annotation stands."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _forms(parts[0])
    if origin is Literal:
        return list(map(str, parts))
    if origin in (Union, types.UnionType):
        return list(dict.fromkeys(form for part in parts for form in _forms(part)))
    if origin is not None and getattr(origin, "__name__", "") in _LISTS:
        return [f"a list of {' or '.join(_forms(parts[0]))}" if parts else "a list"]
    if annotation is type(None):
        return ["null"]
    if inspect.isclass(annotation) and annotation in _PLAIN:
        return [_PLAIN[annotation]]
    if getattr(annotation, "__name__", "") in ("Path", "Layers"):
        return ["a folder" if annotation.__name__ == "Path" else "a selection of layers"]
    return ["a mapping"]


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, BaseModel):
        return "its own defaults"
    if isinstance(value, tuple | list | dict) and not value:
        return "empty"
    if isinstance(value, tuple | list):
        return f"[{', '.join(str(getattr(item, 'name', item)) for item in value)}]"
    return str(value)


def _attributes(cls: type[Any]) -> dict[str, str]:
    """Return the texts under ``Attributes:`` in a class's docstring, by name."""
    section = re.search(r"^Attributes:\n((?: +.*\n|\n)+)", (inspect.getdoc(cls) or "") + "\n", re.MULTILINE)
    if section is None:
        return {}
    entries = re.findall(r"^    (\w+): (.*(?:\n {5,}.*)*)", section[1], re.MULTILINE)
    return {name: _plain(text) for name, text in entries}


def _body(docstring: str) -> str:
    """Return a docstring without its sections of fields and errors and without examples."""
    kept = re.split(r"^(?:Attributes|Raises|>>>)", docstring, maxsplit=1, flags=re.MULTILINE)[0]
    return _plain(kept)


def _plain(text: str) -> str:
    """Return text of a docstring without its markup, in one paragraph."""
    text = re.sub(r":\w+:`~?([^`]+)`", r"\1", text)
    return " ".join(text.replace("``", "").replace("`", "").split())
