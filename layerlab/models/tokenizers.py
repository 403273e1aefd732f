"""Loading tokenizers, and checking that they fit the encoder beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from layerlab.errors import CheckpointError
from layerlab.files import read_text
from layerlab.models.by_language.manifest import FOLDER, language_for, must_name_language
from layerlab.models.by_language.tokenizers import languages_with_tokenizers
from layerlab.models.loading import NO_REMOTE_CODE, load_config, place_of, translated
from layerlab.models.pieces import blank_pieces, has_blank_pieces
from layerlab.models.stored.folders import check_tokenizer_files

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# A vocabulary of less than this fraction of the embeddings is that of another model, or was lost.
_LEAST_SHARE: Final = 0.5


@dataclass(frozen=True)
class Tokenizers:
    """The tokenizers of a checkpoint: one for all languages, or one each.

    Attributes:
        common: That of the checkpoint; of one whose languages have their own, that of the first.
        own: Those of languages that have their own; empty for a plain checkpoint.
    """

    common: PreTrainedTokenizerBase
    own: Mapping[str, PreTrainedTokenizerBase] = field(default_factory=dict)

    def of(self, language: str) -> PreTrainedTokenizerBase:
        """Return the tokenizer that reads a language, which may have a treebank or domain.

        Raises:
            CheckpointError: Languages have their own, and this one has none.
        """
        if not self.own:
            return self.common
        name = self.common.name_or_path
        if not language:
            raise must_name_language(name, self.own)
        return self.own[language_for(language, self.own, name)]


def as_tokenizers(tokenizer: PreTrainedTokenizerBase | Tokenizers) -> Tokenizers:
    """Return tokenizers by language; a single one is that of all languages."""
    return tokenizer if isinstance(tokenizer, Tokenizers) else Tokenizers(tokenizer)


def load_tokenizers(name: str, revision: str | None = None, *, local: bool = False) -> Tokenizers:
    """Load the tokenizers of a checkpoint; arguments and errors are those of :func:`load_tokenizer`."""
    own = languages_with_tokenizers(place_of(name, revision)[0])
    found = {language: load_tokenizer(name, revision, local=local, language=language) for language in own}
    return Tokenizers(next(iter(found.values()), None) or load_tokenizer(name, revision, local=local), found)


def load_tokenizer(
    name: str, revision: str | None = None, *, local: bool = False, language: str | None = None
) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer of a checkpoint, and check that it fits the checkpoint's embeddings.

    Args:
        name: Folder, Hub id, or ``id@revision``.
        revision: Branch, tag or commit of a Hub model.
        local: Whether nothing may be downloaded.
        language: Whose tokenizer, where each language has its own; elsewhere it makes no difference.

    Raises:
        CheckpointError: There is none, it cannot be read, has no fast form, has ids that the embeddings have
            no row for, or has far fewer of them; or each language has its own, and this one none.
    """
    from transformers import AutoTokenizer

    location, revision = place_of(name, revision)
    options: dict[str, Any] = {"revision": revision or "main", "local_files_only": local, **NO_REMOTE_CODE}
    folder = Path(location)
    place = tokenizer_place(name, location, language)
    if folder.is_dir():
        check_tokenizer_files(Path(place))
    with translated(f"no tokenizer at {name!r}", place=place):
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(place, use_fast=True, **options)
    if getattr(tokenizer, "backend_tokenizer", None) is None:
        raise CheckpointError(
            f"no tokenizer at {name!r}: {type(tokenizer).__name__} is not a fast tokenizer; "
            "expected a tokenizer.json"
        )
    if not folder.is_dir() or (folder / "config.json").is_file():
        config = load_config(location, **options)
        check_vocabulary(name, tokenizer, getattr(config, "vocab_size", None))
    return tokenizer


def tokenizer_place(name: str, location: str, language: str | None) -> str:
    """Return where a checkpoint's tokenizer is: its own place, or that of a language.

    Raises:
        CheckpointError: Each language has its own, and there is none for this one.
    """
    languages = languages_with_tokenizers(location)
    if not languages:
        return location
    if language is None:
        raise must_name_language(name, languages)
    return str(Path(location) / FOLDER / language_for(language, languages, name))


def tokenizer_has_blanks(location: str, revision: str | None) -> bool:
    """Return whether a tokenizer has word-pieces that hold nothing of a word, only the space before it.

    Raises:
        CheckpointError: There is no tokenizer.
    """
    file = Path(location) / "tokenizer.json"
    if file.is_file():  # read as text: a large vocabulary takes seconds to load
        return has_blank_pieces(read_text(file, CheckpointError))
    return bool(blank_pieces(load_tokenizer(location, revision)))


def find_tokenizers(name: str, revision: str | None = None) -> Tokenizers | None:
    """Load the tokenizers of a folder or bundled encoder, or of a Hub model if they are on this machine.

    Returns:
        The tokenizers; None if they would have to be downloaded.

    Raises:
        CheckpointError: As in :func:`load_tokenizer`, of a folder.
    """
    is_folder = Path(place_of(name, revision)[0]).is_dir()
    try:
        return load_tokenizers(name, revision, local=True)
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
