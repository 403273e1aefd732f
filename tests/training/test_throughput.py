from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForMaskedLM

from layerlab.pretraining.head import head_of
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.pretraining.steps import masked_loss
from layerlab.pretraining.text.batches import Masked
from layerlab.training.events import Event
from layerlab.training.throughput import Machine, flops_per_token, measure_rates


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_flops_agree_with_those_that_pytorch_counts(kind: str) -> None:
    sizes = {"num_hidden_layers": 3, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 64}
    config = AutoConfig.for_model(kind, vocab_size=200, pad_token_id=0, attn_implementation="eager", **sizes)
    model = AutoModelForMaskedLM.from_config(config)  # type: ignore[no-untyped-call]
    batch, length, predicted = 4, 32, 32
    ids = torch.randint(5, 200, (batch, length)).numpy()
    positions = torch.arange(0, batch * length, batch * length // predicted).numpy()
    masked = Masked(ids, positions, ids.ravel()[positions])
    head = head_of(model)
    with FlopCounterMode(display=False) as counter:
        masked_loss(model, head, masked).backward()  # type: ignore[no-untyped-call]
    expected = counter.get_total_flops() / (batch * length)
    assert flops_per_token(model, length, predicted / (batch * length)) == pytest.approx(expected, rel=0.05)


def test_the_measured_rate_is_one_that_products_reach() -> None:
    model = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.Linear(128, 64))
    square, own = measure_rates(model, 256)
    assert 1e8 < own < 1e15
    assert 1e8 < square < 1e15


def test_utilisation_is_the_share_of_the_rate() -> None:
    assert Machine(square=1e9, own=5e8, flops_per_token=1e6).utilisation(250) == pytest.approx(0.25)


def test_training_reports_how_much_of_the_machine_it_uses(spec: PretrainingSpec, tmp_path: Path) -> None:
    events: list[Event] = []
    folder = pretrain(spec, tmp_path / "model", threads=1, report=events.append)
    assert 0 < [one for one in events if one["event"] == "step"][-1]["utilisation"] < 1
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    machine = facts["machine"]
    reached = facts["tokens_per_second"] * machine["flops_per_token"] / machine["matmul_flops_per_second"]
    assert machine["utilisation"] == pytest.approx(reached)
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"{reached:.0%} of the rate of large matrix products" in " ".join(card.split())


def test_perplexity_is_that_of_masked_tokens(spec: PretrainingSpec, tmp_path: Path) -> None:
    folder = pretrain(spec, tmp_path / "model", threads=1)
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    last = torch.tensor(list(facts["held_out"][-1]["loss"].values()), dtype=torch.float64)
    assert list(facts["masked_perplexity"].values()) == pytest.approx(last.exp().tolist())
    assert f"| {facts['masked_perplexity']['xb']:.1f} |" in (folder / "README.md").read_text(encoding="utf-8")
