"""Loading encoders from folders and the Hub, and refusing checkpoints that lack tensors."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

from layerlab.errors import CheckpointError, LayerlabError
from layerlab.models.anatomy import anatomy_of


def load_base(name: str, *, revision: str | None = None, **options: Any) -> PreTrainedModel:
    """Load a base model in float32 on the CPU.

    transformers fills tensors that a checkpoint lacks with random numbers and goes on; here only the
    pooler, which many checkpoints lack, may be filled.

    Args:
        name: Folder or Hub id.
        revision: Branch, tag or commit of a Hub model.
        options: Passed on to ``AutoModel.from_pretrained``.

    Raises:
        CheckpointError: There is no such checkpoint, or it lacks tensors of the encoder.
        ArchitectureError: The architecture is unknown or refused.
    """
    trust = {key: options[key] for key in ("trust_remote_code", "cache_dir", "token") if key in options}
    version = {} if revision is None else {"revision": revision}
    try:
        config = AutoConfig.from_pretrained(name, **version, **trust)
        anatomy_of(config.model_type)  # Refused before any weight is fetched.
        model, report = AutoModel.from_pretrained(
            name, **version, **{"dtype": torch.float32, **options, "output_loading_info": True}
        )
    except LayerlabError:
        raise
    except (OSError, KeyError, ValueError) as error:
        raise CheckpointError(_not_found(name, error)) from error
    needed = {key for key, _ in model.named_parameters() if not key.startswith("pooler.")}
    lacking = sorted(needed & set(report["missing_keys"]))
    if lacking:
        shown = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise CheckpointError(f"checkpoint {name!r} lacks {len(lacking)} tensors of its encoder: {shown}")
    return model  # type: ignore[no-any-return]


def _not_found(name: str, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"no checkpoint {name!r}: neither a model folder nor a model that the Hub gives here ({reason})"
