"""What several workloads read: treebanks of their size, and encoders with random weights."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from layerlab.bench.corpora import write_treebanks
from layerlab.bench.settings import BenchSettings, program
from layerlab.errors import StoreError


@dataclass(frozen=True)
class Encoder:
    """A BERT with random weights.

    Attributes:
        n_layers: Depth.
        width: Of its states.
        rows: Of its embeddings.
    """

    n_layers: int
    width: int
    rows: int

    @property
    def words(self) -> str:
        """Its size in words."""
        return f"BERT {self.n_layers} x {self.width} with {self.rows:,} rows, random weights"


def study_encoder(settings: BenchSettings) -> str:
    """Return the encoder that comes with layerlab and knows the languages of the benchmark."""
    return "minimbert-controlled" if settings.data is None else "minimbert"


def encoder_folder(settings: BenchSettings, encoder: Encoder) -> Path:
    """Return where an encoder with random weights is."""
    name = f"bert-{encoder.n_layers}x{encoder.width}-{encoder.rows}"
    return (settings.work / "encoders" / name).resolve()


def make_encoder(settings: BenchSettings, encoder: Encoder) -> None:
    """Make an encoder with random weights, unless it is there."""
    folder = encoder_folder(settings, encoder)
    if not folder.is_dir():
        sizes = (encoder.n_layers, encoder.width, encoder.rows)
        call(program("encoder", folder, study_encoder(settings), *sizes))


def make_treebanks(
    settings: BenchSettings, folder: Path, languages: Sequence[str], sizes: Mapping[str, int]
) -> None:
    """Write the treebanks of a workload, unless they are there."""
    write_treebanks(folder, settings.data, languages, sizes)


def call(command: Sequence[str]) -> str:
    """Run one of the benchmark's own programs and return what it prints.

    Raises:
        StoreError: It failed.
    """
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        tail = done.stderr.strip().splitlines()[-1:] or ["it says nothing"]
        raise StoreError(f"{' '.join(command[1:4])} ended with status {done.returncode}: {tail[0]}")
    return done.stdout
