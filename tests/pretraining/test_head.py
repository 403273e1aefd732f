from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM

from layerlab.errors import ArchitectureError
from layerlab.pretraining.head import head_of, hidden_states

SIZES = {"num_hidden_layers": 2, "hidden_size": 16, "num_attention_heads": 2, "intermediate_size": 32}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": SIZES,
    "roberta": SIZES,
    "xlm-roberta": SIZES,
    "camembert": SIZES,
    "modernbert": {**SIZES, "global_attn_every_n_layers": 1},
    "distilbert": {"n_layers": 2, "dim": 16, "n_heads": 2, "hidden_dim": 32},
    "electra": {**SIZES, "embedding_size": 8},
    "rembert": {**SIZES, "input_embedding_size": 8, "output_embedding_size": 12},
    "deberta-v2": SIZES,
    "eurobert": {**SIZES, "num_key_value_heads": 2},
}


def small_model(kind: str, folder: Path) -> Any:
    torch.manual_seed(0)
    special = {f"{role}_token_id": 0 for role in ("pad", "bos", "eos", "cls", "sep")}
    config = AutoConfig.for_model(kind, vocab_size=50, **special, **ARCHITECTURES[kind])
    model = AutoModelForMaskedLM.from_config(config)  # type: ignore[no-untyped-call]
    model.save_pretrained(folder)
    return AutoModelForMaskedLM.from_pretrained(folder)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_the_head_on_masked_positions_equals_the_full_forward(kind: str, tmp_path: Path) -> None:
    model = small_model(kind, tmp_path).eval()
    input_ids = torch.randint(5, 50, (3, 8), generator=torch.Generator().manual_seed(0))
    positions = torch.tensor([0, 5, 13, 22])
    with torch.no_grad():
        full = model(input_ids=input_ids).logits.flatten(0, 1)[positions]
        part = head_of(model)(hidden_states(model, input_ids).flatten(0, 1)[positions])
    torch.testing.assert_close(part, full, atol=1e-5, rtol=1e-5)


def test_finding_the_head_leaves_the_training_flag(tmp_path: Path) -> None:
    model = small_model("bert", tmp_path).train()
    head_of(model)
    assert model.training


def test_a_model_without_a_known_head_is_refused() -> None:
    with pytest.raises(ArchitectureError, match="no masked-LM head found in Sequential; it has 0, expected"):
        head_of(nn.Sequential(nn.Linear(2, 2)))
