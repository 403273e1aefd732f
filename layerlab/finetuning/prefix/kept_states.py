"""States of a frozen prefix for every word-piece of a corpus, computed once and kept on the disk.

They are found by their content: the weights that gave them, the level, the corpus's word-pieces and the
precision. So fits share them whatever they are called, and so do processes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import Tensor

from layerlab.ablation.interventions import Intervention, to_dict
from layerlab.files import digest_values, replacing
from layerlab.finetuning.evaluation import EVALUATION_PIECES, to_device
from layerlab.finetuning.model import encoder_inputs
from layerlab.models.encoder import Encoder
from layerlab.models.forward import ResumableForward
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.batching import length_batches
from layerlab.training.devices import autocast

#: Bytes that kept states take on the disk; the longest unused go first. A corpus that needs more is not kept.
ROOM: Final = 16 << 30
#: Their folder below the cache of a results directory.
FOLDER: Final = "states"
_VERSION = 1  # raised when other states are kept under the same key
_BYTES = 4
_SPARE = 1 << 30  # bytes of the disk that stay free
# Of a configuration: where a model came from, not what it computes.
_NO_MATTER = ("_name_or_path", "architectures", "dtype", "transformers_version")

States = NDArray[np.float32]


@dataclass(frozen=True)
class StateFiles:
    """Files of states in a folder, each whole or not there.

    Attributes:
        folder: It is made when something is written.
        room: Bytes of all files together.
    """

    folder: Path
    room: int = ROOM

    def open(self, key: str) -> States | None:
        """Return the states under a key, in memory only as far as they are read; None if there are none."""
        path = self.folder / f"{key}.npy"
        try:
            found: States = np.load(path, mmap_mode="r")
        except (OSError, ValueError):
            return None
        with suppress(OSError):
            os.utime(path)
        return found

    def has_room(self, n_bytes: int) -> bool:
        """Return whether a file of so many bytes may be kept, and the disk has the space for it."""
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if path.is_dir())
        return n_bytes <= self.room and n_bytes + _SPARE <= shutil.disk_usage(there).free

    @contextmanager
    def writing(self, key: str, shape: tuple[int, int]) -> Iterator[States]:
        """Yield an array that is kept when the block ends without an error; others make room for it."""
        self._make_room(shape[0] * shape[1] * _BYTES)
        with replacing(self.folder / f"{key}.npy") as beside:
            array = np.lib.format.open_memmap(beside, mode="w+", dtype=np.float32, shape=shape)
            yield array
            array.flush()

    def _make_room(self, n_bytes: int) -> None:
        files = []
        for path in self.folder.glob("*.npy"):
            with suppress(FileNotFoundError):  # another process removed it
                about = path.stat()
                files.append((about.st_mtime, about.st_size, path))
        taken = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if taken + n_bytes <= self.room:
                return
            path.unlink(missing_ok=True)
            taken -= size


class CorpusStates:
    """The states of a corpus at one level, by example.

    Attributes:
        level: As in :class:`layerlab.models.forward.ResumableForward`.
    """

    def __init__(self, states: States, lengths: Sequence[int], level: int) -> None:
        self.level = level
        self._states = states
        self._starts = np.concatenate([[0], np.cumsum(lengths)])

    def padded(self, examples: Sequence[int]) -> Tensor:
        """Return the states of some examples, ``(batch, tokens, hidden)``, zero beyond the last piece."""
        longest = max(int(self._starts[index + 1] - self._starts[index]) for index in examples)
        found = np.zeros((len(examples), longest, self._states.shape[1]), dtype=np.float32)
        for row, index in enumerate(examples):
            own = self._states[self._starts[index] : self._starts[index + 1]]
            found[row, : len(own)] = own
        return torch.from_numpy(found)


def bytes_of(corpus: EncodedCorpus, encoder: Encoder) -> int:
    """Return how much the states of a corpus take at one level."""
    pieces = sum(len(example.input_ids) for example in corpus.encoded.examples)
    return pieces * int(encoder.base.config.hidden_size) * _BYTES


def corpus_states(
    forward: ResumableForward,
    task: Task,
    corpus: EncodedCorpus,
    parts: Sequence[str],
    kept: StateFiles,
    precision: str = "fp32",
) -> CorpusStates:
    """Return the states of a corpus after a prefix: kept ones, or computed from a lower level that is kept.

    Args:
        forward: Of the encoder, in evaluation mode.
        task: Collates examples.
        corpus: The corpus.
        parts: What :func:`prefix_parts` gives; the level is one less than their number.
        kept: Where states are kept.
        precision: Of the arithmetic, as in a training.
    """
    examples, level = corpus.encoded.examples, len(parts) - 1
    lengths = [len(example.input_ids) for example in examples]
    encoder = forward.encoder
    pieces = _digest_inputs(task, corpus)
    keys = [digest_values([_VERSION, parts[: n + 1], pieces, precision]) for n in range(level + 1)]
    if (whole := kept.open(keys[level])) is not None:
        return CorpusStates(whole, lengths, level)
    lower = next(
        (
            CorpusStates(there, lengths, n)
            for n in range(level - 1, -1, -1)
            if (there := kept.open(keys[n])) is not None
        ),
        None,
    )
    width, device = int(encoder.base.config.hidden_size), encoder.base.device
    starts = np.concatenate([[0], np.cumsum(lengths)])
    with kept.writing(keys[level], (int(starts[-1]), width)) as out, torch.no_grad():
        for chosen in length_batches(lengths, EVALUATION_PIECES):
            batch = to_device(task.collate([examples[index] for index in chosen], corpus.pad_id), device)
            inputs = encoder_inputs(encoder.base, batch)
            given = None if lower is None else lower.padded(chosen).to(device)
            with autocast(precision, device):
                states = forward.run(inputs, given, start=lower.level if lower else 0, stop=level)
            rows = states.float().cpu().numpy()
            for row, index in enumerate(chosen):
                out[starts[index] : starts[index + 1]] = rows[row, : lengths[index]]
    return CorpusStates(out, lengths, level)  # it stays readable, also if the file must go


def prefix_parts(encoder: Encoder, level: int, standing: Sequence[Intervention] = ()) -> tuple[str, ...]:
    """Return digests of the parts below a level: the embeddings, then each layer with what stands on it.

    Args:
        encoder: The encoder.
        level: As in :class:`layerlab.models.forward.ResumableForward`; the last one has what is on top, too.
        standing: Interventions that change what layers give.
    """
    totals = [hashlib.sha256() for _ in range(level + 1)]
    config = {key: value for key, value in encoder.base.config.to_dict().items() if key not in _NO_MATTER}
    about = (type(encoder.base).__qualname__, repr(sorted(config.items())), transformers.__version__)
    totals[0].update(digest_values(about).encode())
    for name, parameter in encoder.base.named_parameters():
        if not gives_states(name):
            continue
        part = encoder.part_of[name]
        place = part + 1 if isinstance(part, int) else 0 if part == "embeddings" else encoder.n_layers
        if place <= level:
            totals[place].update(name.encode())
            totals[place].update(parameter.detach().cpu().contiguous().numpy().tobytes())
    for item in standing:
        for layer in item.layers.indices(encoder.n_layers):
            if layer < level:
                totals[layer + 1].update(digest_values([to_dict(item)]).encode())
    return tuple(total.hexdigest()[:16] for total in totals)


def gives_states(name: str) -> bool:
    """Return whether hidden states depend on a parameter of the base model; on a pooler's they do not.

    >>> gives_states("pooler.dense.weight"), gives_states("final_norm.weight")
    (False, True)
    """
    return not name.startswith("pooler.")


def _digest_inputs(task: Task, corpus: EncodedCorpus) -> str:
    """Return a digest of what the encoder reads of a corpus."""
    total = hashlib.sha256()
    for example in corpus.encoded.examples:
        total.update(np.asarray(example.input_ids, dtype=np.int64).tobytes() + b";")
        total.update(np.asarray(getattr(example, "token_type_ids", ()), dtype=np.int64).tobytes() + b";")
    return total.hexdigest()[:16]
