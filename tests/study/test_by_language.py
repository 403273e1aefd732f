"""Studies of a checkpoint with parts by language: shared parts are tuned, each target is read by its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset, Skip, Swap, Unfreeze
from layerlab.errors import StudyError
from layerlab.models.encoder import Encoder
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.kinds.run import Run
from layerlab.study.study import Study
from tests.fixtures.by_language import SPOKEN, is_lower, save_spoken
from tests.fixtures.studies import make_study, run


def small(treebanks: Path, spoken: Path, **changes: Any) -> Study:
    plain: dict[str, Any] = {"seeds": [0], "ablations": [Ablation.none()], "keep": "all"}
    return make_study(treebanks, spoken, **{**plain, **changes})


def scores(folder: Path, study: Study) -> dict[tuple[str, str], float]:
    """Scores by ablation and target."""
    found = {}
    for node in study.plan().of(Run):
        record = json.loads((folder / "runs" / node.id / "record.json").read_text(encoding="utf-8"))
        for row in record["scores"]:
            if row["metric"] == "accuracy":
                found[node.columns["ablation"], row["target"]] = row["value"]
    return found


def weights(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    own = {name: load_file(folder / "languages" / name / "own.safetensors") for name in SPOKEN}
    return {**own, "shared": load_file(folder / "shared.safetensors")}


def test_what_languages_have_of_their_own_is_frozen_bit_for_bit_and_the_rest_is_tuned(
    treebanks: Path, spoken: Path, tmp_path: Path
) -> None:
    study = small(treebanks, spoken)
    run(study, tmp_path)
    (fit,) = study.plan().of(Fit)
    before, after = weights(spoken), weights(tmp_path / "fits" / fit.id / "model")
    for language in SPOKEN:
        assert all(torch.equal(after[language][name], value) for name, value in before[language].items())
    unchanged = [
        name for name, value in before["shared"].items() if torch.equal(after["shared"][name], value)
    ]
    assert set(unchanged) <= {"pooler.dense.weight", "pooler.dense.bias"}


def test_each_target_is_read_by_its_own_parts_with_the_shared_ones_that_were_tuned(
    treebanks: Path, spoken: Path, tmp_path: Path
) -> None:
    """The plain encoder of a target, with the tuned layers put in, gives the scores of the run."""
    from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
    from layerlab.finetuning.evaluation import evaluate
    from layerlab.finetuning.model import TaskModel
    from layerlab.models.tokenizers import load_tokenizer
    from layerlab.tasks.corpora import encode_corpus
    from layerlab.tasks.task import get_task

    study = small(treebanks, spoken)
    run(study, tmp_path)
    (fit,) = study.plan().of(Fit)
    folder, task = tmp_path / "fits" / fit.id, get_task("upos")
    labels = tuple(json.loads((folder / "labels.json").read_text(encoding="utf-8"))["labels"])
    head = task.build_head(32, len(labels), 0.1)
    head.load_state_dict(load_file(folder / "head.safetensors"))
    tokenizer = load_tokenizer(str(spoken))
    found = {}
    for target in SPOKEN:
        encoder = Encoder.from_pretrained(str(spoken), language=target)
        with torch.no_grad():
            for name, value in weights(folder / "model")["shared"].items():
                encoder.base.get_parameter(name).copy_(value)
        read = load_corpus(find_corpus(DataSpec(root=treebanks), "upos", task.formats, target, "test"))
        corpus = encode_corpus(task, read, labels, tokenizer, 64)
        device = torch.device("cpu")
        found["none", target] = evaluate(TaskModel(encoder.base, head), task, corpus, device)[0].value
    assert found == scores(tmp_path, study)


def test_fast_paths_give_the_scores_of_the_plain_way(treebanks: Path, spoken: Path, tmp_path: Path) -> None:
    ablations = [
        Ablation.none(),
        Ablation(name="frozen", before=(Freeze("embeddings,0-2", dropout=False),)),
        Ablation(name="skipped", after=(Skip("1"),)),
        Ablation(name="own", after=(Reset("cc:0-1"),)),
        Ablation(name="shared", after=(Reset("3"),)),
    ]
    study = small(treebanks, spoken, ablations=ablations, trajectory="epochs")
    run(study, tmp_path / "fast")
    run(study, tmp_path / "plain", shortcuts="none")
    fast, plain = (scores(tmp_path / name, study) for name in ("fast", "plain"))
    assert fast == plain
    assert fast["own", "aa"] == fast["none", "aa"]
    frozen = next(one for one in study.plan().of(Fit) if one.before)
    record = json.loads((tmp_path / "fast" / "fits" / frozen.id / "record.json").read_text(encoding="utf-8"))
    assert "languages have parts of their own" in record["node"]["shortcuts"]["frozen-states"]


def test_a_killed_fit_goes_on_with_what_was_done_to_other_languages(
    treebanks: Path, spoken: Path, tmp_path: Path
) -> None:
    during = (Timed(0.25, Reset("cc:0", seed=3)), Timed(0.5, Skip("2")))
    study = small(treebanks, spoken, ablations=[Ablation.none(), Ablation(name="late", during=during)])
    run(study, tmp_path / "whole")
    fit = next(one for one in study.plan().of(Fit) if one.during)
    kill_after(study, tmp_path / "killed", fit.id, steps=8)
    run(study, tmp_path / "killed")
    record = json.loads((tmp_path / "killed" / "fits" / fit.id / "record.json").read_text(encoding="utf-8"))
    assert record["node"]["resumed_at"] == 8
    there = (tmp_path / name / "fits" / fit.id / "model" for name in ("whole", "killed"))
    one, other = (weights(folder) for folder in there)
    assert all(torch.equal(value, other[part][name]) for part in one for name, value in one[part].items())
    pretrained = weights(spoken)
    changed = {
        language: any(
            not torch.equal(one[language][name], value) for name, value in pretrained[language].items()
        )
        for language in SPOKEN
    }
    assert changed == {"aa": False, "bb": False, "cc": True}


def kill_after(study: Study, folder: Path, fit_id: str, steps: int) -> None:
    """Carry a study out until a fit has taken some steps, and stop it there."""
    from layerlab.finetuning import loop

    taken = 0
    real = loop.Fitting.count_step

    def count(self: Any, *args: Any) -> None:
        nonlocal taken
        real(self, *args)
        taken += 1
        if taken == steps and self.workplace.folder.name == fit_id:
            self.save_if_due(now=True)
            raise RuntimeError("killed")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop.Fitting, "count_step", count)
        plan = study.plan().select(ablation="late")
        assert not plan.run(folder, workers=0, progress=False).good


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"sources": ["aa+bb"]},
            "expected a source of one language",
        ),
        (
            {"ablations": [Ablation(before=(Reset("cc:2"),))]},
            "is shared by all languages; each has of its own: embeddings,0-1",
        ),
        ({"ablations": [Ablation(before=(Reset("xx:0"),))]}, "unknown language 'xx'"),
    ],
)
def test_what_the_checkpoint_cannot_do_is_said_before_time_is_spent(
    treebanks: Path, spoken: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        small(treebanks, spoken, **changes).plan()


def test_a_target_that_it_has_no_parts_for_is_said_before_time_is_spent(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fixtures.by_language.SPOKEN", ("bb", "aa"))
    two = save_spoken(tiny_encoder, tmp_path / "two")
    with pytest.raises(StudyError, match=r"none for 'cc': unknown language 'cc'; Known: aa, bb"):
        small(treebanks, two).plan()


def test_a_language_in_a_selection_of_a_plain_checkpoint_is_an_error(
    treebanks: Path, tiny_encoder: Path
) -> None:
    with pytest.raises(StudyError, match="all languages share all of it; select its layers without `aa:`"):
        small(treebanks, tiny_encoder, ablations=[Ablation(before=(Reset("aa:0"),))]).plan()


def test_ids_name_the_language_that_reads_the_source_and_plain_ones_do_not(
    treebanks: Path, spoken: Path, tiny_encoder: Path
) -> None:
    (mine,) = small(treebanks, spoken).plan().of(Fit)
    assert (mine.spec.language, mine.languages) == ("aa", SPOKEN)
    (plain,) = small(treebanks, tiny_encoder).plan().of(Fit)
    assert not {"language", "languages"} & {*plain.to_json(), *plain.to_json()["spec"]}
    assert Fit.from_json(mine.to_json()) == mine


def test_nothing_that_is_a_language_s_own_is_thawed(spoken: Path) -> None:
    from layerlab.ablation.apply import apply
    from layerlab.nodes.kinds.training.origin import load_encoder

    encoder = load_encoder(str(spoken), None, 0, "aa")
    apply(Freeze("all"), encoder)
    apply(Unfreeze("all"), encoder)
    learning = {name for name, one in encoder.base.named_parameters() if one.requires_grad}
    assert learning == {name for name in encoder.part_of if not is_lower(name)}


def test_a_donor_by_language_gives_each_language_its_own(spoken: Path, tiny_encoder: Path) -> None:
    from layerlab.ablation.apply import apply

    encoder = Encoder.from_pretrained(str(spoken), language="aa")
    before = {name: one.detach().clone() for name, one in encoder.base.named_parameters()}
    apply(Reset("embeddings,all", seed=0), encoder)
    receipt = apply(Swap("embeddings,all", donor="pretrained"), encoder)
    assert any(name.startswith("cc:") for name in receipt.parameters)
    for language in SPOKEN:
        there = Encoder.from_pretrained(str(spoken), language=language).base.state_dict()
        now = encoder.speaking(language).base.state_dict()
        assert all(torch.equal(now[name], there[name]) for name in now if "pooler" not in name)
    assert all(torch.equal(value, before[name]) for name, value in encoder.base.named_parameters())


def test_random_weights_are_drawn_for_each_language(spoken: Path) -> None:
    from layerlab.ablation.apply import apply

    encoder = Encoder.from_pretrained(str(spoken), language="aa")
    apply(Reset("0", seed=0), encoder)
    matrix = "encoder.layer.0.output.dense.weight"
    mine, other = (encoder.speaking(name).base.get_parameter(matrix) for name in ("aa", "bb"))
    assert not torch.equal(mine, other)
