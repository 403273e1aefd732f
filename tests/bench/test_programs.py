"""The programs that the benchmark runs, called in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel

from layerlab.bench.corpora import write_treebanks
from layerlab.bench.programs import encoder, flops, rate, trainer
from layerlab.bench.workloads.outcomes import read_study, read_trainer
from layerlab.data.formats.conllu import read_conllu
from layerlab.models.tokenizers import load_tokenizer
from layerlab.study.runner import run_plan
from layerlab.study.study import Study
from tests.fixtures.studies import make_study


def plan_of(treebanks: Path, tiny_encoder: Path, *ablations: Any, **training: Any) -> Any:
    changes = {"ablations": ["none", *ablations], "seeds": [0], "targets": ["aa", "bb"]}
    fields = {"epochs": 2, "learning_rate": 1e-3, "batch_size": 8, **training}
    return make_study(treebanks, tiny_encoder, training=fields, **changes).plan()


def test_the_trainer_does_what_a_study_does(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    job = {
        "encoder": str(tiny_encoder),
        "data": str(treebanks),
        "source": "aa",
        "targets": ["aa", "bb"],
        "seeds": [0],
        "ablations": [[], [0, 1]],
        "epochs": 1,
        "learning_rate": 1e-3,
        "batch_size": 8,
        "warmup": 0.1,
        "max_length": 32,
        "grouped": True,
        "output": str(tmp_path / "output"),
    }
    (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")
    trainer.main(tmp_path / "job.json")
    study: Study = make_study(
        treebanks,
        tiny_encoder,
        seeds=[0],
        targets=["aa", "bb"],
        ablations=["none", {"name": "fresh", "before": [{"reset": {"layers": "0-1"}}]}],
        training={"epochs": 1, "learning_rate": 1e-3, "batch_size": 8, "max_length": 32},
    )
    run_plan(study.plan(), tmp_path / "results", workers=0, progress=False)
    theirs, ours = read_trainer(tmp_path), read_study(tmp_path)
    assert theirs.steps == ours.steps == 12
    assert theirs.score == pytest.approx(ours.score, abs=0.35)


def test_fresh_layers_of_the_trainer_are_fresh(tiny_encoder: Path) -> None:
    model, before = (AutoModel.from_pretrained(tiny_encoder, dtype=torch.float32) for _ in range(2))
    wrapped = torch.nn.Module()
    wrapped.base_model, wrapped.config = model, model.config
    trainer.reinitialise(wrapped, [1])
    changed = {
        name.split(".")[2]
        for (name, one), other in zip(model.named_parameters(), before.parameters(), strict=True)
        if not torch.equal(one, other)
    }
    assert changed == {"1"}


def test_layers_that_need_not_be_computed_are_not_counted(treebanks: Path, tiny_encoder: Path) -> None:
    plain = flops.count_plan(plan_of(treebanks, tiny_encoder))
    depth = 4
    above: dict[int, float] = {}
    for layer in range(depth):
        rewind = {"name": "rewind", "after": [{"reset": {"layers": str(layer), "to": "pretrained"}}]}
        above[layer] = flops.count_plan(plan_of(treebanks, tiny_encoder, rewind)) - plain
    assert [above[layer] / above[0] for layer in range(depth)] == pytest.approx([1.0, 0.75, 0.5, 0.25])


def test_training_counts_three_times_evaluation_and_each_epoch(treebanks: Path, tiny_encoder: Path) -> None:
    one, two = (flops.count_plan(plan_of(treebanks, tiny_encoder, epochs=epochs)) for epochs in (1, 2))
    without = flops.count_plan(plan_of(treebanks, tiny_encoder), with_fits=False)
    assert two - without == pytest.approx(2 * (one - without))


def test_a_frozen_prefix_without_dropout_counts_once(treebanks: Path, tiny_encoder: Path) -> None:
    def frozen(layers: str, dropout: bool) -> Any:
        return {"name": "frozen", "before": [{"freeze": {"layers": layers, "dropout": dropout}}]}

    def count(*ablations: Any) -> float:
        return flops.count_plan(plan_of(treebanks, tiny_encoder, *ablations))

    none = count()
    whole, half = count(frozen("embeddings,0-1", True)), count(frozen("embeddings,0-1", False))
    assert whole == pytest.approx(2 * none)
    assert none < half < whole
    assert count(frozen("0-1", False)) == pytest.approx(whole), "the embeddings below still learn"


def test_an_encoder_with_random_weights_loads_with_its_tokenizer(tmp_path: Path) -> None:
    encoder.make(tmp_path / "bert", "minimbert-controlled", 2, 24, 5000)
    model = AutoModel.from_pretrained(tmp_path / "bert")
    assert model.config.num_hidden_layers == 2
    assert model.get_input_embeddings().weight.shape == (5000, 24)
    tokenizer = load_tokenizer(str(tmp_path / "bert"))  # refuses one that is not of the model's size
    assert (tokenizer.pad_token_id, len(tokenizer)) == (model.config.pad_token_id, 5000)
    text = "ta masti, nima"
    assert tokenizer(text).input_ids == load_tokenizer("minimbert-controlled")(text).input_ids


def test_the_rate_of_products_is_a_number_of_operations() -> None:
    found = rate.measure()
    assert found["rate"] > 1e7
    assert found["threads"] >= 1


def test_treebanks_are_cut_evenly_and_stay_readable(treebanks: Path, tmp_path: Path) -> None:
    write_treebanks(tmp_path / "cut", treebanks, ("aa", "bb"), {"train": 12, "dev": 4, "test": 8})
    kept = read_conllu(tmp_path / "cut" / "aa" / "train.conllu")
    assert [one.sent_id for one in kept] == [f"aa-train-{4 * index}" for index in range(12)]
    assert len(read_conllu(tmp_path / "cut" / "bb" / "test.conllu")) == 8
    assert not (tmp_path / "cut" / "bb" / "train.conllu").exists()


def test_without_treebanks_controlled_languages_are_written(tmp_path: Path) -> None:
    write_treebanks(tmp_path / "made", None, ("ilda", "jora"), {"train": 3, "dev": 2, "test": 2})
    assert len(read_conllu(tmp_path / "made" / "ilda" / "train.conllu")) == 3
