"""Members of a cohort get what each gets alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Reset
from layerlab.ablation.interventions.donors import Donors
from layerlab.errors import TrainingError
from layerlab.finetuning.cohort import Member, fine_tune_together
from layerlab.finetuning.loop import FitResult, Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.finetuning.training import Training
from layerlab.models.encoder import Encoder
from layerlab.tasks.corpora import EncodedCorpus
from layerlab.tasks.parsing import Parsing
from layerlab.tasks.task import Task
from layerlab.training.shortcuts import cohorts
from layerlab.training.shortcuts.shortcut import Taken

Corpora = Mapping[str, EncodedCorpus]
#: Makes the members of a cohort, the first of them as it was pretrained.
Make = Callable[..., list[TaskModel]]
TRAINING = Training(epochs=2, learning_rate=2e-3, batch_size=8, weight_decay=0.1)
RESETS = ("", "0-1", "2,3")
PARSER = Parsing("small-parsing", arc_size=24, relation_size=12)


class KilledError(Exception):
    """Stands for a kill in the middle of a step."""


@pytest.fixture(scope="module")
def make(checkpoint: Callable[..., Path], upos: Task, corpora: Corpora) -> Make:
    """make(architecture) -> three task models: as pretrained, the lower layers reset, the upper ones."""

    def build(architecture: str = "bert", task: Task = upos, n_labels: int = 17) -> list[TaskModel]:
        models = []
        for layers in RESETS:
            folder = checkpoint(architecture, name="-member", vocab_size=120, max_position_embeddings=64)
            encoder = Encoder.from_pretrained(str(folder))
            if layers:
                apply(Reset(layers), encoder, donors=Donors(seed=4))
            models.append(build_task_model(encoder, task, n_labels, 0.1, 0))
        return models

    return build


def run_alone(models: Sequence[TaskModel], task: Task, corpora: Corpora, **changes: Any) -> list[FitResult]:
    training = TRAINING.model_copy(update=changes)
    return [fine_tune(model, task, corpora, training, seed=0, device="cpu") for model in models]


def run_together(
    models: Sequence[TaskModel], task: Task, corpora: Corpora, folder: Path | None = None, **changes: Any
) -> tuple[list[Any], list[Member]]:
    report = changes.pop("report", lambda event: None)
    allowed = changes.pop("allowed", ("cohorts",))
    members = [
        Member(model, Workplace(folder and folder / str(n), seconds=0.0), report, Taken(allowed))
        for n, model in enumerate(models)
    ]
    training = TRAINING.model_copy(update=changes)
    return fine_tune_together(members, task, corpora, training, seed=0, device="cpu"), members


def assert_equal(
    alone: Sequence[FitResult],
    together: Sequence[Any],
    models: Sequence[nn.Module],
    others: Sequence[nn.Module],
) -> None:
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, FitResult)
        losses = [entry["loss"] for entry in one.history]
        assert [entry["loss"] for entry in other.history] == pytest.approx(losses, rel=1e-5)
        assert [entry["dev"] for entry in other.history] == [entry["dev"] for entry in one.history]
        assert other.best_epoch == one.best_epoch
    for model, copy in zip(models, others, strict=True):
        expected, found = model.state_dict(), copy.state_dict()
        assert all(tensor.is_contiguous() for tensor in found.values())
        for name, tensor in expected.items():
            # The softmax of attention takes the bias of keys away: its gradient is rounding alone.
            if not name.endswith("key.bias"):
                torch.testing.assert_close(found[name], tensor, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("architecture", ["bert", "modernbert"])
def test_members_learn_what_each_learns_alone(
    make: Make, upos: Task, corpora: Corpora, architecture: str
) -> None:
    """Dropout, clipping, weight decay, the schedule and the choice of the epoch are each member's own."""
    models, others = make(architecture), make(architecture)
    alone = run_alone(models, upos, corpora)
    together, members = run_together(others, upos, corpora)
    assert [one.taken.notes for one in members] == [{"cohorts": "one of 3"}] * 3
    assert_equal(alone, together, models, others)
    assert len({tuple(entry["loss"] for entry in one.history) for one in alone}) == 3


