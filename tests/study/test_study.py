from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError
from transformers import AutoConfig, BertModel

import layerlab as ll
from layerlab.errors import StudyError
from layerlab.study.study import Study

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


def ids(study: Study) -> list[str]:
    plan = study.plan(check=False)
    return [job.id for job in plan.fits] + [job.id for job in plan.runs]


def test_yaml_and_python_give_the_same_ids(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    in_python = ll.Study(
        name="same",
        models=[str(tiny_encoder)],
        tasks=["upos"],
        data={"root": str(treebanks)},
        sources=["aa"],
        targets=["aa", "bb"],
        seeds=[0, 1, 2],
        ablations=[
            ll.Ablation.none(),
            *ll.sweep("before", ll.Reset, windows=2),
            *ll.sweep("after", ll.Reset, windows=1, to="pretrained"),
        ],
        training=ll.Training(epochs=3, learning_rate=5e-5, batch_size=32),
    )
    path = tmp_path / "study.yaml"
    path.write_text(
        f"""\
name: same
models: {tiny_encoder}
tasks: upos
data: {{root: {treebanks}}}
sources: aa
targets: [aa, bb]
seeds: [0, 1, 2]
ablations:
  - none
  - {{sweep: {{windows: 2}}, before: [{{reset: {{to: random}}}}]}}
  - {{sweep: {{windows: 1}}, after: [{{reset: {{to: pretrained}}}}]}}
training: {{epochs: 3, learning_rate: 5e-5, batch_size: 32}}
""",
        encoding="utf-8",
    )
    assert ids(in_python) == ids(Study.from_yaml(path))


def test_post_hoc_ablations_share_their_fit(study: Study) -> None:
    plan = study.plan(check=False)
    assert repr(plan) == "<Plan small: 8 runs over 6 fits>"
    fits = {(run.columns["ablation"], run.columns["seed"]): run.fit for run in plan.runs}
    assert fits["rewind", 0] == fits["none", 0]
    assert fits["reset(0-1)@before", 0] != fits["none", 0]


def test_paths_and_spelling_of_a_selection_do_not_change_the_identity(study: Study, tmp_path: Path) -> None:
    named = {"one": "0-1", "two": "first:2"}
    found = []
    for name, layers in named.items():
        ablation = ll.Ablation(name=name, before=(ll.Reset(layers),))
        found.append(ids(study.model_copy(update={"ablations": (ablation,)})))
    assert found[0] == found[1]
    moved = tmp_path / "moved"
    moved.symlink_to(study.data_for("upos").root or "")
    assert ids(study.model_copy(update={"data": ll.DataSpec(root=moved)})) == ids(study)


def test_a_changed_corpus_changes_the_identity(study: Study, treebanks: Path, tmp_path: Path) -> None:
    shutil.copytree(treebanks, tmp_path / "data")
    copied = study.model_copy(update={"data": ll.DataSpec(root=tmp_path / "data")})
    assert ids(copied) == ids(study)
    dev = tmp_path / "data/aa/dev.conllu"
    dev.write_text(dev.read_text(encoding="utf-8").replace("mira", "mora"), encoding="utf-8")
    assert not set(ids(copied)) & set(ids(study))


def test_twins_are_refused(study: Study) -> None:
    twins = tuple(ll.Ablation(name=n, after=(ll.Reset(s),)) for n, s in (("a", "0"), ("b", "first:1")))
    with pytest.raises(StudyError, match="does the same as ablation 'a'"):
        study.model_copy(update={"ablations": twins}).plan(check=False)


def test_a_missing_baseline_is_noted(study: Study) -> None:
    alone = study.model_copy(update={"ablations": (ll.Ablation(name="a", before=(ll.Reset("0"),)),)})
    assert "no ablation is the baseline" in alone.plan(check=False).describe()


def test_donors_in_a_circle_are_refused(study: Study) -> None:
    circle = (
        ll.Ablation(name="a", before=(ll.Swap("0", donor=ll.FitDonor(ablation="b")),)),
        ll.Ablation(name="b", before=(ll.Swap("0", donor=ll.FitDonor(ablation="a")),)),
    )
    with pytest.raises(StudyError, match="in a circle: b -> a -> b|in a circle: a -> b -> a"):
        study.model_copy(update={"ablations": circle}).plan(check=False)


def test_the_source_is_always_evaluated_and_stands_first(study: Study) -> None:
    assert study.model_copy(update={"targets": ("cc", "bb")}).targets_for("aa") == ("aa", "cc", "bb")


def test_a_selection_keeps_the_fits_that_it_needs(study: Study) -> None:
    plan = study.plan(check=False).select(ablation="rewind", seed=1)
    assert (len(plan.runs), len(plan.fits)) == (1, 1)


def test_a_name_that_is_no_directory_is_refused(study: Study) -> None:
    with pytest.raises(ValidationError, match="name"):
        Study.model_validate({**study.model_dump(), "name": "../x"})


def test_folders_that_are_called_the_same_are_told_apart(
    study: Study, tiny_encoder: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        shutil.copytree(tiny_encoder, tmp_path / name / "tiny")
    config = tmp_path / "two" / "tiny" / "config.json"
    config.write_text(config.read_text(encoding="utf-8").replace("}", " }"), encoding="utf-8")
    models = (str(tmp_path / "one/tiny"), str(tmp_path / "two/tiny"))
    plan = study.model_copy(update={"models": models}).plan(check=False)
    assert {run.columns["model"] for run in plan.runs} == {"one/tiny", "two/tiny"}
    with pytest.raises(StudyError, match=r"models\[1\]: .* is the same checkpoint as"):
        study.model_copy(update={"models": (str(tiny_encoder), models[0])}).plan(check=False)


def test_a_donor_of_another_width_is_known_before_training(
    study: Study, tiny_encoder: Path, tmp_path: Path
) -> None:
    config = AutoConfig.from_pretrained(tiny_encoder, hidden_size=48)
    BertModel(config).save_pretrained(tmp_path)
    bad = ll.Ablation(name="bad", after=(ll.Swap("0", donor=str(tmp_path)),))
    with pytest.raises(StudyError, match="a bert of width 48, .* a bert of width 32"):
        study.model_copy(update={"ablations": (bad,)}).plan(check=False)


def test_data_of_a_task_that_is_not_there_is_refused(study: Study, treebanks: Path) -> None:
    data = {"upso": ll.DataSpec(root=treebanks)}
    with pytest.raises(StudyError, match="data.upso: unknown task of this study 'upso'; did you mean 'upos'"):
        study.model_copy(update={"data": data}).plan(check=False)


def test_a_selection_of_what_is_not_there_is_refused(study: Study) -> None:
    plan = study.plan(check=False)
    with pytest.raises(StudyError, match="unknown column 'ablaton'; did you mean 'ablation'"):
        plan.select(ablaton="none")
    with pytest.raises(StudyError, match="unknown ablation 'rewnd'; did you mean 'rewind'"):
        plan.select(ablation="rewnd")


# Each is read in a fork of a process that has loaded no other, which is as fresh as a process of its own.
READING = """
import os, sys
import layerlab as ll
ll.Study
for path in sys.argv[1:]:
    if os.fork() == 0:
        print(path, len(ll.Study.from_yaml(path).ablations), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def read_afresh() -> tuple[dict[str, int], str]:
    """Return the number of ablations of each experiment that could be read, and what was said of others."""
    command = [sys.executable, "-c", READING, *map(str, EXPERIMENTS.glob("*.yaml"))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = [line.rpartition(" ") for line in done.stdout.splitlines()]
    return {path: int(n) for path, _, n in found}, done.stderr


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_experiments_read_in_a_fresh_process(path: Path, read_afresh: tuple[dict[str, int], str]) -> None:
    read, said = read_afresh
    assert read.get(str(path), 0) > 0, said
