"""Study files that layerlab writes: from a few answers to a commented file that plans as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from layerlab.config import apply_overrides
from layerlab.errors import StoreError, StudyError
from layerlab.files import read_text
from layerlab.study.keys import study_keys
from layerlab.study.reading import write_yaml

#: Words for the windows of a sweep over all layers.
WINDOWS = {"pairs": 2, "each": 1}
#: What may be asked for by name, and the entry that it stands for: phase, intervention, options.
ASKED: Mapping[str, tuple[str, str, Mapping[str, Any]]] = {
    "reset": ("before", "reset", {"to": "random"}),
    "freeze": ("before", "freeze", {}),
    "rewind": ("after", "reset", {"to": "pretrained"}),
    "skip": ("after", "skip", {}),
}


@dataclass(frozen=True)
class Draft:
    """What a study file is made from.

    Attributes:
        name: Of the study.
        model: Folder, name or Hub id.
        task: Name of the task.
        source: Language to fine-tune on.
        targets: Languages to evaluate on.
        seeds: Their number; they are 0, 1, ...
        asked: Interventions by a name of ``ASKED``, each with the layers: ``pairs``, ``each``, or a selection
            such as ``0-1``.
        data: The ``data`` section; empty for the built-in catalogue.
        training: The ``training`` section; what is not in it has its default.
        changes: ``path=value`` texts, as ``--set`` takes them.
    """

    name: str
    model: str
    task: str
    source: str
    targets: Sequence[str]
    seeds: int = 3
    asked: Sequence[tuple[str, str]] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    changes: Sequence[str] = ()

    def to_yaml(self) -> str:
        """Return the study file, each key after a comment that says what it is.

        >>> print(Draft("one", "my/encoder", "upos", "en", ["de"], asked=[("reset", "pairs")]).to_yaml())
        # Made by layerlab; `layerlab explain KEY` says more about a key.
        ...
        # Ablations and sweeps.
        ablations:
        - none
        - sweep: {windows: 2}
          before:
          - reset: {to: random}
        ...
        """
        texts = study_keys()
        lines = ["# Made by layerlab; `layerlab explain KEY` says more about a key.", ""]
        for key, value in self._sections().items():
            lines += [f"# {texts[key].first_sentence}"] if key in texts else []
            if isinstance(value, Mapping):
                lines += [f"{key}:"]
                for name, setting in value.items():
                    lines += [f"  # {meant.first_sentence}"] if (meant := texts.get(f"{key}.{name}")) else []
                    lines += [f"  {_entry(name, setting)}"]
            else:
                lines += [_entry(key, value)]
        return "\n".join(lines) + "\n"

    def _sections(self) -> dict[str, Any]:
        data = {"data": dict(self.data)} if self.data else {}
        training = {"training": dict(self.training)} if self.training else {}
        sections = {
            "name": self.name,
            "models": [self.model],
            "tasks": [self.task],
            **data,
            "sources": [self.source],
            "targets": [self.source, *(target for target in self.targets if target != self.source)],
            "seeds": list(range(self.seeds)),
            "ablations": ["none", *(_ablation(name, layers) for name, layers in self.asked)],
            **training,
        }
        if problems := apply_overrides(sections, self.changes):
            raise StudyError(problems, "--set")
        return sections


def check_free(text: str, file: Path) -> None:
    """Refuse to write a study file over another one.

    Raises:
        StoreError: A file with other content has the name.
    """
    if file.exists() and read_text(file, StoreError) != text:
        raise StoreError(
            f"{file} exists and asks for something else: remove it, or name another study or file"
        )


def _ablation(name: str, layers: str) -> dict[str, Any]:
    phase, kind, options = ASKED[name]
    if layers in WINDOWS:
        return {"sweep": {"windows": WINDOWS[layers]}, phase: [{kind: dict(options)}]}
    return {phase: [{kind: {"layers": layers, **options}}]}


def _entry(key: str, value: Any) -> str:
    flow = None if isinstance(value, Mapping | Sequence) and not isinstance(value, str) else False
    return write_yaml({key: value}, flow=flow).rstrip()
