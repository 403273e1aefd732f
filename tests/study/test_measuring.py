"""Measures are part of a run: they agree with those of `layerlab measure`, and scores stay what they were."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import Reset, Skip
from layerlab.analysis.effects.sensitivity import aggregate, sensitivity, transfer_gap
from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.analysis.significance.effects import significance
from layerlab.data.formats.bitext_files import read_bitexts
from layerlab.errors import RecordsError
from layerlab.measures.bitext_alignment import measure_alignment
from layerlab.measures.cka_change import measure_change
from layerlab.measures.drift import weight_drift
from layerlab.measures.states import sentence_states
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import load_tokenizer
from layerlab.nodes.kinds.evaluation import layer_scores, reference
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study

WORDS = {
    "aa": ["mira", "tola", "pesa", "gati", "leki"],
    "bb": ["miros", "tolos", "pesos", "gatun", "lekun"],
    "cc": ["мира", "тола", "песа", "гати", "леки"],
}
NAMES = ["cka", "cka_rbf", "anc", "retrieval", "change", "change_cka_biased", "drift"]
CONTROLLED = """
name: measured
models: [minimbert-controlled]
tasks: [upos]
data: {controlled: {family: instrument, train: 48, dev: 16, test: 16, seed: 1}}
sources: [ilda]
targets: [jora, pelu]
measures: {names: [cka, retrieval, anc, change, drift], sentences: 24}
ablations: [none, {name: rewound, after: [{reset: {layers: all, to: pretrained}}]}]
training: {epochs: 1, learning_rate: 1e-3, batch_size: 24}
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Parallel sentences of the invented languages: 24, of four words each."""
    path = tmp_path_factory.mktemp("parallel") / "invented.tsv"
    rows = ["\t".join(WORDS)]
    for index in range(24):
        places = random.Random(index).choices(range(5), k=4)
        rows.append("\t".join(" ".join(words[place] for place in places) for words in WORDS.values()))
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def results(
    table: Path, treebanks: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A study of four ablations in this process, with every measure."""
    folder = tmp_path_factory.mktemp("measured") / "r"
    study = measured_study(treebanks, tiny_encoder, table)
    outcome = study.plan().run(folder, workers=0, progress=False)
    assert outcome.good, outcome.status.failures
    return folder


def measured_study(treebanks: Path, tiny_encoder: Path, table: Path, **changes: Any) -> Study:
    ablations = [
        Ablation.none(),
        Ablation(name="random", before=(Reset("0-1", to="random"),)),
        Ablation(name="rewound", after=(Reset("all", to="pretrained"),)),
        Ablation(name="skipped", after=(Skip("3"),)),
    ]
    fields: dict[str, Any] = {
        "name": "measured",
        "models": [str(tiny_encoder)],
        "tasks": ["upos"],
        "data": {"root": str(treebanks)},
        "sources": ["aa"],
        "targets": ["bb", "cc"],
        "ablations": ablations,
        "measures": {"names": NAMES, "parallel": str(table), "sentences": 20},
        "keep": "all",
        "training": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 8},
    }
    return Study.model_validate({**fields, **changes})


@pytest.fixture
def frame(results: Path) -> pd.DataFrame:
    return load_records(results)


def values_of(frame: pd.DataFrame, metric: str, ablation: str = "none") -> Any:
    rows = frame[(frame["metric"] == metric) & (frame["ablation"] == ablation)]
    return rows.set_index(["target", "layer"])["value"].sort_index()


def test_every_run_has_every_measure_at_every_level(frame: pd.DataFrame) -> None:
    measured = frame[frame["layer"].notna()]
    assert not measured.duplicated(["run_id", "target", "split", "metric", "layer"]).any()
    counts = measured.groupby(["metric", "ablation"]).size()
    for ablation in ("none", "random", "rewound", "skipped"):
        assert counts["cka", ablation] == counts["retrieval_backward", ablation] == 2 * 5
        assert counts["change_cka", ablation] == 3 * 5
        assert (counts["drift", ablation], counts["drift_ffn", ablation]) == (5, 4)
    assert set(measured[measured["metric"] == "anc"]["target"]) == {"bb", "cc"}
    assert set(measured[measured["metric"] == "change_cka"]["target"]) == {"aa", "bb", "cc"}
    weights = measured["metric"].str.startswith("drift")
    assert set(measured[~weights]["n"]) == {20}
    assert set(measured[~weights]["split"]) == {"parallel"}
    assert set(measured[weights]["split"]) == {"weights"}
    assert set(measured[weights]["target"]) == {"aa"}


