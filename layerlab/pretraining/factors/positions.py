"""Positions: whether languages share the embeddings of positions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, model_validator

from layerlab.errors import ArchitectureError
from layerlab.pretraining.factors.abilities import Surroundings
from layerlab.pretraining.factors.factor import register_factor

if TYPE_CHECKING:
    from transformers import PreTrainedModel

POSITIONS: Final = "positions"


@register_factor(POSITIONS)
class Positions(BaseModel):
    """Embeddings of positions that each language of the corpora has of its own; all share the rest.

    Attributes:
        form: ``own``, or ``shared`` as without this factor.

    Reference:
        Dufter and Schütze 2020, "Identifying Elements Essential for BERT's Multilinguality".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    form: Literal["own", "shared"] = "own"

    @model_validator(mode="before")
    @classmethod
    def _form_alone(cls, value: Any) -> Any:
        return {"form": value} if isinstance(value, str) else value

    @property
    def is_default(self) -> bool:
        """Whether it is as without the factor."""
        return self.form == "shared"

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """It reads none."""
        return {}

    def check_spec(self, around: Surroundings) -> None:
        """Check that every sequence is of one language.

        Raises:
            ValueError: There is one language, or another factor adds words or sequences that are of none.
        """
        if len(around.languages) < 2:
            raise ValueError(f"positions: expected two languages at least, got {', '.join(around.languages)}")
        others = [name for name, one in around.streaming.items() if one.streams()]
        if others:
            raise ValueError(
                f"positions: a sequence has the positions of its one language, and {', '.join(others)} adds "
                "sequences that are of none; leave one of the two out"
            )

    def check_files(self, around: Surroundings) -> None:
        """It reads none."""

    def describe(self, around: Surroundings) -> str:
        """Return what is a language's own."""
        return "Each language has embeddings of positions of its own, and layerlab loads it by language."

    def own_parameters(self, model: PreTrainedModel) -> frozenset[str]:
        """Return the names of the embeddings of positions.

        Raises:
            ArchitectureError: The architecture has none: it turns states by their position.
        """
        from layerlab.models.by_language.views import named_once

        found = frozenset(name for name in named_once(model) if "position_embeddings." in name)
        if not found:
            raise ArchitectureError(
                f"positions: {model.config.model_type} has no embeddings of positions; bert has"
            )
        return found
