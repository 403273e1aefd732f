"""An encoder with a task head, and the loss as a function of parameters and batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call
from transformers import PreTrainedModel

from layerlab.models.encoder import Encoder
from layerlab.models.forward import ENCODER_INPUTS
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.streams import head_seed

Batch = dict[str, Tensor]


class TaskModel(nn.Module):
    """An encoder followed by a task head on its last hidden states.

    Attributes:
        encoder: Any encoder that layerlab knows, without its pooler where it has one.
        head: The task's head; maps ``(batch, tokens, hidden)``, and what the task's batches hold for it, to
            the task's output.
        layers: The encoder as layers, in all of its languages.
        others: What other languages have of their own, where some parts of the encoder are by language: it
            is part of the model's state and does not learn.
    """

    def __init__(self, encoder: PreTrainedModel, head: nn.Module, layers: Encoder | None = None) -> None:
        """Put a head on an encoder; ``layers`` is the encoder in all its languages, if it has several."""
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.layers = Encoder(encoder) if layers is None else layers
        self._speaking: dict[str, TaskModel] = {}
        self.others = nn.ParameterDict()
        for language, name, parameter in () if layers is None else layers.others():
            self.others[f"{language}/{name.replace('.', '/')}"] = parameter

    def speaking(self, target: str) -> TaskModel:
        """Return the model with the parts of a target's language and the same head.

        It is the model itself if all languages share all parts, or if the language is its own.

        Raises:
            CheckpointError: The encoder has parts by language, and none for this one.
        """
        view = self.layers.speaking(target)
        if view is self.layers:
            return self
        if view.language not in self._speaking:
            self._speaking[view.language] = TaskModel(view.base, self.head)
        return self._speaking[view.language]

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None = None,
        **for_head: Tensor,
    ) -> Any:
        """Return the head's output, for tagging logits of shape ``(batch, tokens, labels)``.

        The inputs have shape ``(batch, tokens)``; an encoder without token types gets none. ``for_head`` is
        what the head takes besides the states, such as the places of words.
        """
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        states = self.encoder(**encoder_inputs(self.encoder, inputs)).last_hidden_state
        return self.head(states, **for_head)


def build_task_model(encoder: Encoder, task: Task, n_labels: int, dropout: float, seed: int) -> TaskModel:
    """Put a fresh head on an encoder; the head's weights depend on the seed alone.

    What languages have of their own is frozen.
    """
    hidden_size = int(encoder.base.config.hidden_size)
    with torch.random.fork_rng(devices=[]):
        # The generator of the CPU alone: heads are made there, and a GPU's stream stays as it is.
        torch.default_generator.manual_seed(head_seed(seed))
        head = task.build_head(hidden_size, n_labels, dropout)
    encoder.freeze_own()
    return TaskModel(encoder.base, head, encoder if encoder.languages else None)


def encoder_inputs(encoder: PreTrainedModel, batch: Mapping[str, Tensor]) -> Batch:
    """Return what an encoder reads of a batch; one without token types reads none."""
    typed = (getattr(encoder.config, "type_vocab_size", 0) or 0) > 1
    wanted = [name for name in ENCODER_INPUTS if name in batch and (typed or name != "token_type_ids")]
    return {name: batch[name] for name in wanted}


def head_inputs(batch: Batch) -> Batch:
    """Return what a batch holds for the head besides the states."""
    return {name: tensor for name, tensor in batch.items() if name not in (*ENCODER_INPUTS, "labels")}


def model_inputs(batch: Batch) -> Batch:
    """Return what a batch holds for the model: everything but the labels."""
    return {name: tensor for name, tensor in batch.items() if name != "labels"}


def forward_batch(model: nn.Module, batch: Batch) -> Any:
    """Run the model on the inputs of a batch."""
    return model(**model_inputs(batch))


class Pass(Protocol):
    """How the output of a head is computed for some examples of a corpus."""

    def __call__(
        self, model: nn.Module, batch: Batch, corpus: EncodedCorpus, examples: Sequence[int], /
    ) -> Any:
        """Return the head's output; ``batch`` are the examples of ``corpus`` that are numbered, collated."""


def plain_pass(model: nn.Module, batch: Batch, corpus: EncodedCorpus, examples: Sequence[int]) -> Any:
    """Run the whole model."""
    return forward_batch(model, batch)


def batch_loss(model: nn.Module, parameters: Mapping[str, Tensor], batch: Batch, task: Task) -> Tensor:
    """Return the summed loss of a batch as a pure function of parameters and batch.

    The fine-tuning loop computes the same loss with the parameters in place; this form is what
    ``torch.func`` transforms take, for instance to train a cohort of ablations as one stacked model.
    """
    output = functional_call(model, dict(parameters), args=(), kwargs=model_inputs(batch))
    return task.loss(output, batch["labels"])
