"""A run keeps what each sentence contributes beside its record, and nothing else changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import Reset
from layerlab.ablation.sweep import sweep
from layerlab.analysis.records.tidy import load_records
from layerlab.analysis.sentences.bootstrap import hierarchical_bootstrap
from layerlab.analysis.sentences.counts import load_counts
from layerlab.data.catalog.corpus import find_corpus, load_corpus
from layerlab.errors import RecordsError
from layerlab.finetuning.evaluation import predict
from layerlab.nodes.kinds.evaluation.fitted import load_fitted
from layerlab.nodes.kinds.evaluation.sentence_counts import write_run_counts
from layerlab.nodes.node import Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study
from layerlab.tasks.corpora import encode_corpus
from layerlab.tasks.task import Score
from layerlab.training.events import silent
from tests.fixtures.command_line import Call


@pytest.fixture(scope="module")
def study(
    treebanks: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Study, Path]:
    """A study of three tasks with a language and a domain as targets, carried out: 12 runs."""
    root = tmp_path_factory.mktemp("data") / "banks"
    shutil.copytree(treebanks, root)
    for ending in ("conllu", "iob2"):
        (root / f"aa/Zoo.{ending}").write_bytes((root / f"aa/dev.{ending}").read_bytes())
    made = Study.model_validate(
        {
            "name": "counted",
            "models": [str(tiny_encoder)],
            "tasks": ["upos", "ner", "parsing"],
            "data": {"root": str(root)},
            "sources": ["aa"],
            "targets": ["bb", "aa:Zoo"],
            "seeds": [0, 1],
            "ablations": [Ablation.none(), *sweep("after", Reset, windows=4)],
            "training": {"epochs": 1, "learning_rate": 1e-3, "batch_size": 16},
            "keep": "all",
        }
    )
    folder = tmp_path_factory.mktemp("results") / "counted"
    outcome = made.plan().run(folder, workers=0, progress=False)
    assert outcome.good, outcome.status.failures
    return made, folder


def copied(study: tuple[Study, Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(study[1], tmp_path / "copy"))


def test_the_counts_of_every_run_target_and_metric_give_the_recorded_score(
    study: tuple[Study, Path],
) -> None:
    records, counts = load_records(study[1]), load_counts(study[1])
    sums = counts.groupby(["run_id", "target", "metric"], observed=True)[["hits", "total"]].sum()
    by_score = dict(zip(sums.index, sums.itertuples(index=False, name=None), strict=True))
    assert len(by_score) == len(records) == 12 * 3 * (1 + 4 + 3) / 3
    for row in records.to_dict("records"):
        hits, total = by_score[row["run_id"], row["target"], row["metric"]]
        assert row["value"] == (hits / total if total else 0.0)
        if row["metric"] in ("accuracy", "las", "uas", "span_recall"):
            assert row["n"] == total
    assert counts.groupby(["run_id", "target", "metric"], observed=True).size().unique().tolist() == [16]


def test_they_are_of_the_sentences_in_the_order_of_the_corpus(study: tuple[Study, Path]) -> None:
    made, folder = study
    store, (run, *_) = Store(folder), made.plan().select(task="upos", ablation="none").runs
    fitted = load_fitted(Work(store, WorkSettings(device="cpu"), silent), run.fit)
    counts = load_counts(folder, metrics=["accuracy"])
    for target in ("aa", "bb", "aa:Zoo"):
        read = load_corpus(find_corpus(run.data, "upos", fitted.task.formats, target, "test"))
        corpus = encode_corpus(fitted.task, read, fitted.labels, fitted.tokenizer_of(target), 64)
        decoded = predict(fitted.model, fitted.task, corpus, next(fitted.model.parameters()).device)
        right = [0] * len(corpus.sentences)
        for sentence, word, label in decoded:
            right[sentence] += corpus.labels[label] == corpus.sentences[sentence].upos[word]
        own = counts[(counts["run_id"] == run.id) & (counts["target"] == target)].sort_values("sentence")
        assert own["hits"].tolist() == right
        assert own["total"].tolist() == [len(sentence.words) for sentence in corpus.sentences]


def forget_counts(run: Path) -> None:
    """Leave a run as older versions did: without counts, and without sums of its files in the record."""
    (run / "counts.parquet").unlink()
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    plain = {key: value for key, value in record.items() if key not in ("files", "check")}
    (run / "record.json").write_text(json.dumps(plain), encoding="utf-8")


def test_a_study_without_its_counts_is_as_complete_as_before(
    study: tuple[Study, Path], tmp_path: Path
) -> None:
    """Counts change no id, and results of older versions, which have none, stay valid."""
    made, folder = study[0], copied(study, tmp_path)
    before = load_records(folder)
    for path in folder.glob("runs/*"):
        forget_counts(path)
    outcome = made.plan().run(folder, workers=0, progress=False)
    assert outcome.good
    assert outcome.n_new == 0
    pd.testing.assert_frame_equal(load_records(folder), before)
    with pytest.raises(RecordsError, match="none of its 12 complete runs has counts"):
        load_counts(folder)


def test_the_evaluation_alone_is_repeated_to_get_counts(study: tuple[Study, Path], tmp_path: Path) -> None:
    made, folder = study[0], copied(study, tmp_path)
    shutil.rmtree(folder / "runs")
    plan = made.plan().select(task="upos")
    assert plan.run(folder, workers=0, progress=False).n_new == 4
    own = set(load_records(folder)["run_id"])
    there = load_counts(study[1])
    there = there[there["run_id"].isin(own)]
    pd.testing.assert_frame_equal(
        load_counts(folder).sort_values(["run_id", "target", "sentence"], ignore_index=True).astype(str),
        there.sort_values(["run_id", "target", "sentence"], ignore_index=True).astype(str),
    )


def test_the_table_shows_intervals_over_seeds_and_sentences(
    study: tuple[Study, Path], tmp_path: Path, call: Call
) -> None:
    code, text, _ = call("table", study[1], "--interval", "bootstrap")
    assert code == 0
    assert "joint resamples of seeds and of test sentences" in text
    assert "UPOS from aa across domains" in text
    assert "aa:Zoo - aa" in text
    code, _, _ = call("records", study[1], "--counts", "-o", tmp_path / "counts.parquet")
    assert code == 0
    call("records", study[1], "-o", tmp_path / "records.csv")
    code, published, _ = call("table", tmp_path, "--interval", "bootstrap")
    assert sorted(published.splitlines()) == sorted(text.splitlines()), "files are sorted by run"
    code, _, error = call("table", study[1], "--interval", "boot")
    assert (code, error) == (
        2,
        "error: unknown interval 'boot'; did you mean 'bootstrap'? Known: bootstrap, hierarchical, t\n",
    )


def test_a_study_without_counts_says_so_when_sentences_should_be_resampled(
    study: tuple[Study, Path], tmp_path: Path, call: Call
) -> None:
    folder = copied(study, tmp_path)
    _, text, _ = call("table", folder, "--interval", "t")
    code, both, _ = call("table", folder)
    assert (code, "intervals over seeds and test sentences" in both) == (0, True)
    runs = sorted(folder.glob("runs/*"))
    forget_counts(runs[0])
    code, _, error = call("table", folder, "--interval", "bootstrap")
    assert (code, "effects have runs without counts of sentences" in error) == (2, True)
    for run in runs[1:]:
        forget_counts(run)
    code, _, error = call("table", folder, "--interval", "bootstrap")
    assert (code, "none of its 12 complete runs has counts of sentences" in error) == (2, True)
    assert call("table", folder) == (0, text, "")


def test_what_a_study_leaves_beside_its_runs_gives_its_tables_without_them(
    study: tuple[Study, Path], tmp_path: Path, call: Call
) -> None:
    _, text, _ = call("table", study[1], "--effects")
    for name in ("records.csv", "counts.npz"):
        shutil.copy(study[1] / name, tmp_path / name)
    code, published, _ = call("table", tmp_path, "--effects")
    assert code == 0
    assert sorted(published.splitlines()) == sorted(text.splitlines()), "files are sorted by run"
    assert "over seeds and test sentences" in text


def test_an_interval_holds_its_effect(study: tuple[Study, Path]) -> None:
    records, counts = load_records(study[1]), load_counts(study[1])
    effect = hierarchical_bootstrap(records, counts, resamples=499)
    known = effect[effect["low"].notna()]
    assert len(known)
    assert (known["low"] <= known["effect"] + 1e-9).all()
    assert (known["effect"] <= known["high"] + 1e-9).all()


def test_scores_without_counts_leave_no_file(tmp_path: Path) -> None:
    assert write_run_counts(tmp_path, [("de", Score("mine", 0.5, 2))]) is None
    assert not list(tmp_path.iterdir())
