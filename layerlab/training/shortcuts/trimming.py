"""Trimming: train the embedding rows that a fit's text touches, and no others.

Most rows of a multilingual vocabulary occur in no sentence of a fit. Their gradient is zero, so that AdamW
only decays them, all by the same factor. For the length of a training the matrix therefore holds the touched
rows alone. Afterwards the whole one is put back, the other rows multiplied by the product of their decays.
Module and parameter stay the objects that they are. Input ids, padding ids and position ids stay too: the
embedding itself finds the row of a piece.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor, nn

from layerlab.ablation.ablation import Timed
from layerlab.ablation.interventions import Freeze, Rate, Unfreeze, kind_of
from layerlab.disk import writing
from layerlab.errors import TrainingError

# Where more rows are touched, too little is saved.
MOST_TOUCHED = 0.8


@dataclass(frozen=True)
class TrimmingCase:
    """A training whose embeddings may be trimmed.

    Attributes:
        model: All that is trained, the head too.
        encoder: The transformers encoder in it.
        rows: The pieces that it meets, ascending, ``(rows,)``.
        during: Interventions during the training.
        pulled: Whether weights that decay are pulled back to where they began.
    """

    model: nn.Module
    encoder: Any
    rows: Tensor
    during: Sequence[Timed] = ()
    pulled: bool = False


class Trimming:
    """The shortcut: which trainings it serves."""

    name = "trimming"

    def refuses(self, case: TrimmingCase) -> str:
        """Return why a training's embeddings are not trimmed; empty if they are."""
        return (
            _refuses_module(case.encoder.get_input_embeddings())
            or _refuses_other_use(case)
            or _refuses_interventions(case.during)
            or ("rows that decay are pulled back to where they began" if case.pulled else "")
            or _refuses_share(len(case.rows), case.encoder.get_input_embeddings().num_embeddings)
        )


def touched_rows(pieces: Iterable[Iterable[int]], encoder: Any, *others: int) -> Tensor:
    """Return the rows that a training touches, ascending, ``(rows,)``.

    Args:
        pieces: Input ids of the examples.
        encoder: A transformers encoder, whose special pieces and padding are touched too.
        others: More pieces, such as the tokenizer's padding.
    """
    embedding = encoder.get_input_embeddings()
    found: set[Any] = set(others)
    for ids in pieces:
        found.update(ids)
    for name in ("pad", "bos", "eos", "cls", "sep", "mask"):
        special = getattr(encoder.config, f"{name}_token_id", None)
        found.update(special if isinstance(special, list) else [special])
    found.add(embedding.padding_idx)
    n_pieces = embedding.num_embeddings
    return torch.tensor(sorted(row for row in found if row is not None and 0 <= row < n_pieces))


@dataclass
class Trimmed:
    """An embedding matrix that holds some of its rows.

    Attributes:
        weight: The parameter, ``(rows, width)``.
        rows: Which of the whole matrix's rows it holds, ascending.
        n_pieces: Rows of the whole matrix.
        embedding: The module.
        read: Reads the whole matrix as it was before.
        decay: What the rows that are not held are multiplied by when the whole matrix is put back.
    """

    weight: Tensor
    rows: Tensor
    n_pieces: int
    embedding: nn.Embedding
    read: Callable[[], Tensor]
    decay: float = 1.0
    _whole: bool = field(default=False, init=False, repr=False)
    _places: Tensor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # A piece without row has a place beyond the last one, where a lookup fails on any device.
        self._places = torch.full((self.n_pieces,), len(self.rows))
        self._places[self.rows] = torch.arange(len(self.rows))

    def __str__(self) -> str:
        return f"{len(self.rows):,} of {self.n_pieces:,} rows"

    @property
    def n_left_out(self) -> int:
        """Numbers in the rows that are not held."""
        return (self.n_pieces - len(self.rows)) * int(self.weight.shape[1])

    def places(self, pieces: Tensor) -> Tensor:
        """Return the row of each piece in the matrix that is held.

        Raises:
            TrainingError: A piece has none.
        """
        if self._whole:
            return pieces
        if self._places.device != pieces.device:
            self._places = self._places.to(pieces.device)
        found = self._places[pieces]
        if found.device.type == "cpu" and found.numel() and int(found.max()) == len(self.rows):
            piece = int(pieces[found == len(self.rows)][0])
            raise TrainingError(
                f"the model met piece {piece}, which is in no example of train and dev, so that trimming has "
                f"left its row out; run with --shortcuts=-trimming"
            )
        return found

    def restored(self) -> Tensor:
        """Return the whole matrix on the CPU: the rows as they are now, and the others by ``decay``."""
        whole = self.read()
        if self.decay != 1.0:
            whole *= self.decay
        whole[self.rows] = self.weight.detach().cpu()
        return whole

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Let the matrix have all of its rows for the length of a ``with`` block that trains nothing."""
        part, padding = self.weight.data, self.embedding.padding_idx
        self.weight.data = self.restored().to(part.device)
        self.embedding.padding_idx = None if padding is None else int(self.rows[padding])
        self._whole = True
        try:
            yield
        finally:
            self._whole = False
            self.embedding.padding_idx = padding
            self.weight.data = part  # the tensor that it was, which a cohort's stack holds

    def follow(self, optimizer: torch.optim.Optimizer) -> None:
        """Let ``decay`` follow an AdamW's steps: it decays what has a gradient, and nothing else."""

        def count(optimizer: torch.optim.Optimizer, *_: Any) -> None:
            if self.weight.grad is None:
                return
            # Looked up at every step: loading an optimiser's state gives it other groups.
            groups = optimizer.param_groups
            group = next(group for group in groups if any(one is self.weight for one in group["params"]))
            # In float32, as the optimiser multiplies.
            self.decay *= float(np.float32(1 - group["lr"] * group["weight_decay"]))

        optimizer.register_step_pre_hook(count)


