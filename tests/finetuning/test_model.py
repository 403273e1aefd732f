from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch.func import functional_call, stack_module_state, vmap

from layerlab.finetuning.model import TaskModel, batch_loss, forward_batch
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.task import Task

Make = Callable[..., TaskModel]


def test_loss_as_a_function_of_parameters_equals_the_loss_in_place(
    make_model: Make, upos: Task, corpora: Mapping[str, EncodedCorpus]
) -> None:
    model = make_model().eval()
    batch = upos.collate(corpora["train"].encoded.examples[:8], 0)
    in_place = upos.loss(forward_batch(model, batch), batch["labels"])
    pure = batch_loss(model, dict(model.named_parameters()), batch, upos)
    torch.testing.assert_close(pure, in_place)


def test_a_cohort_of_models_has_the_losses_of_its_members(
    make_model: Make, upos: Task, corpora: Mapping[str, EncodedCorpus]
) -> None:
    members = [make_model(seed=seed).eval() for seed in range(3)]
    batch = upos.collate(corpora["train"].encoded.examples[:8], 0)
    parameters, buffers = stack_module_state(members)
    inputs = {"input_ids": batch["input_ids"], "attention_mask": batch["attention_mask"]}

    def loss(own: dict[str, torch.Tensor], fixed: dict[str, torch.Tensor]) -> torch.Tensor:
        return upos.loss(functional_call(members[0], (own, fixed), args=(), kwargs=inputs), batch["labels"])

    stacked = vmap(loss)(parameters, buffers)
    single = torch.stack([upos.loss(forward_batch(member, batch), batch["labels"]) for member in members])
    torch.testing.assert_close(stacked, single, atol=1e-4, rtol=1e-5)
