"""Separate parameters: parts of the model that each language has of its own, while the rest is shared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from layerlab.models.anatomy import Component
from layerlab.models.layers import Layers
from layerlab.pretraining.factors.abilities import Surroundings
from layerlab.pretraining.factors.factor import register_factor

if TYPE_CHECKING:
    from transformers import PreTrainedModel

SEPARATE: Final = "separate"


@register_factor(SEPARATE)
class Separate(BaseModel):
    """Parts of the model that each language of the corpora has of its own; all languages share the rest.

    Every sequence is of one language, and is read and predicted by that language's parts. A step's sequences
    are those of the plain model with the same seed, of several languages as they are drawn. The parts of
    the first language begin as those of the plain model, those of the others with weights of their own.

    Attributes:
        embeddings: All that comes before the first layer (pieces, positions, norm), and the softmax, whose
            weights are those of the pieces. A piece that stands in for another at random is
            then one of the text of the same language.
        layers: Layers, such as ``0-2``, ``last:4`` or ``all``.
        components: Parts of these layers (``attention``, ``ffn``, ``norm``); all of them if empty.
        everything: The whole model: one for each language, which share nothing but the steps.

    Reference:
        Wu et al. 2020, "Emerging Cross-lingual Structure in Pretrained Language Models", section 4.3.

    >>> Separate(embeddings=True, layers="0-2").layers
    Layers(text='0-2')
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    embeddings: bool = False
    layers: Layers | None = None
    components: tuple[Component, ...] = ()
    everything: bool = False

    @field_validator("components", mode="before")
    @classmethod
    def _one_component_is_a_list(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("layers")
    @classmethod
    def _layers_only(cls, value: Layers | None) -> Layers | None:
        if value is not None and (value.beside or value.language):
            raise ValueError(
                f"{value.text!r}: expected layers alone, such as 0-2; `embeddings: true` and `everything: "
                "true` are for the rest"
            )
        return value

    @model_validator(mode="after")
    def _something_is_separate(self) -> Separate:
        if not (self.embeddings or self.layers or self.everything):
            raise ValueError("nothing is separate; expected embeddings: true, layers or everything: true")
        if self.everything and (self.embeddings or self.layers):
            raise ValueError("everything: true is all there is; leave embeddings and layers out")
        if self.components and self.layers is None:
            raise ValueError("components are parts of layers; give layers")
        return self

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """It reads none."""
        return {}

    def check_spec(self, around: Surroundings) -> None:
        """Check that every sequence is of one language.

        Raises:
            ValueError: There is one language, or another factor adds sequences that are of none.
        """
        if len(around.languages) < 2:
            raise ValueError(
                f"separate: expected corpora of two languages at least, got {', '.join(around.languages)}"
            )
        for name, factor in around.streaming.items():
            if factor.streams():
                raise ValueError(
                    f"separate: a sequence is read by the parts of its one language, and {name} adds "
                    "sequences that are of none; leave one of the two out"
                )

    def check_files(self, around: Surroundings) -> None:
        """It reads none."""

    def describe(self, around: Surroundings) -> str:
        """Return which parts are separate."""
        return (
            f"Each language has parameters of its own ({self._parts()}), and reads and predicts with them;\n"
            "the rest is shared. `languages.json` says what is whose: layerlab loads the checkpoint by\n"
            "language, and `layerlab export-languages` writes a plain folder for each."
        )

    def own_parameters(self, model: PreTrainedModel) -> frozenset[str]:
        """Return the names of the parameters of a masked-LM model that each language has of its own.

        Raises:
            SelectionError: A layer does not exist.
            ArchitectureError: The architecture's components are not known.
        """
        from layerlab.models.by_language.views import base_prefix, named_once
        from layerlab.models.encoder import Encoder

        named, prefix, encoder = named_once(model), base_prefix(model), Encoder(model)
        if self.everything:
            return frozenset(named)
        found: set[str] = set()
        if self.embeddings:
            n_pieces = int(model.config.vocab_size)
            found.update(f"{prefix}{name}" for name in encoder.parameters("embeddings"))
            found.update(
                name
                for name, parameter in named.items()
                if not name.startswith(prefix) and parameter.shape[0] == n_pieces
            )
        if self.layers is not None:
            found.update(f"{prefix}{name}" for name in encoder.parameters(self.layers, self.components))
        return frozenset(found)

    def _parts(self) -> str:
        if self.everything:
            return "everything"
        parts = ["the embeddings and the softmax"] if self.embeddings else []
        if self.layers is not None:
            inside = f"{' and '.join(self.components)} of " if self.components else ""
            parts.append(f"{inside}layers {self.layers}")
        return " and ".join(parts)
