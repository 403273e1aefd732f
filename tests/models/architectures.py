"""Ten tiny encoders, one of each known architecture, saved so that tests load them as users do."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModel, PreTrainedModel

N_LAYERS = 4
HIDDEN = 32
SPECIAL = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
COMMON: dict[str, Any] = {
    "vocab_size": 40,
    "hidden_size": HIDDEN,
    "num_hidden_layers": N_LAYERS,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 40,
    "hidden_dropout_prob": 0.1,
    "attention_probs_dropout_prob": 0.1,
    **SPECIAL,
}
DEBERTA: dict[str, Any] = {
    "relative_attention": True,
    "pos_att_type": ["c2p", "p2c"],
    "position_buckets": 4,
    "norm_rel_ebd": "layer_norm",
    "conv_kernel_size": 3,
    "type_vocab_size": 2,
}
MODERN: dict[str, Any] = {"attention_dropout": 0.1, "mlp_dropout": 0.1, "cls_token_id": 1, "sep_token_id": 2}
MODERN |= {
    "local_attention": 4,
    "layer_types": ["full_attention", *["sliding_attention"] * 2, "full_attention"],
}
OPTIONS: dict[str, dict[str, Any]] = {
    "bert": {},
    "xlm-roberta": {},
    "roberta": {},
    "camembert": {},
    "distilbert": {},
    "electra": {"embedding_size": 24},
    "rembert": {"input_embedding_size": 24, "output_embedding_size": 24},
    "deberta-v2": DEBERTA,
    "modernbert": MODERN,
    "eurobert": {"num_key_value_heads": 2, "head_dim": 16, "attention_dropout": 0.1, "mask_token_id": 3},
}
ARCHITECTURES = tuple(OPTIONS)
DISTILBERT: dict[str, Any] = {
    "dim": HIDDEN,
    "hidden_dim": 48,
    "n_heads": 2,
    "n_layers": N_LAYERS,
    "vocab_size": 40,
}
DISTILBERT |= {"max_position_embeddings": 40, "dropout": 0.1, "attention_dropout": 0.1, **SPECIAL}


def tiny_config(architecture: str, **changes: Any) -> Any:
    """Return a configuration of 4 layers of width 32, with the changes given."""
    options = DISTILBERT if architecture == "distilbert" else {**COMMON, **OPTIONS[architecture]}
    return AutoConfig.for_model(architecture, **{**options, **changes})


def build(config: Any) -> PreTrainedModel:
    """Build an encoder with fresh weights."""
    auto: Any = AutoModel
    model: PreTrainedModel = auto.from_config(config)
    return model


def disturb(model: torch.nn.Module, seed: int = 0) -> None:
    """Add noise to every parameter, so that none is at the value an initialiser gives it."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)


def checkpoint_maker(root: Path) -> Callable[..., Path]:
    """Return a function that saves a tiny encoder with disturbed weights, once, and returns its folder."""

    @functools.cache
    def make(architecture: str, seed: int = 0, name: str = "", **changes: Any) -> Path:
        folder = root / f"{architecture}-{seed}{name}"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = build(tiny_config(architecture, **changes))
        disturb(model, seed)
        model.save_pretrained(folder)
        return folder

    return make


def load(folder: Path) -> PreTrainedModel:
    """Load a saved encoder, in evaluation mode as transformers leaves it."""
    model: PreTrainedModel = AutoModel.from_pretrained(folder, dtype=torch.float32)
    return model


def make_inputs() -> dict[str, torch.Tensor]:
    """Return two sentences of 12 and 9 tokens, padded."""
    ids = torch.randint(5, 40, (2, 12), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    ids[1, 9:], mask[1, 9:] = 0, 0
    return {"input_ids": ids, "attention_mask": mask}
