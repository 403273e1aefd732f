"""The Hugging Face class of a fit gives the fit's logits, for every architecture, words and pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

from layerlab.errors import ArchitectureError
from layerlab.exporting.classes import PAIRS, TOLERANCE, as_hugging_face
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.models.anatomy import known_types
from layerlab.models.encoder import Encoder
from layerlab.tasks.task import get_task
from tests.fixtures.encoders import ARCHITECTURES, checkpoint_maker, disturb

LABELS = ("entailment", "neutral", "contradiction")


@pytest.fixture(scope="module")
def make(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., TaskModel]:
    checkpoints = checkpoint_maker(tmp_path_factory.mktemp("encoders"))

    def build(architecture: str, task: str) -> TaskModel:
        encoder = Encoder.from_pretrained(str(checkpoints(architecture)))
        model = build_task_model(encoder, get_task(task), len(LABELS), 0.1, seed=0)
        disturb(model.head)
        return model.eval()

    return build


def inputs() -> dict[str, torch.Tensor]:
    ids = torch.randint(4, 40, (5, 12), generator=torch.Generator().manual_seed(7))
    mask = (torch.arange(12)[None] < torch.tensor([12, 9, 6, 3, 2])[:, None]).long()
    return {"input_ids": ids * mask, "attention_mask": mask}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("task", ["upos", "nli"])
def test_what_is_loaded_again_gives_the_logits_of_the_fit(
    make: Callable[..., TaskModel], architecture: str, task: str, tmp_path: Path
) -> None:
    model = make(architecture, task)
    made = as_hugging_face(model, LABELS, 0.1)
    made.model.save_pretrained(tmp_path)
    auto = AutoModelForTokenClassification if task == "upos" else AutoModelForSequenceClassification
    loaded = auto.from_pretrained(tmp_path).eval()
    assert loaded.config.id2label == dict(enumerate(LABELS))
    given = inputs()
    with torch.inference_mode():
        wanted, found = model(**given), loaded(**given).logits
    if task == "upos":
        wanted, found = wanted[given["attention_mask"].bool()], found[given["attention_mask"].bool()]
    worst = float((wanted - found).abs().max() / wanted.abs().max())
    assert worst <= TOLERANCE
    if task == "upos" and architecture != "modernbert":
        assert torch.equal(wanted, found), "the class has the fit's own layers, so no bit differs"


def test_every_known_architecture_classifies_pairs() -> None:
    assert {name for name in known_types() if not name.startswith("my-")} <= PAIRS.keys()


def test_a_parser_has_no_class(make: Callable[..., TaskModel]) -> None:
    model = make("bert", "parsing")
    with pytest.raises(ArchitectureError, match="no class with a head like Biaffine.*expected a task that"):
        as_hugging_face(model, LABELS, 0.1)


def test_an_encoder_that_computes_something_else_is_refused(make: Callable[..., TaskModel]) -> None:
    model = make("bert", "upos")
    model.encoder.get_submodule("encoder.layer.1").register_forward_hook(
        lambda module, given, output: 2 * output
    )
    with pytest.raises(ArchitectureError, match=r"differ by .* from the fit's"):
        as_hugging_face(model, LABELS, 0.1)


def test_layers_that_are_passed_by_are_left_out(make: Callable[..., TaskModel]) -> None:
    from layerlab.ablation.apply import apply
    from layerlab.ablation.interventions import Skip

    model = make("xlm-roberta", "upos")
    apply(Skip("1-2"), model.encoder)
    made = as_hugging_face(model, LABELS, 0.1, skipped=(1, 2))
    assert made.model.config.num_hidden_layers == 2
    assert made.difference == 0
