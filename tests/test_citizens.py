"""A task and interventions of a user's own are full citizens: fitted, probed, measured, tabled and drawn.

The task is no subclass of anything and has examples of its own; its main metric is neither the first that it
gives nor the first by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

import layerlab as ll
from layerlab.ablation.interventions import kinds as registry
from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.data.sentences import Sentence
from layerlab.errors import LabelError
from layerlab.models.encoder import Encoder
from layerlab.models.layers import Layers
from layerlab.tasks import task as tasks
from layerlab.tasks.task import Encoded, HeadInput, Score, Task
from tests.fixtures.studies import make_study


@dataclass(frozen=True)
class Labelled:
    """A sentence as the encoder reads it, with the label of its second word."""

    input_ids: tuple[int, ...]
    label: int
    sentence: int


class FirstHead(nn.Module):
    """A linear layer on the first state."""

    def __init__(self, hidden_size: int, n_labels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden_size, n_labels)

    def forward(self, states: Tensor) -> Tensor:
        """Map ``(batch, tokens, hidden)`` to ``(batch, labels)``."""
        logits: Tensor = self.linear(states[:, 0])
        return logits


class SecondWord:
    """Which part of speech is a sentence's second word?"""

    name = "second-word"
    title = "second word"
    version = 1
    formats = ("conllu",)
    metric = "right"
    head_input: HeadInput = "first"

    def label_set(self, sentences: Sequence[Sentence]) -> tuple[str, ...]:
        return tuple(sorted({sentence.upos[1] for sentence in sentences}))

    def check(self, sentences: Sequence[Sentence], labels: Sequence[str], where: str) -> None:
        if lacking := {sentence.upos[1] for sentence in sentences} - set(labels):
            raise LabelError(f"{where}: the source has no {', '.join(sorted(lacking))}")

    def encode(
        self, sentences: Sequence[Sentence], labels: Sequence[str], tokenizer: Any, max_length: int
    ) -> Encoded[Labelled]:
        words = [list(sentence.words) for sentence in sentences]
        ids = tokenizer(words, is_split_into_words=True, truncation=True, max_length=max_length)["input_ids"]
        examples = tuple(
            Labelled(tuple(row), labels.index(sentence.upos[1]), index)
            for index, (row, sentence) in enumerate(zip(ids, sentences, strict=True))
        )
        return Encoded(examples, 0, 0, 0, {"n_sentences": len(examples)})

    def build_head(self, hidden_size: int, n_labels: int, dropout: float) -> nn.Module:
        return FirstHead(hidden_size, n_labels)

    def collate(self, examples: Sequence[Labelled], pad_id: int) -> dict[str, Tensor]:
        rows = [torch.tensor(example.input_ids) for example in examples]
        ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad_id)
        lengths = torch.tensor([len(row) for row in rows])
        mask = (torch.arange(ids.shape[1])[None] < lengths[:, None]).long()
        labels = torch.tensor([example.label for example in examples])
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}

    def loss(self, output: Tensor, labels: Tensor) -> Tensor:
        return nn.functional.cross_entropy(output.float(), labels, reduction="sum")

    def n_targets(self, batch: dict[str, Tensor]) -> int:
        return len(batch["labels"])

    def decode(
        self, output: Tensor, batch: dict[str, Tensor], examples: Sequence[Labelled]
    ) -> list[tuple[int, int]]:
        best: list[int] = output.argmax(dim=-1).tolist()
        return [(example.sentence, label) for example, label in zip(examples, best, strict=True)]

    def score(
        self, sentences: Sequence[Sentence], labels: Sequence[str], decoded: Sequence[tuple[int, int]]
    ) -> list[Score]:
        right = sum(sentences[index].upos[1] == labels[label] for index, label in decoded) / len(sentences)
        return [Score("lenient", 1.0, len(sentences)), Score("right", right, len(sentences))]


class Still:
    """Let layers learn nothing, by taking their gradients away: what the model computes stays."""

    layers: Layers

    def hold(self, encoder: Encoder) -> Callable[[], None]:
        own: list[Any] = list(encoder.parameters(self.layers).values())
        handles = [parameter.register_hook(torch.zeros_like) for parameter in own]

        def undo() -> None:
            for handle in handles:
                handle.remove()

        return undo


class Mute:
    """Let layers give zeros: what the model computes changes."""

    layers: Layers

    def hold(self, encoder: Encoder) -> Callable[[], None]:
        def silence(module: nn.Module, inputs: Any, output: Any) -> Any:
            if isinstance(output, tuple):
                return (torch.zeros_like(output[0]), *output[1:])
            return torch.zeros_like(output)

        chosen = self.layers.indices(encoder.n_layers)
        handles = [encoder.layers[index].register_forward_hook(silence, prepend=True) for index in chosen]

        def undo() -> None:
            for handle in handles:
                handle.remove()

        return undo