def test_the_pretrained_encoder_is_measured_beside_the_baseline_alone(frame: pd.DataFrame) -> None:
    before = frame[frame["metric"].str.endswith("_pretrained")]
    assert set(before["ablation"]) == {"none"}
    assert set(before["metric"]) == {
        f"{name}_pretrained"
        for name in ("cka", "cka_rbf", "anc", "retrieval", "retrieval_forward", "retrieval_backward")
    }


def test_values_are_those_of_the_models_on_disk(
    frame: pd.DataFrame, results: Path, table: Path, tiny_encoder: Path
) -> None:
    bitexts = read_bitexts(table, (), "aa", sentences=20)
    texts = {one.target: one.targets for one in bitexts} | {"aa": bitexts[0].sources}
    for ablation in ("none", "random"):
        fit = frame[frame["ablation"] == ablation]["fit_id"].iloc[0]
        model = Store(results).folder("fit", fit) / "model"
        again = measure_alignment(model, bitexts, measures=("cka", "cka_rbf", "anc", "retrieval"))
        change = measure_change(tiny_encoder, model, texts, label="x")
        for name, part in pd.concat([again, change]).groupby("metric"):
            expected = part.set_index(["target", "layer"])["value"].sort_index()
            found = values_of(frame, str(name), ablation)
            assert found.to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-5), (name, ablation)
        encoders = (Encoder.from_pretrained(str(folder)) for folder in (tiny_encoder, model))
        drift = {(one.layer, one.component): one.distance for one in weight_drift(*encoders)}
        found = values_of(frame, "drift_attention", ablation)["aa"]
        assert found.to_numpy() == pytest.approx([drift[i, "attention"] for i in range(1, 5)])
    before = measure_alignment(tiny_encoder, bitexts, measures=("anc",))
    expected = before.set_index(["target", "layer"])["value"].sort_index()
    assert values_of(frame, "anc_pretrained").to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-5)


def test_interventions_after_fine_tuning_are_in_place(frame: pd.DataFrame) -> None:
    assert values_of(frame, "change_cka", "rewound").loc[:, 1:].to_numpy() == pytest.approx(1, abs=1e-2)
    drift = values_of(frame, "drift", "rewound")["aa"]
    assert drift[0] > 0  # the embeddings were not rewound
    assert (drift[1:] == 0).all()
    skipped, plain = values_of(frame, "cka", "skipped"), values_of(frame, "cka")
    assert skipped.loc[:, :3].to_numpy() == pytest.approx(plain.loc[:, :3].to_numpy(), abs=1e-6)
    for language in ("bb", "cc"):  # layer 3 passes on what it is given
        assert skipped[language, 4] == pytest.approx(skipped[language, 3], abs=1e-6)
    assert values_of(frame, "drift_ffn", "random")["aa"][1] > 1 > values_of(frame, "drift_ffn")["aa"][1]


def test_scores_are_analysed_without_the_measures(
    frame: pd.DataFrame, treebanks: Path, tiny_encoder: Path, table: Path, tmp_path: Path
) -> None:
    study = measured_study(treebanks, tiny_encoder, table, measures=None)
    assert study.plan().run(tmp_path / "r", workers=0, progress=False).good
    scores = load_records(tmp_path / "r")
    assert scores["layer"].isna().all()
    kept = frame[frame["layer"].isna()]
    columns = ["ablation", "target", "metric", "value"]
    assert kept[columns].values.tolist() == scores[columns].values.tolist()
    for analyse in (sensitivity, significance, transfer_gap):
        with_measures, without = analyse(frame), analyse(scores)
        drop = [name for name in ("run_id",) if name in without]
        pd.testing.assert_frame_equal(
            with_measures.drop(columns=drop), without.drop(columns=drop), check_like=True
        )
    means = aggregate(frame)
    assert len(means[means["layer"].isna()]) == len(aggregate(scores))
    with pytest.raises(RecordsError, match="unknown metric 'cka'; Known: accuracy"):
        sensitivity(frame, "cka")


