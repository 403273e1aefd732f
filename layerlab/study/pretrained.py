"""Models that a study pretrains itself: a spec, what is set in it, and which seed it has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from layerlab.validation import Names

#: Between the name of a pretraining and the step after which its encoder is meant.
STEP = "@"


class Pretrained(BaseModel):
    """A model of a study that is yet to be pretrained.

    Attributes:
        spec: The pretraining spec, a YAML file.
        set: What is other than in the file, by path, such as ``{factors.vocabulary: none}``.
        seed: ``paired``, so that each seed of the study is one of a pretraining and of a fine-tuning, and
            intervals over seeds are over pretrainings; or one number for all; or ``spec``, that of the file.
        targets: Languages that it is evaluated on beside the source, of the study's; all by default.
        against: The pretraining that it differs from by a factor, whose scores its own are compared with, as
            those of an ablation are with the baseline's; by default the one of the same spec in which nothing
            is set, if there is one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: str
    set: dict[str, Any] = {}
    seed: Literal["paired", "spec"] | Annotated[int, Field(ge=0)] = "paired"
    targets: Names = ()
    against: str | None = None

    def overrides(self, seed: int) -> tuple[str, ...]:
        """Return what is set in the spec, as on a command line, for a seed of the study."""
        own = {"paired": (f"seed={seed}",), "spec": ()}.get(str(self.seed), (f"seed={self.seed}",))
        changes = (f"{path}={json.dumps(value, ensure_ascii=False)}" for path, value in self.set.items())
        return (*own, *changes)


def compared_with(name: str, pretrainings: Mapping[str, Pretrained]) -> str:
    """Return which pretraining another one is compared with; empty for none.

    >>> plain, none = Pretrained(spec="a.yaml"), Pretrained(spec="a.yaml", set={"factors.vocabulary": "none"})
    >>> compared_with("none", {"joint": plain, "none": none}), compared_with("joint", {"joint": plain})
    ('joint', '')
    """
    asked = pretrainings[name]
    if asked.against is not None or not asked.set:
        return asked.against or ""
    alike = (one for one, other in pretrainings.items() if other.spec == asked.spec and not other.set)
    return next(alike, "")


def split_step(name: str) -> tuple[str, int | None]:
    """Split ``name@1000`` into a pretraining's name and the step after which its encoder is meant.

    >>> split_step("small@1000"), split_step("spec.yaml"), split_step("FacebookAI/xlm-roberta-base@main")
    (('small', 1000), ('spec.yaml', None), ('FacebookAI/xlm-roberta-base@main', None))
    """
    base, mark, step = name.rpartition(STEP)
    return (base, int(step)) if mark and step.isdecimal() else (name, None)


def name_of_model(item: Any) -> Any:
    """Return the name of ``{pretraining: file}``, perhaps with a ``step``, and anything else as it is."""
    if isinstance(item, Mapping) and "pretraining" in item and item.keys() <= {"pretraining", "step"}:
        step = item.get("step")
        return str(item["pretraining"]) if step is None else f"{item['pretraining']}{STEP}{step}"
    return item


def with_models(study: Any) -> Any:
    """Return plain values of a study that names no models with its pretrainings as models."""
    if (
        isinstance(study, Mapping)
        and "models" not in study
        and isinstance(study.get("pretrainings"), Mapping)
    ):
        return {**study, "models": list(study["pretrainings"])}
    return study
