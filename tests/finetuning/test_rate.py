"""Rates by layer in fine-tuning, against an AdamW written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from layerlab.ablation.ablation import Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Freeze, Intervention, Rate, Unfreeze
from layerlab.finetuning.evaluation import to_device
from layerlab.finetuning.loop import Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, forward_batch
from layerlab.finetuning.training import Training
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task
from layerlab.training.batching import epoch_batches
from layerlab.training.optimizer import build_optimizer, regroup
from layerlab.training.schedule import rate_factor
from layerlab.training.streams import dropout_seed

Corpora = Mapping[str, EncodedCorpus]
Make = Callable[..., TaskModel]
FAST = Training(
    epochs=2, learning_rate=2e-3, head_learning_rate=1e-3, batch_size=8, weight_decay=0.1, select="last"
)


def by_hand(
    model: TaskModel, task: Task, corpora: Corpora, factor_of: Callable[[str, float], float]
) -> dict[str, Tensor]:
    """Fine-tune with one group for each parameter, whose rate is set anew before each step."""
    train = corpora["train"]
    lengths = [len(example.input_ids) for example in train.encoded.examples]
    named = dict(model.named_parameters())
    peak = {name: FAST.learning_rate if name.startswith("encoder.") else 1e-3 for name in named}
    optimizer = torch.optim.AdamW(
        [{"params": [p], "weight_decay": 0.1 if p.ndim >= 2 else 0.0, "lr": 0.0} for p in named.values()]
    )
    batches = [batch for epoch in range(FAST.epochs) for batch in epoch_batches(lengths, 8, 0, epoch)]
    for step, batch in enumerate(batches):
        model.train()
        for name, group in zip(named, optimizer.param_groups, strict=True):
            own = peak[name] * factor_of(name, step / len(batches))
            group["lr"] = own * rate_factor(step, len(batches), FAST.warmup)
        torch.manual_seed(dropout_seed(0, step, 0))
        inputs = task.collate([train.encoded.examples[index] for index in batch], train.pad_id)
        loss = task.loss(forward_batch(model, to_device(inputs, torch.device("cpu"))), inputs["labels"])
        (loss / task.n_targets(inputs)).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return dict(model.state_dict())


def run(
    model: TaskModel, task: Task, corpora: Corpora, before: list[Intervention], **options: Any
) -> list[dict[str, Any]]:
    for item in before:
        apply(item, Encoder(model.encoder))
    return fine_tune(model, task, corpora, FAST, seed=0, device="cpu", **options).receipts


def test_a_fit_with_rates_is_that_of_an_optimiser_written_by_hand(
    make_model: Make, upos: Task, corpora: Corpora
) -> None:
    model, other = make_model(), make_model()
    names = {
        text: {f"encoder.{name}" for name in Encoder(model.encoder).parameters(text)}
        for text in ("embeddings", "0-1", "1")
    }

    def factor_of(name: str, now: float) -> float:
        factor = 0.1 if name in names["0-1"] or name in names["embeddings"] else 1.0
        return factor * (0.5 if name in names["1"] and now >= 0.5 else 1.0)

    receipts = run(model, upos, corpora, [Rate("embeddings,0-1", 0.1)], during=[Timed(0.5, Rate("1", 0.5))])
    expected = by_hand(other, upos, corpora, factor_of)
    assert [(receipt["step"], receipt["n_changed"]) for receipt in receipts] == [(6, len(names["1"]))]
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=0, atol=2e-7)


@pytest.mark.parametrize("stop", [2, 7, 10])
def test_a_resumed_fit_has_its_rates_again(
    make_model: Make, upos: Task, corpora: Corpora, tmp_path: Path, stop: int
) -> None:
    before: list[Intervention] = [Rate("embeddings,all", decay=0.5), Freeze("0")]
    during = [Timed(0.3, Rate("2", 3.0)), Timed(0.6, Unfreeze("0"))]
    plain = make_model()
    run(plain, upos, corpora, before, during=during)

    def kill(event: dict[str, Any]) -> None:
        if event["event"] == "step" and event["step"] == stop:
            raise RuntimeError("killed in a step")

    place = Workplace(tmp_path, seconds=0.0)
    with pytest.raises(RuntimeError, match="killed in a step"):
        run(make_model(), upos, corpora, before, during=during, workplace=place, report=kill)
    resumed = make_model()
    run(resumed, upos, corpora, before, during=during, workplace=place)
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name])


def test_groups_follow_the_factors_and_keep_their_moments(make_model: Make) -> None:
    model = make_model()
    optimizer = build_optimizer(((model.encoder, 1e-3), (model.head, 1e-2)), 0.1)
    n_groups = len(optimizer.param_groups)
    listed = {p for group in optimizer.param_groups for p in group["params"]}
    weight = next(iter(Encoder(model.encoder).parameters("1").values()))
    optimizer.state[weight]["exp_avg"] = torch.ones_like(weight)
    undo = apply(Rate("1", 0.5), Encoder(model.encoder)).undo
    regroup(optimizer)
    assert sorted({group["peak_lr"] for group in optimizer.param_groups}) == [5e-4, 1e-3, 1e-2]
    assert len(optimizer.param_groups) == n_groups + 2
    assert {p for group in optimizer.param_groups for p in group["params"]} == listed
    assert torch.equal(optimizer.state[weight]["exp_avg"], torch.ones_like(weight))
    assert undo is not None
    undo()
    regroup(optimizer)
    assert {group["peak_lr"] for group in optimizer.param_groups} == {1e-3, 1e-2}