def test_neighbouring_layers_and_poolings_of_their_own_are_measured_beside_the_others(
    treebanks: Path, tiny_encoder: Path, table: Path, tmp_path: Path
) -> None:
    names = ["cka", "cka_muller", "step_cka", "cosine"]
    measures = {"names": names, "parallel": str(table), "sentences": 20}
    ablations = [Ablation.none(), Ablation(name="skipped", after=(Skip("3"),))]
    study = measured_study(treebanks, tiny_encoder, table, ablations=ablations, measures=measures)
    for shortcuts in ("none", "shared-prefix"):
        assert study.plan().run(tmp_path / shortcuts, workers=0, progress=False, shortcuts=shortcuts).good
    frame = load_records(tmp_path / "none")
    pd.testing.assert_frame_equal(frame, load_records(tmp_path / "shared-prefix"), rtol=1e-6, atol=1e-7)
    steps = values_of(frame, "step_cka")
    assert set(steps.index) == {(name, layer) for name in ("aa", "bb", "cc") for layer in range(1, 5)}
    assert set(values_of(frame, "step_cka_pretrained").index) == set(steps.index)
    assert values_of(frame, "step_cka", "skipped")["bb", 4] == pytest.approx(1)  # layer 3 passes on its input
    read = read_bitexts(table, ["bb"], "aa", sentences=20)
    expected = measure_alignment(tiny_encoder, read, measures=names).set_index(["metric", "target", "layer"])
    for metric in names:
        for level in (1, 4):
            found = values_of(frame, f"{metric}_pretrained")["bb", level]
            assert found == pytest.approx(expected["value"][metric, "bb", level], abs=1e-5)


def test_texts_are_encoded_once_a_run_and_once_a_process_for_the_pretrained_encoder(
    treebanks: Path, tiny_encoder: Path, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[Any] = []
    real = sentence_states

    def counting(encoder: Encoder, texts: Any, *rest: Any, **named: Any) -> Any:
        encoded.append((id(encoder.base), tuple(texts)))
        return real(encoder, texts, *rest, **named)

    for module in (layer_scores, reference):
        monkeypatch.setattr(module, "sentence_states", counting)
    reference._load_reference.cache_clear()
    ablations = [Ablation.none(), Ablation(name="rewound", after=(Reset("0", to="pretrained"),))]
    study = measured_study(treebanks, tiny_encoder, table, seeds=[0, 1], ablations=ablations)  # 4 runs
    assert study.plan().run(tmp_path / "r", workers=0, progress=False, shortcuts="none").good
    assert len(encoded) == 4 * 3 + 3


def test_runs_that_share_layers_measure_what_they_measure_alone(
    treebanks: Path, tiny_encoder: Path, table: Path, tmp_path: Path
) -> None:
    ablations = [
        Ablation.none(),
        Ablation(name="rewound", after=(Reset("1-2", to="pretrained"),)),
        Ablation(name="words", after=(Reset("embeddings", to="pretrained"),)),
        Ablation(name="top", after=(Skip("3"),)),
    ]
    study = measured_study(treebanks, tiny_encoder, table, ablations=ablations)
    for shortcuts in ("none", "shared-prefix"):
        assert study.plan().run(tmp_path / shortcuts, workers=0, progress=False, shortcuts=shortcuts).good
    plain, shared = load_records(tmp_path / "none"), load_records(tmp_path / "shared-prefix")
    assert set(plain["metric"]) >= {"cka", "change_cka", "drift", "cka_pretrained"}
    pd.testing.assert_frame_equal(plain, shared, rtol=1e-6, atol=1e-7)


def test_old_states_of_the_pretrained_encoder_make_room(
    tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder.from_pretrained(str(tiny_encoder))
    pretrained, tokenizer = reference.Reference(encoder), load_tokenizer(str(tiny_encoder))
    one = 5 * 2 * 32 * 4  # levels x sentences x width x bytes
    monkeypatch.setattr(reference, "KEPT_BYTES", 2 * one)
    texts = {name: [f"{name} tola", "mira ."] for name in "abc"}
    device = encoder.base.device
    for name in "abac":
        states = pretrained.states_of(texts[name], "aa", name, "mean", tokenizer, device)
        assert states.nbytes == one
    assert [digest for digest, *_ in pretrained.states] == ["a", "c"]


def test_controlled_languages_are_measured_end_to_end(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(CONTROLLED, encoding="utf-8")
    study = Study.from_yaml(tmp_path / "study.yaml")
    outcome = study.plan().run(tmp_path / "r", workers=0, progress=False)
    assert outcome.good, outcome.status.failures
    frame = load_records(tmp_path / "r")
    assert frame["value"].notna().all()
    measured = frame[frame["layer"].notna()]
    assert set(measured["layer"]) == set(range(13))
    fractions = measured[measured["metric"].str.contains("retrieval")]["value"]
    assert fractions.between(0, 1).all()
    before, after = values_of(frame, "cka_pretrained"), values_of(frame, "cka")
    assert not np.allclose(before.to_numpy(), after.to_numpy(), atol=1e-6)
    # ilda and jora are kin, pelu is not.
    assert before["jora"].mean() > before["pelu"].mean()
    nodes = load_nodes(tmp_path / "r")
    assert (nodes[nodes["kind"] == "run"]["measuring_seconds"] > 0).all()
    again = Study.from_yaml(tmp_path / "r" / "study.yaml").plan()
    assert again.run(tmp_path / "r", workers=0, progress=False).n_new == 0