def test_accumulation_the_heads_rate_and_the_last_epoch_are_those_of_each_fit(
    make: Make, upos: Task, corpora: Corpora
) -> None:
    changes: dict[str, Any] = {
        "accumulate": 3, "head_learning_rate": 1e-2, "max_grad_norm": None, "select": "last", "epochs": 1,
    }  # fmt: skip
    models, others = make(), make()
    alone = run_alone(models, upos, corpora, **changes)
    together, _ = run_together(others, upos, corpora, **changes)
    assert_equal(alone, together, models, others)


def test_members_may_be_trimmed(make: Make, upos: Task, corpora: Corpora) -> None:
    """Rows that no text touches decay in closed form, for each member."""
    models, others = make(), make()
    alone = run_alone(models, upos, corpora, epochs=1)
    together, members = run_together(others, upos, corpora, epochs=1, allowed=("cohorts", "trimming"))
    assert [one.taken.notes for one in members] == [
        {"cohorts": "one of 3", "trimming": f"{rows_of(corpora)} of 120 rows"}
    ] * 3
    assert_equal(alone, together, models, others)


def rows_of(corpora: Corpora) -> int:
    examples = (example for corpus in corpora.values() for example in corpus.encoded.examples)
    return len({piece for example in examples for piece in example.input_ids} | {0, 1, 2})


@pytest.mark.parametrize(("stop", "trimmed"), [(4, False), (6, True)])
def test_a_killed_cohort_goes_on_as_a_cohort_or_one_by_one(
    make: Make, upos: Task, corpora: Corpora, tmp_path: Path, stop: int, trimmed: bool
) -> None:
    allowed = ("cohorts", "trimming") if trimmed else ("cohorts",)
    models = make()
    alone = run_alone(models, upos, corpora)
    asked = []

    def kill(event: dict[str, Any]) -> None:
        asked.append(event)
        # When the second member reports the step, the first has its checkpoint and the others do not.
        if event["event"] == "step" and sum(one.get("step") == stop for one in asked) == 2:
            raise KilledError("in the middle of a step")

    with pytest.raises(KilledError, match="in the middle"):
        run_together(make(), upos, corpora, tmp_path, report=kill, allowed=allowed)
    for way in ("together", "alone"):
        folder = tmp_path / way
        for number in range(3):
            source = tmp_path / str(number) / "checkpoint.safetensors"
            (folder / str(number)).mkdir(parents=True)
            (folder / str(number) / "checkpoint.safetensors").write_bytes(source.read_bytes())
        others = make()
        if way == "together":
            found, members = run_together(others, upos, corpora, folder, allowed=allowed)
            assert [one.taken.notes.get("cohorts") for one in members] == [None, "one of 2", "one of 2"]
        else:
            found = [
                fine_tune(
                    model, upos, corpora, TRAINING, seed=0, device="cpu", workplace=Workplace(folder / str(n))
                )
                for n, model in enumerate(others)
            ]
        assert [one.resumed_at for one in found] == [stop, stop - 1, stop - 1]
        assert_equal(alone, found, models, others)


