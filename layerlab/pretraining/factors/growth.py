"""Starting from another encoder: the same depth goes on training, a greater one splits its layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import torch

from layerlab.errors import ArchitectureError, CheckpointError
from layerlab.models.anatomy import anatomy_of
from layerlab.models.checkpoints import find_checkpoint
from layerlab.models.loading import NO_REMOTE_CODE, load_config
from layerlab.models.tokenizers import load_tokenizer

# Their residual branches are added to a stream that no norm rescales, so they can be damped.
_PRE_NORM = frozenset({"modernbert", "eurobert"})


def check_growth(folder: Path, config: Any) -> None:
    """Check that the encoder in a folder fits the one to be made.

    Raises:
        CheckpointError: There is no encoder in the folder, or its weights or tokenizer are broken.
        ArchitectureError: Its architecture or width differs, or the new depth is no multiple of its depth.
    """
    if not (folder / "config.json").is_file():
        raise CheckpointError(
            f"grown_from: no encoder in {folder}; expected a folder with config.json, weights and tokenizer"
        )
    if languages := find_checkpoint(str(folder)).languages:
        raise CheckpointError(
            f"grown_from: {folder} has parts of its own for each of its languages ({', '.join(languages)}); "
            "expected an encoder whose parts all languages share: `layerlab export-languages` writes one for "
            "each language"
        )
    load_tokenizer(str(folder))
    parent = load_config(str(folder))
    for key in ("model_type", "hidden_size"):
        was, now = getattr(parent, key), getattr(config, key)
        if was != now:
            raise ArchitectureError(f"grown_from: {key} of {folder} is {was!r}, expected {now!r}")
    if config.num_hidden_layers % parent.num_hidden_layers:
        raise ArchitectureError(
            f"grown_from: {folder} has {parent.num_hidden_layers} layers; expected a divisor of "
            f"{config.num_hidden_layers}, so that each becomes as many"
        )


def grow(model: Any, folder: Path, how: Literal["split", "stack"] = "split") -> None:
    """Put the weights of the encoder in ``folder`` into ``model``, layer by layer.

    If ``model`` is k times as deep, ``split`` makes each layer k neighbouring copies. In a pre-norm
    architecture each copy's residual branches are divided by k, which keeps the function nearly as it was;
    elsewhere they are plain copies. ``stack`` leaves the layers what they are and those above them fresh,
    which in a pre-norm architecture changes little, since fresh branches add little.

    Raises:
        ArchitectureError: The widths differ.

    Reference:
        Gong et al. 2019, "Efficient Training of BERT by Progressively Stacking".
    """
    from transformers import AutoModelForMaskedLM

    anatomy = anatomy_of(model.config.model_type)
    parent = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32, **NO_REMOTE_CODE)
    prefix = f"{model.base_model_prefix}.{anatomy.layers}."
    copies = model.config.num_hidden_layers // parent.config.num_hidden_layers if how == "split" else 1
    # Their products are added to the residual stream.
    damped = (f"{anatomy.attention_output}.", f"{anatomy.ffn_output}.")
    source = dict(parent.named_parameters())
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            inner = name.removeprefix(prefix)
            within = inner
            if inner != name:
                number, _, within = inner.partition(".")
                name = f"{prefix}{int(number) // copies}.{within}"
            # Layers on top stay as they were made, and so does a norm that ModernBERT's first layer lacks.
            if name not in source:
                continue
            if source[name].shape != parameter.shape:
                raise ArchitectureError(
                    f"grown_from: {name} in {folder} has shape {tuple(source[name].shape)}, expected "
                    f"{tuple(parameter.shape)}"
                )
            scale = 1 / copies if model.config.model_type in _PRE_NORM and within.startswith(damped) else 1.0
            parameter.copy_(source[name] * scale)
