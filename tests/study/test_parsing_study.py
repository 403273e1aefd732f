"""A study of parsing: ablations before and after fine-tuning, from a YAML file to records."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.nodes.store.store import Store
from layerlab.study.study import Study
from layerlab.tasks.task import get_task

STUDY = """
name: small-parsing
models: [{model}]
tasks: [parsing]
data: {{root: {data}}}
sources: [aa]
targets: [aa, bb, cc]
seeds: [0]
ablations:
  - none
  - {{sweep: {{windows: 4}}, before: [{{reset: {{to: random}}}}]}}
  - {{name: skipped, after: [{{skip: {{layers: 0-3}}}}]}}
training: {{epochs: 3, learning_rate: 1e-3, batch_size: 8}}
"""


@pytest.fixture(scope="module")
def languages(treebanks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The invented treebanks with trees that depend on the words; relations of cc are partly its own."""
    root = tmp_path_factory.mktemp("trees") / "ud"
    shutil.copytree(treebanks, root)
    for path in root.glob("*/*.conllu"):
        blocks = path.read_text(encoding="utf-8").strip().split("\n\n")
        path.write_text("".join(attach(block, path.parent.name) for block in blocks), encoding="utf-8")
    return root


def attach(block: str, language: str) -> str:
    """Hang nouns on the verb, determiners on the next noun, and the verb on the root."""
    comment, *lines = block.split("\n")
    rows = [line.split("\t") for line in lines]
    tags = [row[3] for row in rows]
    verb = tags.index("VERB") + 1
    n_arguments = 0
    for number, row in enumerate(rows, 1):
        if row[3] == "VERB":
            row[6:8] = ["0", "root"]
        elif row[3] == "DET":
            row[6:8] = [str(number + 1), "clf" if language == "cc" else "det"]
        elif row[3] == "PUNCT":
            row[6:8] = [str(verb), "punct"]
        else:
            n_arguments += 1
            row[6:8] = [str(verb), "nsubj" if n_arguments == 1 else "obj:own"]
    return "\n".join([comment, *("\t".join(row) for row in rows)]) + "\n\n"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, languages: Path) -> Path:
    """The results of the study, run once."""
    folder = tmp_path_factory.mktemp("parsing")
    (folder / "study.yaml").write_text(STUDY.format(model=tiny_encoder, data=languages), encoding="utf-8")
    outcome = Study.from_yaml(folder / "study.yaml").plan().run(folder / "r", workers=0, progress=False)
    assert outcome.good, outcome.status.failures
    return folder / "r"


def history_of(results: Path, fit: str) -> list[dict[str, Any]]:
    record = json.loads((Store(results).folder("fit", fit) / "record.json").read_text(encoding="utf-8"))
    return list(record["node"]["history"])


def test_a_study_of_parsing_gives_three_metrics_a_run_and_target(results: Path, languages: Path) -> None:
    frame = load_records(results)
    assert len(frame) == 3 * 3 * 3
    assert set(frame["metric"]) == {"las", "uas", "clas"}
    assert set(frame["ablation"]) == {"none", "reset(0-3)@before", "skipped"}
    assert frame["value"].between(0, 1).all()
    wide = frame.pivot_table(index=["run_id", "target"], columns="metric", values="value")
    assert (wide["las"] <= wide["uas"]).all()
    n_words = sum(line[:1].isdigit() for line in (languages / "bb/test.conllu").read_text().split("\n"))
    assert set(frame[(frame["target"] == "bb") & frame["metric"].isin(["las", "uas"])]["n"]) == {n_words}


def test_the_source_is_learnt_and_relations_that_it_lacks_are_wrong(results: Path) -> None:
    frame = load_records(results)
    scores = frame[frame["ablation"] == "none"]
    by = scores.set_index(["target", "metric"])["value"]
    assert by["aa", "las"] > 0.7
    # A third of the words of cc are determiners, whose relation is called otherwise there.
    assert by["cc", "las"] < 0.67


def test_ablations_change_losses_or_scores_and_share_fits_where_they_come_after(results: Path) -> None:
    frame = load_records(results)
    fits = frame.groupby("ablation")["fit_id"].agg(set)
    assert fits["none"] == fits["skipped"]
    losses = {fit: history_of(results, fit)[0]["loss"] for fit in set(frame["fit_id"])}
    assert len(losses) == len(set(losses.values())) == 2
    wide = frame.pivot_table(index=["metric", "target"], columns="ablation", values="value")
    assert (wide["skipped"] != wide["none"]).any()
    effect = sensitivity(frame)
    assert set(effect["metric"]) >= {"las"}
    assert set(effect["quantity"]) == {"source_drop", "zero_shot_drop", "gap_change"}


def test_fits_keep_the_head_labels_and_words_that_were_cut(results: Path) -> None:
    nodes = load_nodes(results)
    assert len(nodes) == 2 + 3
    store = Store(results)
    fit = load_records(results)["fit_id"].iloc[0]
    labels = json.loads((store.folder("fit", fit) / "labels.json").read_text(encoding="utf-8"))["labels"]
    assert labels == ["det", "nsubj", "obj", "punct", "root"]
    history = json.loads((store.folder("fit", fit) / "record.json").read_text(encoding="utf-8"))["node"][
        "history"
    ]
    assert all(set(entry["dev"]) == {"las", "uas", "clas"} for entry in history)


def test_a_second_plan_finds_everything_done(results: Path) -> None:
    study = Study.from_yaml(results.parent / "study.yaml")
    assert study.plan().run(results, workers=0, progress=False).n_new == 0
    assert get_task("parsing").metric == "las"


def test_sentences_too_long_for_the_input_are_recorded(
    tmp_path: Path, tiny_encoder: Path, languages: Path
) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(model=tiny_encoder, data=languages), encoding="utf-8")
    overrides = [
        "training.max_length=8",
        "training.epochs=1",
        "seeds=[0]",
        "ablations=[none]",
        "targets=[aa]",
    ]
    outcome = Study.from_yaml(path, overrides).plan().run(tmp_path / "r", workers=0, progress=False)
    assert outcome.good
    frame: pd.DataFrame = load_records(tmp_path / "r")
    (record,) = (tmp_path / "r" / "runs").glob("*/record.json")
    target = json.loads(record.read_text(encoding="utf-8"))["node"]["targets"]["aa"]
    cut, n_words = target["n_windowed_words"], target["n_words"]
    assert 0 < cut < n_words
    uas = frame[frame["metric"] == "uas"].iloc[0]
    assert uas["n"] == n_words
    assert uas["value"] <= 1 - cut / n_words
