"""Loading encoders from folders and the Hub, and refusing checkpoints that lack tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlab.errors import CheckpointError, LayerlabError
from layerlab.models.anatomy import anatomy_of
from layerlab.models.bundled import bundled_encoders, bundled_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def split_revision(name: str) -> tuple[str, str | None]:
    """Split ``id@revision`` into both; a folder's name stays whole, and has no revision.

    The name of an encoder that comes with layerlab becomes its folder, unless there is a folder here that
    is called so.

    >>> split_revision("FacebookAI/xlm-roberta-base@main"), split_revision("FacebookAI/xlm-roberta-base")
    (('FacebookAI/xlm-roberta-base', 'main'), ('FacebookAI/xlm-roberta-base', None))
    """
    if Path(name).is_dir():
        return name, None
    if folder := bundled_folder(name):
        return str(folder), None
    location, _, revision = name.partition("@")
    return location, revision or None


def load_base(name: str, *, revision: str | None = None, **options: Any) -> PreTrainedModel:
    """Load a base model in float32 on the CPU, without a word.

    transformers fills tensors that a checkpoint lacks with random numbers and goes on; here only the
    pooler, which many checkpoints lack, may be filled. Its report of tensors that the base model does not
    use, such as those of a pretraining head, says nothing about the encoder and is not shown.

    Args:
        name: Folder, Hub id, or ``id@revision``.
        revision: Branch, tag or commit of a Hub model.
        options: Passed on to ``AutoModel.from_pretrained``.

    Raises:
        CheckpointError: There is no such checkpoint, it lacks tensors of the encoder, or two revisions are
            asked for.
        ArchitectureError: The architecture is unknown or refused.
    """
    import torch
    from transformers import AutoConfig, AutoModel

    location, named = split_revision(name)
    if named and revision and named != revision:
        raise CheckpointError(
            f"{name!r} names a revision, and revision={revision!r} another; give one of them"
        )
    revision = revision or named
    trust = {key: options[key] for key in ("trust_remote_code", "cache_dir", "token") if key in options}
    version = {} if revision is None else {"revision": revision}
    try:
        with _quiet_transformers():
            config = AutoConfig.from_pretrained(location, **version, **trust)
            anatomy_of(config.model_type)  # Refused before any weight is fetched.
            model, report = AutoModel.from_pretrained(
                location, **version, **{"dtype": torch.float32, **options, "output_loading_info": True}
            )
    except LayerlabError:
        raise
    except (OSError, KeyError, ValueError) as error:
        raise CheckpointError(not_found(name, error)) from error
    needed = {key for key, _ in model.named_parameters() if not key.startswith("pooler.")}
    lacking = sorted(needed & set(report["missing_keys"]))
    if lacking:
        shown = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise CheckpointError(f"checkpoint {name!r} lacks {len(lacking)} tensors of its encoder: {shown}")
    return model  # type: ignore[no-any-return]


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Silence transformers' warnings and its progress bar for a while; the bars of downloads stay."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from transformers.utils import logging

    verbosity, bar = logging.get_verbosity(), logging.is_progress_bar_enabled()
    downloads = not are_progress_bars_disabled()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]  # switches those of downloads off too
    if downloads:
        enable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bar:
            logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        if not downloads:
            disable_progress_bars()


def not_found(name: str, error: Exception) -> str:
    """Say that there is no such checkpoint, and what there is."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return (
        f"no checkpoint {name!r}: neither a model folder, nor one of the encoders that come with layerlab "
        f"({', '.join(bundled_encoders())}), nor a model that the Hub gives here ({reason})"
    )