@contextmanager
def trimmed(embedding: nn.Embedding, rows: Tensor, folder: Path | None = None) -> Iterator[Trimmed]:
    """Let an embedding hold some of its rows for the length of a ``with`` block.

    The whole matrix waits in a file without name, and memory holds it no longer. On exit, also by an
    exception, it is put back with the rows as they are then and the others multiplied by ``decay``.

    Args:
        embedding: For which :class:`Trimming` has no reason to refuse.
        rows: The rows, ascending.
        folder: Where the file is; the system's folder for temporary files if None.
    """
    weight, padding = embedding.weight, embedding.padding_idx
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        shape, dtype = weight.shape, weight.dtype
        held = Trimmed(weight, rows, shape[0], embedding, lambda: _read(file, dtype).view(shape))
        with writing(folder or tempfile.gettempdir()):
            _write(file, weight.detach())
        _hold(weight, weight.detach()[rows.to(weight.device)])
        if padding is not None:
            embedding.padding_idx = int(held.places(torch.tensor([padding])))
        handle = embedding.register_forward_pre_hook(lambda _, inputs: (held.places(inputs[0]), *inputs[1:]))
        try:
            yield held
        finally:
            handle.remove()
            embedding.padding_idx = padding
            _hold(weight, held.restored().to(weight.device))


def leave_file(model: nn.Module) -> None:
    """Give parameters memory of their own, so that a checkpoint's file is mapped into memory no longer.

    Loaded parameters are views of the file. Training writes them all but for the embedding rows that trimming
    leaves out, which would stay in memory until the last view is gone.
    """
    for parameter in model.parameters():
        if not parameter.untyped_storage().resizable():
            parameter.data = parameter.detach().clone()


def _hold(weight: Tensor, values: Tensor) -> None:
    """Let a parameter hold other values, of another shape; it stays the parameter that optimisers know."""
    weight.grad = None
    weight.data = values


def _write(file: IO[bytes], matrix: Tensor) -> None:
    matrix.cpu().contiguous().view(torch.uint8).numpy().tofile(file)
    file.flush()


def _read(file: IO[bytes], dtype: torch.dtype) -> Tensor:
    file.seek(0)
    return torch.from_numpy(np.fromfile(file, np.uint8)).view(dtype)


def _refuses_module(embedding: nn.Module) -> str:
    if type(embedding) is not nn.Embedding:
        return f"the input embeddings are a {type(embedding).__name__}, not a plain nn.Embedding"
    unusual = [name for name in ("max_norm", "scale_grad_by_freq", "sparse") if getattr(embedding, name)]
    return f"the input embeddings have {' and '.join(unusual)}" if unusual else ""


def _refuses_other_use(case: TrimmingCase) -> str:
    """Refuse a matrix that something else may read or write by its whole shape."""
    weight = case.encoder.get_input_embeddings().weight
    names = [name for name, one in case.model.named_parameters(remove_duplicate=False) if one is weight]
    if len(names) != 1:
        return f"the embedding matrix is shared: {', '.join(names)}"
    if not type(case.encoder).__module__.startswith("transformers."):
        return f"{type(case.encoder).__name__} is not of transformers and may read the matrix in other ways"
    if weight._backward_hooks or getattr(weight, "_post_accumulate_grad_hooks", None):
        return "the gradient of the embeddings has hooks"
    return ""


def _refuses_interventions(during: Sequence[Timed]) -> str:
    for timed in during:
        item = timed.intervention
        if item.layers.embeddings and not isinstance(item, Freeze | Unfreeze | Rate):
            return f"{kind_of(item)} may change the embeddings during the training"
    return ""


def _refuses_share(n_rows: int, n_pieces: int) -> str:
    if n_rows <= MOST_TOUCHED * n_pieces:
        return ""
    return f"{n_rows:,} of {n_pieces:,} rows are touched, so that too little is saved"
