from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AutoModelForTokenClassification,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.callback import AblationCallback, due
from layerlab.ablation.interventions import Freeze, Reset, Skip, Unfreeze
from layerlab.errors import NoEffectError
from layerlab.models.encoder import Encoder

Changed = Callable[[dict[str, Tensor], dict[str, Tensor]], set[str]]
StateOf = Callable[[PreTrainedModel], dict[str, Tensor]]


class Watch(TrainerCallback):
    """Copies the encoder's parameters before each step and at the end."""

    def __init__(self, state_of: StateOf) -> None:
        self.state_of = state_of
        self.states: dict[int, dict[str, Tensor]] = {}

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.states[state.global_step] = self.state_of(kwargs["model"].base_model)

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.states[state.global_step] = self.state_of(kwargs["model"].base_model)


@pytest.fixture
def tagger(checkpoint: Callable[..., Path]) -> PreTrainedModel:
    torch.manual_seed(0)
    model: PreTrainedModel = AutoModelForTokenClassification.from_pretrained(checkpoint("bert"), num_labels=3)
    return model


def make_trainer(
    model: PreTrainedModel, folder: Path, callbacks: list[TrainerCallback], steps: int = 4
) -> Trainer:
    examples = []
    for seed in range(8):
        ids = torch.randint(5, 40, (6,), generator=torch.Generator().manual_seed(seed))
        examples.append({"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": ids % 3})
    arguments = TrainingArguments(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=2,
        learning_rate=1e-2,
        weight_decay=0.1,
        save_strategy="steps",
        save_steps=2,
        logging_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        seed=5,
    )
    return Trainer(model=model, args=arguments, train_dataset=examples, callbacks=callbacks)


def test_a_trainer_freezes_and_unfreezes_on_the_clock(
    tagger: PreTrainedModel, tmp_path: Path, state_of: StateOf, changed: Changed
) -> None:
    ablation = Ablation(
        before=(Reset("3"), Freeze("0")),
        during=(Timed(0.5, Unfreeze("0")), Timed(0.5, Freeze("1-2"))),
        after=(Skip("3"),),
    )
    callback, watch = AblationCallback(ablation), Watch(state_of)
    loaded = state_of(Encoder(tagger).base)
    make_trainer(tagger, tmp_path, [callback, watch]).train()
    encoder, states = Encoder(tagger), watch.states
    everything = set(loaded)
    assert changed(loaded, states[0]) == set(encoder.parameters("3"))
    assert changed(states[0], states[2]) == everything - set(encoder.parameters("0"))
    assert changed(states[2], states[4]) == everything - set(encoder.parameters("1-2"))
    kinds = [next(iter(receipt.intervention)) for receipt in callback.receipts]
    assert kinds == ["reset", "freeze", "unfreeze", "freeze", "skip"]
    assert [receipt.n_changed for receipt in callback.receipts] == [16, 16, 16, 32, 0]


def test_random_weights_take_the_trainers_seed(
    tagger: PreTrainedModel,
    tmp_path: Path,
    checkpoint: Callable[..., Path],
    load: Callable[[Path], PreTrainedModel],
) -> None:
    callback = AblationCallback(Ablation(before=(Reset("3"),)))
    make_trainer(tagger, tmp_path, [callback], steps=1).train()
    expected = apply(Reset("3", seed=5), load(checkpoint("bert")))
    assert callback.receipts[0].digest_after == expected.digest_after


def test_resuming_puts_back_what_stands_and_edits_nothing_again(
    checkpoint: Callable[..., Path], tmp_path: Path, state_of: StateOf, changed: Changed
) -> None:
    ablation = Ablation(
        before=(Reset("3"), Freeze("0", dropout=False)),
        during=(Timed(0.25, Freeze("1")), Timed(0.5, Reset("2"))),
    )

    def run(resume: bool) -> tuple[dict[int, dict[str, Tensor]], list[str]]:
        torch.manual_seed(0)
        model = AutoModelForTokenClassification.from_pretrained(checkpoint("bert"), num_labels=3)
        callback, watch = AblationCallback(ablation), Watch(state_of)
        trainer = make_trainer(model, tmp_path / "run", [callback, watch])
        trainer.train(resume_from_checkpoint=str(tmp_path / "run" / "checkpoint-2") if resume else None)
        return watch.states, [next(iter(receipt.intervention)) for receipt in callback.receipts]

    whole, receipts = run(resume=False)
    resumed, later = run(resume=True)
    assert receipts == ["reset", "freeze", "freeze", "reset"]
    assert later == ["reset"], "only what was not due before the checkpoint"
    assert sorted(resumed) == [2, 3, 4]
    for step in resumed:
        assert changed(whole[step], resumed[step]) == set(), f"step {step}"


def test_an_intervention_without_effect_stops_the_trainer(tagger: PreTrainedModel, tmp_path: Path) -> None:
    callback = AblationCallback(Ablation(during=(Timed(0.25, Unfreeze("0")),)))
    with pytest.raises(NoEffectError, match="unfreeze 0: no parameter it selects is frozen"):
        make_trainer(tagger, tmp_path, [callback]).train()


def test_a_time_of_0_07_falls_on_step_7_of_100() -> None:
    during = (Timed(0.07, Freeze("0")),)
    assert [step for step in range(100) if due(during, (step - 1) / 100 if step else None, step / 100)] == [7]


def test_every_hundredth_of_a_hundred_steps_falls_on_its_step() -> None:
    during = tuple(Timed(float(f"0.{number:02}"), Freeze("0")) for number in range(100))
    fired = [due(during, (step - 1) / 100 if step else None, step / 100) for step in range(100)]
    assert fired == [(timed,) for timed in during]


def test_what_is_due_comes_in_order_of_time_and_then_as_written() -> None:
    late, first, second = Timed(0.2, Freeze("0")), Timed(0, Freeze("1")), Timed(0, Freeze("2"))
    assert due((late, first, second), None, 0.5) == (first, second, late)
    assert due((late, first, second), None, -0.01) == (), "nothing is due before the first step"


@pytest.mark.parametrize("n_steps", [1, 3, 7, 100])
def test_each_entry_is_due_once_at_the_first_step_that_reaches_it(n_steps: int) -> None:
    during = tuple(Timed(number / 100, Freeze("0")) for number in (0, 7, 29, 57, 99))
    fired: dict[float, int] = {}
    done: float | None = None
    for step in range(n_steps):
        for timed in due(during, done, step / n_steps):
            assert timed.at not in fired
            fired[timed.at] = step
        done = step / n_steps
    for timed in during:
        expected = next((step for step in range(n_steps) if step / n_steps >= timed.at), None)
        assert fired.get(timed.at) == expected
