"""The transfer experiment is the plain evaluation where nothing has to be carried over."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.data.catalog.corpus import find_corpus, load_corpus
from layerlab.data.spec import DataSpec
from layerlab.measures.alignment.material import Material, Side
from layerlab.measures.alignment.options import Aligning
from layerlab.measures.alignment.transfer import TaskData, transfer
from layerlab.measures.layer_probes import probe_layers
from layerlab.measures.options import ProbeTraining
from layerlab.tasks.corpora import encode_corpus
from layerlab.tasks.task import get_task
from tests.fixtures.alignment import turned

SHORT = ProbeTraining(epochs=2, batch_size=8)
LAYERS = (0, 2, 4)


def task_data(treebanks: Path, name: str) -> TaskData:
    task, spec = get_task(name), DataSpec(root=treebanks)
    train, test = (load_corpus(find_corpus(spec, name, task.formats, "aa", one)) for one in ("train", "test"))
    return TaskData(task, "first", train, (test, test))


@pytest.mark.parametrize("name", ["upos", "ner"])
def test_one_encoder_and_the_identity_give_the_plain_evaluation(
    side: Side, same_sentences: Material, treebanks: Path, name: str
) -> None:
    data = task_data(treebanks, name)
    options = Aligning(layers=LAYERS, training=SHORT)
    rows = list(transfer(side, side, same_sentences, data, options, (3,), joint=(side, side)))
    labels = data.task.label_set(data.train.sentences)
    train, test = (
        encode_corpus(data.task, one, labels, side.tokenizer, 64) for one in (data.train, data.tests[0])
    )
    plain = {
        (one.layer, one.score.metric): one.score.value
        for one in probe_layers(
            side.encoder, data.task, train, {"aa": test}, seeds=(3,), layers=LAYERS, training=SHORT
        )
    }
    seen = set()
    for row in rows:
        if row.condition in ("none", "procrustes", "least_squares", "joint", "joint_procrustes"):
            seen.add((row.condition, row.target))
            assert row.score.value == plain[row.layer, row.score.metric], row
    assert {("none", "aa"), ("none", "bb"), ("procrustes", "bb"), ("joint", "aa"), ("joint", "bb")} <= seen


def test_a_rotated_encoder_is_read_as_well_once_it_is_mapped(
    side: Side, same_sentences: Material, treebanks: Path
) -> None:
    data = task_data(treebanks, "upos")
    options = Aligning(layers=LAYERS, training=ProbeTraining(epochs=10, batch_size=8))
    rows = list(transfer(side, turned(side), same_sentences, data, options))
    values = {(row.condition, row.target, row.layer): row.score.value for row in rows}
    for layer in LAYERS:
        own = values["none", "aa", layer]
        assert own > 0.9
        assert values["procrustes", "bb", layer] == own
        assert values["rotation", "bb", layer] < own - 0.2
        assert values["none", "bb", layer] < own - 0.2


def test_a_network_with_layers_of_its_own_is_trained_and_mapped(
    side: Side, same_sentences: Material, treebanks: Path
) -> None:
    data = task_data(treebanks, "upos")
    training = ProbeTraining(epochs=10, batch_size=8, learning_rate=3e-3)
    options = Aligning(layers=(4,), maps="procrustes", network_layers=2, training=training)
    rows = list(transfer(side, turned(side), same_sentences, data, options))
    values = {(row.condition, row.target): row.score.value for row in rows}
    assert values["none", "aa"] > 0.8
    assert values["procrustes", "bb"] == pytest.approx(values["none", "aa"], abs=0.03)
    assert Aligning(network_layers=4).network_training.learning_rate == 1e-3
