"""Vocabulary: whether languages share word-pieces, which are the anchor points of joint pretraining."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from layerlab.languages.randomness import unit
from layerlab.pretraining.factors.abilities import Surroundings
from layerlab.pretraining.factors.factor import register_factor
from layerlab.pretraining.text.unigram import SPECIAL_TOKENS
from layerlab.pretraining.text.union import pieces_of, renumbered, unite

VOCABULARY: Final = "vocabulary"


@register_factor(VOCABULARY)
class Vocabulary(BaseModel):
    """One vocabulary for all languages, or one each over one space of ids, with one softmax over all of them.

    Attributes:
        form: ``joint``, one vocabulary trained on all languages, as without this factor; ``separate``, one
            each, of an equal part of ``vocab_size``, in whose union a string that several languages have is
            one piece; ``none``, the same with nothing shared but special tokens: every piece belongs to its
            language.
        share: Of the strings that several languages have, the fraction that stays one piece, for ``separate``
            alone: 1 is all of them, so that transfer against the number of anchors is a curve. What a small
            share has, a larger one has too.

    Reference:
        Wu et al. 2020, "Emerging Cross-lingual Structure in Pretrained Language Models", section 3.2
        (default, "default anchors" and "no anchors").
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    form: Literal["joint", "separate", "none"] = "joint"
    share: float | None = Field(default=None, gt=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _form_alone(cls, value: Any) -> Any:
        value = {"form": value} if isinstance(value, str) else value
        if isinstance(value, Mapping) and value.get("form") == "separate" and value.get("share") in (0, 1):
            # The same thing has one name, and one identity.
            return {"form": "none" if value["share"] == 0 else "separate"}
        return value

    @model_validator(mode="after")
    def _share_of_separate_ones(self) -> Vocabulary:
        if self.share is not None and self.form != "separate":
            raise ValueError(
                f"share is of vocabularies that are separate; expected form: separate, got {self.form}"
            )
        return self

    @property
    def is_default(self) -> bool:
        """Whether it is as without the factor."""
        return self.form == "joint"

    def files(self, around: Surroundings) -> Mapping[str, Path]:
        """It reads none."""
        return {}

    def check_spec(self, around: Surroundings) -> None:
        """Check that no sequence holds several languages, each of which would need its own tokenizer.

        Raises:
            ValueError: Another factor adds sequences.
        """
        others = [name for name, one in around.streaming.items() if one.streams() or one.mixes_languages]
        if others:
            raise ValueError(
                f"vocabulary: {self.form} gives each language a tokenizer of its own, and "
                f"{', '.join(others)} adds words of another language to a text; expected form: joint"
            )

    def check_files(self, around: Surroundings) -> None:
        """It reads none."""

    def tokenizers(
        self, around: Surroundings, train: Callable[[Sequence[str], int], Any], size: int
    ) -> Mapping[str, Any]:
        """Return a tokenizer for every language, over one space of ids."""
        n_special = len(SPECIAL_TOKENS)
        each = (size - n_special) // len(around.languages) + n_special
        own = {language: train([language], each) for language in around.languages}
        rows = unite(
            {language: pieces_of(one) for language, one in own.items()}, self._is_shared(around.seed)
        )
        return {language: renumbered(one, language, rows) for language, one in own.items()}

    def describe(self, around: Surroundings) -> str:
        """Return which pieces are shared."""
        some = "" if self.share is None else f"{self.share:.0%} of "
        told = "no piece is of two languages"
        if self.form == "separate":
            told = f"{some}the pieces with equal spelling are one"
        return f"Each language has a vocabulary of its own: {told}. One softmax is over all."

    def _is_shared(self, seed: int) -> Callable[[str], bool]:
        share = float(self.form == "separate") if self.share is None else self.share
        return lambda piece: unit(VOCABULARY, seed, piece) < share
