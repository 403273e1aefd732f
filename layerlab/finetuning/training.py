"""Hyper-parameters of a fine-tuning, with the defaults that the papers' settings suggest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from layerlab.training.mixing import Mixing


class Average(BaseModel):
    """Weights that are the mean of those at the ends of the last epochs.

    Attributes:
        average: How many epochs; 1 is the last one alone.

    Reference: Schmidt, Vulić, Glavaš (2023), "Free Lunch: Robust Cross-Lingual Transfer via Model Checkpoint
    Averaging".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    average: int = Field(ge=1)


if TYPE_CHECKING:
    Select = Literal["best", "last"] | Average | Mapping[str, int]
else:
    Select = Literal["best", "last"] | Average


class Training(BaseModel):
    """How an encoder is fine-tuned; every field is part of a fit's identity.

    The optimiser is AdamW with linear warm-up and linear decay to zero. A batch holds sentences of
    similar length. The epoch with the best score on the source language's dev set is kept; of several source
    languages, with the best mean over their dev sets. Sentences of several languages share batches.

    Attributes:
        epochs: Passes over the training split.
        learning_rate: Peak rate of the encoder.
        head_learning_rate: Peak rate of the task head; the encoder's if None.
        batch_size: Sentences (or windows of long sentences) in an optimiser step.
        warmup: Fraction of the steps in which the rate rises linearly.
        weight_decay: Applied to matrices, never to biases and norms.
        l2_sp: Pulls the encoder back to the weights that fine-tuning starts from: the objective of a step has
            half this number times the squared distance from them, in every weight that learns. These are
            the pretrained weights where no ablation before fine-tuning changed them. The head, which starts
            from nothing, is not pulled, and losses are reported without it. 0 pulls nothing, and is no part
            of the identity of a fit. It takes the memory of one more encoder.
        max_grad_norm: Gradients are clipped to this norm; None switches clipping off.
        dropout: Before the task head; the encoder's own dropout is its configuration's.
        max_length: Longest input in word-pieces, special tokens included; longer sentences are windowed.
        precision: ``fp32``, or ``bf16`` for mixed precision through accelerate.
        accumulate: Parts into which a batch is cut to save memory; the gradient is of the whole batch.
        select: Keep the ``best`` epoch on source dev, or the ``last``, or the mean of the weights at the ends
            of the last epochs: ``{average: N}``. Where an intervention changes the model during fine-tuning,
            only epochs that end after it compete, or are averaged. The average takes the memory and, in
            checkpoints, the disk space of one more model, as the best epoch does, whatever ``N`` is.
        select_by: Task to the score that chooses its best epoch, such as ``{parsing: uas}``; of other tasks
            it is accuracy, LAS or strict span F1. It counts in fits of these tasks alone.
        mixing: How sentences are drawn from a source of several languages, such as ``en+fr``. An epoch has as
            many sentences as their training splits together: with ``size`` each of them once, so that a
            language counts by the size of its split; with ``even`` as many of each language, so that those of
            a small split come several times, and those of a large one are spread over several epochs. It is
            no part of the identity of a fit on one language.

    Reference: Wu et al. (2020), appendix: batch 16-32, rates 2e-5 to 5e-5, warm-up 10%, linear decay; Li,
        Grandvalet, Davoine (2018), "Explicit Inductive Bias for Transfer Learning with Convolutional
        Networks", for L2-SP.

    >>> Training(epochs=2).batch_size
    32
    """

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)

    epochs: int = Field(default=3, ge=1)
    learning_rate: float = Field(default=5e-5, gt=0)
    head_learning_rate: float | None = Field(default=None, gt=0)
    batch_size: int = Field(default=32, ge=1)
    warmup: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    l2_sp: float = Field(default=0.0, ge=0)
    max_grad_norm: float | None = Field(default=1.0, gt=0)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    max_length: int = Field(default=256, ge=8)
    precision: Literal["fp32", "bf16"] = "fp32"
    accumulate: int = Field(default=1, ge=1)
    select: Select = "best"
    select_by: Mapping[str, str] = Field(default_factory=dict)
    mixing: Mixing = "size"

    @field_validator("select", mode="before")
    @classmethod
    def _say_what_exists(cls, value: Any) -> Any:
        averages = isinstance(value, Mapping) and value.keys() == {"average"}
        if not (averages or isinstance(value, Average) or value in ("best", "last")):
            raise ValueError("expected best, last or {average: N}")
        return value

    @model_validator(mode="after")
    def _refuse_more_than_there_are(self) -> Self:
        if isinstance(self.select, Average) and self.select.average > self.epochs:
            raise ValueError(
                f"select: the last {self.select.average} epochs cannot be averaged: got epochs: {self.epochs}"
            )
        if self.select_by and self.select != "best":
            raise ValueError("select_by: chooses the best epoch, so select must be best")
        return self

    def n_steps(self, n_sentences: int) -> int:
        """Return the optimiser steps on a training split of so many sentences.

        >>> Training(epochs=2, batch_size=8).n_steps(20)
        6
        """
        return -(-n_sentences // self.batch_size) * self.epochs