def test_a_member_that_diverges_fails_alone_and_leaves_what_shows_it(
    make: Make, upos: Task, corpora: Corpora, tmp_path: Path
) -> None:
    models, others = make(), make()
    with torch.no_grad():
        others[1].head[1].bias.fill_(float("inf"))  # type: ignore[index]
    alone = run_alone(models, upos, corpora, epochs=1)
    found, _ = run_together(others, upos, corpora, tmp_path, epochs=1)
    assert isinstance(found[1], TrainingError)
    assert_equal([alone[0], alone[2]], [found[0], found[2]], [models[0], models[2]], [others[0], others[2]])
    with pytest.raises(TrainingError, match="the fine-tuning diverged"):
        fine_tune(
            make()[1], upos, corpora, TRAINING.model_copy(update={"epochs": 1}), seed=0, device="cpu",
            workplace=Workplace(tmp_path / "1"),
        )  # fmt: skip


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_fewer_members_where_memory_holds_no_more(
    make: Make, upos: Task, corpora: Corpora, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    from layerlab.finetuning import cohort

    models, others = make(), make()
    size = cohorts.member_bytes(others[0], others[0].encoder.config, 8, 12)
    monkeypatch.setattr(cohort, "free_bytes", lambda device: 2.5 * size)
    monkeypatch.setattr(cohort, "member_bytes", lambda *_: size)
    together, members = run_together(others, upos, corpora, epochs=1, precision=precision)
    assert [one.taken.notes.get("cohorts") for one in members] == ["one of 2", "one of 2", None]
    if precision == "fp32":
        assert_equal(run_alone(models, upos, corpora, epochs=1), together, models, others)


class Unlike:
    """A task whose loss is a plain number for Python on its way, which cannot be computed for members."""

    def __init__(self, task: Task) -> None:
        self.task = task

    def __getattr__(self, name: str) -> Any:
        return getattr(self.task, name)

    def loss(self, output: Tensor, labels: Tensor) -> Tensor:
        loss = self.task.loss(output, labels)
        return loss if float(loss.detach()) < 1e9 else loss / 2


class Mixing(Unlike):
    """A task whose loss depends on a number that every call draws from another stream."""

    n_calls = 0

    def loss(self, output: Tensor, labels: Tensor) -> Tensor:
        self.n_calls += 1
        return self.task.loss(output, labels) * (1 + 0.5 * (self.n_calls % 2))


@pytest.mark.parametrize(
    ("kind", "reason"), [(Unlike, "RuntimeError: vmap: "), (Mixing, "losses differ by ")]
)
def test_what_cannot_be_computed_together_is_trained_one_by_one(
    make: Make, upos: Task, corpora: Corpora, kind: type[Unlike], reason: str
) -> None:
    models, others = make(), make()
    found, members = run_together(others, kind(upos), corpora, epochs=1)
    assert all(one.taken.notes["cohorts"].startswith(f"refused: {reason}") for one in members)
    if kind is Unlike:
        assert_equal(run_alone(models, upos, corpora, epochs=1), found, models, others)


def test_parsers_are_trained_together(make: Make, treebanks: Path, tiny_encoder: Path) -> None:
    from transformers import AutoTokenizer

    from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
    from layerlab.tasks.corpora import encode_corpus

    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    spec = DataSpec(root=treebanks)
    read = {s: load_corpus(find_corpus(spec, "parsing", PARSER.formats, "aa", s)) for s in ("train", "dev")}
    labels = PARSER.label_set(read["train"].sentences)
    trees = {s: encode_corpus(PARSER, corpus, labels, tokenizer, 32) for s, corpus in read.items()}
    models, others = (make("bert", PARSER, len(labels)) for _ in range(2))
    alone = run_alone(models, PARSER, trees)
    together, _ = run_together(others, PARSER, trees)
    assert_equal(alone, together, models, others)


def test_pairs_are_classified_together(make: Make) -> None:
    from layerlab.data.pairs import Pair
    from layerlab.tasks.classification import NLI
    from layerlab.tasks.encoding.examples import Encoded
    from layerlab.tasks.encoding.pair_inputs import PairExample

    examples = tuple(
        PairExample(
            input_ids=(1, *range(5 + n % 7, 12 + n % 7), 2, *range(30 + n % 5, 36), 2),
            token_type_ids=tuple([0] * 9 + [1] * (7 - n % 5)),
            label=n % 3, pair=n, n_cut=0,
        )
        for n in range(24)
    )  # fmt: skip
    pairs = [Pair("a", "b", NLI.labels[n % 3]) for n in range(24)]
    corpus = EncodedCorpus(pairs, Encoded(examples, 0, 0, 0), NLI.labels, 0)
    both = {"train": corpus, "dev": corpus}
    models, others = (make("bert", NLI, 3) for _ in range(2))
    alone = run_alone(models, NLI, both)
    together, _ = run_together(others, NLI, both)
    assert_equal(alone, together, models, others)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_trains_members_as_it_trains_each_alone(
    make: Make, upos: Task, corpora: Corpora, precision: str
) -> None:
    training = TRAINING.model_copy(update={"precision": precision})
    alone = [fine_tune(model, upos, corpora, training, seed=0) for model in make()]
    members = [Member(model, taken=Taken(("cohorts",))) for model in make()]
    together = fine_tune_together(members, upos, corpora, training, seed=0)
    assert [one.taken.notes for one in members] == [{"cohorts": "one of 3"}] * 3
    for one, other in zip(alone, together, strict=True):
        assert isinstance(other, FitResult)
        losses = [entry["loss"] for entry in one.history]
        rel = 1e-4 if precision == "fp32" else 2e-2
        assert [entry["loss"] for entry in other.history] == pytest.approx(losses, rel=rel)
