"""Trimming of a fit: it goes on in the way that it began, whatever is switched on now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from layerlab.ablation.ablation import Timed
from layerlab.finetuning.checkpoint import has_checkpoint, load_rows
from layerlab.finetuning.model import TaskModel
from layerlab.finetuning.training import Training
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.training.shortcuts.shortcut import Taken
from layerlab.training.shortcuts.trimming import (
    Trimmed,
    Trimming,
    TrimmingCase,
    leave_file,
    touched_rows,
    trimmed,
)


@contextmanager
def trimmed_fit(
    model: TaskModel,
    corpora: Mapping[str, EncodedCorpus],
    training: Training,
    during: Sequence[Timed],
    folder: Path | None,
    taken: Taken | None,
) -> Iterator[Trimmed | None]:
    """Trim a fit's embeddings for the length of a ``with`` block, if that is allowed and possible.

    Args:
        model: Encoder and head.
        corpora: ``train`` and ``dev``.
        training: Hyper-parameters.
        during: Interventions during fine-tuning.
        folder: Holds the checkpoint, if there is one, and the whole matrix meanwhile.
        taken: What is switched on; gets a note.

    Yields:
        The embedding matrix with fewer rows; None if it is whole.
    """
    pulled = bool(training.l2_sp and training.weight_decay)
    rows = _rows_to_hold(model, corpora, during, folder, taken or Taken(), pulled)
    if rows is None:
        yield None
        return
    embedding = model.encoder.get_input_embeddings()
    assert isinstance(embedding, nn.Embedding)
    with trimmed(embedding, rows, folder) as held:
        leave_file(model)
        if taken is not None:
            taken.note(Trimming.name, str(held))
        yield held


def count_left_out(
    receipts: Iterable[Mapping[str, Any]], encoder: nn.Module, held: Trimmed
) -> list[dict[str, Any]]:
    """Return receipts of interventions that count the embedding rows that are not held, too."""
    (name,) = (name for name, parameter in encoder.named_parameters() if parameter is held.weight)
    return [
        {**one, "n_values": one["n_values"] + (held.n_left_out if name in one["parameters"] else 0)}
        for one in receipts
    ]


def _rows_to_hold(
    model: TaskModel,
    corpora: Mapping[str, EncodedCorpus],
    during: Sequence[Timed],
    folder: Path | None,
    taken: Taken,
    pulled: bool,
) -> Tensor | None:
    if folder is not None and has_checkpoint(folder):
        rows = load_rows(folder)
        if rows is None and Trimming.name in taken.allowed:
            taken.note(Trimming.name, "refused: the fit was begun without it")
        return rows
    if Trimming.name not in taken.allowed:
        return None
    pieces = (example.input_ids for corpus in corpora.values() for example in corpus.encoded.examples)
    rows = touched_rows(pieces, model.encoder, *(corpus.pad_id for corpus in corpora.values()))
    case = TrimmingCase(model, model.encoder, rows, during, pulled)
    return rows if taken.may(Trimming(), case) else None
