"""Loading tokenizers, and checking that they fit the encoder beside them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from layerlab.errors import CheckpointError
from layerlab.files import read_text
from layerlab.models.folders import check_tokenizer_files
from layerlab.models.loading import NO_REMOTE_CODE, load_config, place_of, translated
from layerlab.models.pieces import blank_pieces, has_blank_pieces

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# A vocabulary of less than this fraction of the embeddings is that of another model, or was lost.
_LEAST_SHARE: Final = 0.5


def load_tokenizer(name: str, revision: str | None = None, *, local: bool = False) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer of a checkpoint, and check that it fits the checkpoint's embeddings.

    Args:
        name: Folder, Hub id, or ``id@revision``.
        revision: Branch, tag or commit of a Hub model.
        local: Whether nothing may be downloaded.

    Raises:
        CheckpointError: There is none, it cannot be read, has no fast form, has ids that the embeddings have
            no row for, or has far fewer of them.
    """
    from transformers import AutoTokenizer

    location, revision = place_of(name, revision)
    options: dict[str, Any] = {"revision": revision or "main", "local_files_only": local, **NO_REMOTE_CODE}
    folder = Path(location)
    if folder.is_dir():
        check_tokenizer_files(folder)
    with translated(f"no tokenizer at {name!r}", place=location):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(location, use_fast=True, **options)
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise CheckpointError(
            f"no tokenizer at {name!r}: {type(tokenizer).__name__} is not a fast tokenizer; "
            "expected a tokenizer.json"
        )
    if not folder.is_dir() or (folder / "config.json").is_file():
        config = load_config(location, **options)
        check_vocabulary(name, tokenizer, getattr(config, "vocab_size", None))
    return tokenizer


def tokenizer_has_blanks(location: str, revision: str | None) -> bool:
    """Return whether a tokenizer has word-pieces that hold nothing of a word, only the space before it.

    Raises:
        CheckpointError: There is no tokenizer.
    """
    file = Path(location) / "tokenizer.json"
    if file.is_file():  # read as text: a large vocabulary takes seconds to load
        return has_blank_pieces(read_text(file, CheckpointError))
    return bool(blank_pieces(load_tokenizer(location, revision)))


def find_tokenizer(name: str, revision: str | None = None) -> PreTrainedTokenizerBase | None:
    """Load the tokenizer of a folder or bundled encoder, or of a Hub model if it is on this machine.

    Returns:
        The tokenizer; None if it would have to be downloaded.

    Raises:
        CheckpointError: As in :func:`load_tokenizer`, of a folder.
    """
    is_folder = Path(place_of(name, revision)[0]).is_dir()
    try:
        return load_tokenizer(name, revision, local=True)
    except CheckpointError:
        if is_folder:
            raise
        return None


def check_vocabulary(name: str, tokenizer: PreTrainedTokenizerBase, n_rows: int | None) -> None:
    """Check a fast tokenizer against the rows of its encoder's embeddings, if the configuration says them.

    Raises:
        CheckpointError: It has ids that the embeddings have no row for, or has far fewer of them.
    """
    n_ids = len(tokenizer)
    if n_ids <= len(tokenizer.all_special_tokens):
        raise CheckpointError(f"the tokenizer of {name!r} has {n_ids} special tokens and no vocabulary")
    if n_rows is None:
        return
    highest = max(_ids_in_use(tokenizer))
    if highest >= n_rows or n_ids < _LEAST_SHARE * n_rows:
        has = f"ids up to {highest}" if highest >= n_rows else f"{n_ids} ids"
        raise CheckpointError(
            f"the tokenizer of {name!r} has {has}, its embeddings {n_rows} rows; they are not of one model"
        )


def _ids_in_use(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Return the ids that text can become: special tokens other than those around a text are never made."""
    backend: Any = tokenizer.backend_tokenizer
    added = backend.get_added_tokens_decoder()
    around = {getattr(tokenizer, f"{kind}_token_id") for kind in ("cls", "sep", "bos", "eos", "pad", "unk")}
    never = {number for number, token in added.items() if token.special} - around
    return set(backend.get_vocab(with_added_tokens=True).values()) - never
