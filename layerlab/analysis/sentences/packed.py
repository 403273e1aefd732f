"""Counts of sentences of a whole study in one small file, ``counts.npz``.

Of every target and metric it has two matrices, sentences x runs, so that what compresses well lies together:
the wrong ones (``total - hits``), mostly 0 or the same in all runs, and the totals, once where all runs have
the same. Whole numbers of the fewest bytes, compressed by LZMA. Equal counts give equal files.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from layerlab.analysis.significance.resampling import PART
from layerlab.errors import RecordsError
from layerlab.files import replacing

_INDEX: Final = "index.json"
_BLOCK: Final = ("study", "target", "metric", PART)
_MOMENT: Final = (1980, 1, 1, 0, 0, 0)  # of every entry, so that equal counts give equal files


def write_packed(counts: pd.DataFrame, path: Path) -> Path:
    """Write counts, with the columns ``COUNT_COLUMNS`` of ``sentences.counts``, to one ``.npz`` file."""
    texts = {name: counts[name].astype("str") for name in (*_BLOCK, "run_id")}
    ordered = counts.assign(**texts).sort_values([*_BLOCK, "run_id", "sentence"], kind="stable")
    blocks: list[dict[str, Any]] = []
    with replacing(path) as beside, zipfile.ZipFile(beside, "w", zipfile.ZIP_LZMA) as file:
        for place, (key, part) in enumerate(_split(ordered)):
            runs = list(dict.fromkeys(part["run_id"]))
            shape = (len(runs), len(part) // len(runs))
            if not (part["sentence"].to_numpy().reshape(shape) == np.arange(shape[1])).all():
                raise RecordsError(f"the sentences of target {key[1]} do not count from 0 in every run")
            hits, total = (part[name].to_numpy(np.int64).reshape(shape).T for name in ("hits", "total"))
            same = bool((total == total[:, :1]).all())
            _put(file, f"wrong{place}.npy", total - hits)
            _put(file, f"total{place}.npy", total[:, :1] if same else total)
            blocks.append(dict(zip(_BLOCK, key, strict=True)) | {"runs": runs})
        _put_bytes(file, _INDEX, json.dumps(blocks, ensure_ascii=False).encode())
    return path


def read_packed(path: Path, metrics: Iterable[str] | None = None) -> pd.DataFrame:
    """Read counts that ``write_packed`` wrote, all or those of some metrics.

    Raises:
        RecordsError: The file cannot be read or is none of these.
    """
    wanted = None if metrics is None else set(metrics)
    try:
        with zipfile.ZipFile(path) as file:
            blocks = json.loads(file.read(_INDEX))
            parts = [
                _unpack(block, _get(file, f"wrong{place}.npy"), _get(file, f"total{place}.npy"))
                for place, block in enumerate(blocks)
                if wanted is None or block["metric"] in wanted
            ]
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise RecordsError(f"cannot read {path}: {error}") from error
    columns = [*_BLOCK, "run_id", "sentence", "hits", "total"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _split(ordered: pd.DataFrame) -> Iterable[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield blocks whose runs were all counted on the same number of sentences."""
    sizes = ordered.groupby([*_BLOCK, "run_id"], sort=False)["sentence"].transform("size")
    for key, part in ordered.assign(size=sizes).groupby([*_BLOCK, "size"], sort=True):
        yield tuple(key)[:-1], part


def _unpack(block: dict[str, Any], wrong: npt.NDArray[Any], total: npt.NDArray[Any]) -> pd.DataFrame:
    n_sentences, n_runs = wrong.shape
    wholes = np.broadcast_to(total.astype(np.int32), wrong.shape).T.ravel()
    frame = pd.DataFrame(
        {
            "run_id": np.repeat(np.array(block["runs"], dtype=object), n_sentences),
            "sentence": np.tile(np.arange(n_sentences, dtype=np.int32), n_runs),
            "hits": wholes - wrong.T.ravel().astype(np.int32),
            "total": wholes,
        }
    )
    return frame.assign(**{name: block[name] for name in _BLOCK})


def _put(file: zipfile.ZipFile, name: str, numbers: npt.NDArray[np.int64]) -> None:
    low, high = int(numbers.min(initial=0)), int(numbers.max(initial=0))
    kind = np.result_type(np.min_scalar_type(low), np.min_scalar_type(high))
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(numbers.astype(kind)), allow_pickle=False)
    _put_bytes(file, name, buffer.getvalue())


def _put_bytes(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, _MOMENT)
    entry.compress_type = zipfile.ZIP_LZMA
    file.writestr(entry, content)


def _get(file: zipfile.ZipFile, name: str) -> npt.NDArray[Any]:
    return np.asarray(np.lib.format.read_array(io.BytesIO(file.read(name)), allow_pickle=False))