@pytest.fixture(scope="module")
def citizens() -> Iterator[dict[str, Any]]:
    """The interventions by kind; what is registered here is forgotten afterwards."""
    registry.known_interventions(), tasks.known_tasks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_KINDS", dict(registry._KINDS))
        patch.setattr(tasks, "_TASKS", dict(tasks._TASKS))
        ll.task("second-word")(SecondWord)
        yield {
            "still": ll.intervention("still", phases=("before", "during"), changes_output=False)(Still),
            "mute": ll.intervention("mute")(Mute),
        }


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parallel sentences of the invented languages: 16, no two alike."""
    path = tmp_path_factory.mktemp("parallel") / "invented.tsv"
    nouns = [("mira", "miros"), ("tola", "tolos"), ("pesa", "pesos"), ("runa", "runos")]
    rows = [f"o {a} gati {c}\tos {b} gatun {d}" for a, b in nouns for c, d in nouns]
    path.write_text("\n".join(["aa\tbb", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def study(treebanks: Path, tiny_encoder: Path, parallel: Path, citizens: dict[str, Any]) -> ll.Study:
    ablations = [
        ll.Ablation.none(),
        *ll.sweep("before", citizens["still"], windows=2),
        ll.Ablation("late still", during=(ll.Timed(0.5, citizens["still"]("all")),)),
        ll.Ablation("mute", during=(ll.Timed(0.5, citizens["mute"]("last:1")),)),
        ll.Ablation("muted", after=(citizens["mute"]("last:1"),)),
    ]
    measures = {"names": ["cka", "drift"], "parallel": str(parallel), "sentences": 16}
    changes = {"tasks": ["second-word"], "targets": ["bb"], "ablations": ablations, "measures": measures}
    return make_study(treebanks, tiny_encoder, **changes)


@pytest.fixture(scope="module")
def results(study: ll.Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("citizens") / "results"
    outcome = study.plan().run(folder, workers=0, progress=False)
    assert outcome.good, outcome.status.failures
    return folder


@pytest.fixture
def frame(results: Path) -> pd.DataFrame:
    return ll.load_records(results)


def test_the_study_goes_to_yaml_and_back(study: ll.Study) -> None:
    assert "mute" in study.to_yaml()
    plain = {"sweep": {"windows": 2}, "before": [{"still": {}}]}
    again = ll.Study.model_validate({**study.model_dump(), "ablations": ["none", plain]})
    assert again.ablations == study.ablations[:2]


def test_records_know_the_tasks_main_metric(frame: pd.DataFrame) -> None:
    scores = frame[frame["layer"].isna()]
    assert set(scores["metric"]) == {"right", "lenient"}
    assert set(scores[scores["main"]]["metric"]) == {"right"}
    assert set(scores["target"]) == {"aa", "bb"}
    assert not scores["value"].isna().any()


def test_a_standing_intervention_holds_while_its_fit_is_evaluated(
    frame: pd.DataFrame, treebanks: Path
) -> None:
    rows = frame[(frame["metric"] == "right") & frame["ablation"].isin(["mute", "muted"])]
    text = (treebanks / "aa" / "test.conllu").read_text(encoding="utf-8")
    second = Counter(line.split("\t")[3] for line in text.splitlines() if line.startswith("2\t"))
    possible = {count / second.total() for count in second.values()}  # all sentences get one label
    assert set(rows[rows["target"] == "aa"]["value"]) <= possible


def test_only_what_changes_the_output_starts_the_search_for_the_best_epoch_anew(results: Path) -> None:
    nodes = ll.load_nodes(results)
    fits = nodes[nodes["kind"] == "fit"]
    fired = fits[fits["receipts"].str.contains('"at": 0.5')]
    muted = fired["receipts"].str.contains('"mute"')
    assert (fired[muted]["best_epoch"] == 1).all()
    assert muted.any()
    assert (~muted).any()


def test_layers_that_stay_still_do_not_drift(frame: pd.DataFrame) -> None:
    drift = frame[(frame["metric"] == "drift") & (frame["ablation"] == "still(0-1)@before")]
    by_layer = drift.groupby("layer")["value"].max()
    assert (by_layer[[1, 2]] < by_layer[[3, 4]].min()).all()  # weight decay alone moves them
    assert set(frame[frame["metric"] == "cka"]["target"]) == {"bb"}


def test_the_task_is_probed_at_every_level(
    citizens: dict[str, Any], treebanks: Path, tiny_encoder: Path
) -> None:
    data = ll.DataSpec(root=treebanks)
    probes = ll.probe_models({"tiny": str(tiny_encoder)}, "second-word", "aa", ["bb"], data=data)
    main = probes[probes["main"]]
    assert set(main["metric"]) == {"right"}
    assert set(main["layer"]) == {0, 1, 2, 3, 4}
    assert isinstance(ll.plot_probes(probes), Figure)


def test_tables_and_figures_show_the_task(frame: pd.DataFrame) -> None:
    table = ll.to_markdown(ll.paper_table(frame))
    assert "second word" in table
    assert "0-1" in table
    effect = sensitivity(frame)
    assert set(effect["metric"]) == {"right"}
    swept = effect[effect["sweep"] == "still@before"]
    assert isinstance(ll.plot_sensitivity(swept), Figure)
    assert isinstance(ll.plot_heatmap(swept), Figure)


def test_a_task_that_says_what_its_head_reads_must_say_it_rightly(citizens: dict[str, Any]) -> None:
    class Wrong(SecondWord):
        name = "wrong"
        head_input: Any = "middle"

    with pytest.raises(LabelError, match="unknown head_input of task 'wrong' 'middle'"):
        ll.register_task(Wrong())


def test_the_task_keeps_the_protocol() -> None:
    task: Task[Sentence, Labelled, tuple[int, int]] = SecondWord()
    assert task.metric == "right"
