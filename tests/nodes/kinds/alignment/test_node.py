"""Alignments as nodes of a study: the numbers of ``align_models``, once, in the study's records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from layerlab.ablation.ablation import Ablation
from layerlab.analysis.records.tidy import load_nodes, load_records
from layerlab.data.spec import DataSpec
from layerlab.errors import DataError, StudyError
from layerlab.measures.alignment.options import Aligning
from layerlab.nodes.kinds.alignment.align import Sought, align_models
from layerlab.nodes.kinds.alignment.ground import find_ground
from layerlab.nodes.kinds.alignment.node import Alignment
from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.report.page.study_report import report_on
from layerlab.study.study import Study
from tests.fixtures.studies import make_study, run

SMALL = {"sentences": 80, "pairs": 300, "layers": [0, 2], "training": {"epochs": 1}}
CONTROLLED = {"family": "instrument", "train": 20, "dev": 8, "test": 12}
CORPUS = {"family": "instrument", "sentences": 400}
KEY = ["task", "target", "metric", "intervention", "seed", "layer"]


def aligned(treebanks: Path, tiny_encoder: Path, options: dict[str, Any], **changes: Any) -> Study:
    fields: dict[str, Any] = {
        "data": {"controlled": CONTROLLED},
        "sources": ["ilda"],
        "targets": ["jora"],
        "seeds": [0],
        "ablations": [Ablation.none()],
        "training": {"epochs": 1, "batch_size": 10},
        "nodes": {"alignment": options},
    }
    return make_study(treebanks, tiny_encoder, **{**fields, **changes})


def test_a_studys_alignments_are_those_of_the_verb(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    name = str(tiny_encoder)
    options = {"encoders": {"ilda": name, "jora": name}, "joint": name, "how": SMALL}
    study = aligned(treebanks, tiny_encoder, options)
    assert len(study.plan().of(Alignment)) == 2  # one for retrieval, one for the task
    run(study, tmp_path / "r", device="cpu")
    frame = load_records(tmp_path / "r")
    rows = frame[frame["ablation"] == "aligned"]
    data = DataSpec.model_validate({"controlled": CONTROLLED})
    expected = align_models(
        Sought(("tiny", name), ("tiny", name), joint=("tiny", name), tasks=["upos"], data=data),
        find_ground("ilda", "jora", data, 80),
        how=Aligning.model_validate(SMALL),
        device="cpu",
    )
    found, wanted = (one.set_index(KEY)["value"].sort_index() for one in (rows, expected))
    assert list(found.index) == list(wanted.index)
    assert found.to_numpy() == pytest.approx(wanted.to_numpy(), abs=1e-9)
    assert set(rows["model"]) == set(rows["donor"]) == {"tiny"}
    assert set(rows["split"]) == {"aligned", "test"}
    # One encoder stands on both sides, so that both are the joint model too.
    shown = rows[rows["layer"] == 2].set_index(["metric", "target", "intervention"])["value"]
    for metric in ("word_retrieval", "context_retrieval", "sentence_retrieval", "accuracy"):
        assert shown[metric, "jora", "none"] == shown[metric, "jora", "joint"]
        assert shown[metric, "jora", "procrustes"] == shown[metric, "jora", "joint_procrustes"]
    assert set(rows[rows["metric"] == "cka"]["intervention"]) == {"none", "joint", "untrained"}
    written = {path.name for path in report_on(tmp_path / "r", tmp_path / "report")}
    assert written >= {"aligned.csv", "aligned.md", "aligned-upos.pdf", "aligned-sentence-retrieval.pdf"}
    # Measures and scores of the fits stand apart from them.
    assert set(frame[frame["ablation"] == "none"]["intervention"]) == {"none"}


def test_encoders_may_be_pretrainings_of_the_study(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    files = {}
    for language in ("ilda", "jora"):
        files[language] = tmp_path / f"{language}.yaml"
        spec = {
            "name": f"mono-{language}",
            "architecture": {
                "model_type": "bert",
                "options": {
                    "num_hidden_layers": 1,
                    "hidden_size": 16,
                    "num_attention_heads": 2,
                    "intermediate_size": 16,
                },
            },
            "corpora": {language: {**CORPUS, "controlled": language}},
            "vocab_size": 90,
            "sequence_length": 16,
            "held_out_sequences": 2,
            "steps": 2,
        }
        with files[language].open("w", encoding="utf-8") as file:
            YAML(typ="safe").dump(spec, file)
    both = {**spec, "name": "both", "factors": {"vocabulary": "none", "separate": {"layers": "0"}}}
    both["corpora"] = {language: {**CORPUS, "controlled": language} for language in files}
    with (tmp_path / "both.yaml").open("w", encoding="utf-8") as file:
        YAML(typ="safe").dump(both, file)
    encoders = {language: str(file) for language, file in files.items()}
    how = {"sentences": 60, "units": ["sentence"]}
    options = {"encoders": encoders, "joint": str(tmp_path / "both.yaml"), "tasks": [], "how": how}
    study = aligned(treebanks, tiny_encoder, options)
    plan = study.plan()
    pretrainings = plan.of(Pretraining)
    (item,) = plan.of(Alignment)
    assert len(pretrainings) == 3
    assert set(item.needs) == {one.id for one in pretrainings}
    run(study, tmp_path / "r")
    frame = load_records(tmp_path / "r")
    rows = frame[frame["ablation"] == "aligned"]
    assert (set(rows["model"]), set(rows["donor"])) == ({"mono-ilda"}, {"mono-jora"})
    assert set(rows["metric"]) == {f"sentence_retrieval{end}" for end in ("", "_forward", "_backward")}
    # The joint model has a tokenizer, and a layer, for each of its languages.
    assert {"joint", "joint_procrustes"} < set(rows["intervention"])
    nodes = load_nodes(tmp_path / "r")
    notes = nodes[nodes["kind"] == "alignment"]["notes"].iloc[0]
    assert "notes" in nodes.columns
    assert "too few" not in str(notes)  # 42 sentences, 16 dimensions


def test_what_changes_a_number_changes_the_id_and_nothing_else(treebanks: Path, tiny_encoder: Path) -> None:
    name = str(tiny_encoder)

    def ids(**options: Any) -> set[str]:
        whole = {"encoders": {"ilda": name, "jora": name}, **options}
        return {one.id for one in aligned(treebanks, tiny_encoder, whole).plan(check=False).of(Alignment)}

    own = ids(how=SMALL)
    assert len(own) == 2
    assert ids(how={**SMALL, "training": {"epochs": 1, "keep_gib": 0.5}}) == own
    assert not ids(how={**SMALL, "rounds": 2}) & own
    assert not ids(how=SMALL, joint=name) & own
    assert ids(how=SMALL, tasks=[]) < own
    study = aligned(treebanks, tiny_encoder, {})
    without = study.model_copy(update={"nodes": {}})
    both = aligned(treebanks, tiny_encoder, {"encoders": {"ilda": name, "jora": name}}).plan(check=False)
    assert {one.id for one in without.plan(check=False).nodes} < {one.id for one in both.nodes}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoders": {"ilda": "TINY", "kesa": "TINY"}}, "unknown language 'kesa'; Known: ilda, jora"),
        ({"encoders": {"ilda": "TINY", "jora": "nowhere/else"}}, "nowhere/else"),
        ({"encoders": {"ilda": "TINY", "jora": "TINY"}, "how": {"units": ["wrd"]}}, "did you mean 'word'"),
        ({"encoders": {"ilda": "TINY", "jora": "TINY"}, "parallel": "none.tsv"}, "no parallel sentences at"),
    ],
)
def test_mistakes_are_said_when_a_study_is_planned(
    treebanks: Path, tiny_encoder: Path, options: dict[str, Any], message: str
) -> None:
    if "encoders" in options:
        named = {key: str(tiny_encoder) if one == "TINY" else one for key, one in options["encoders"].items()}
        options = {**options, "encoders": named}
    with pytest.raises(StudyError, match=message):
        aligned(treebanks, tiny_encoder, options).plan(check=False)


def test_targets_without_an_encoder_are_not_aligned(treebanks: Path, tiny_encoder: Path) -> None:
    name = str(tiny_encoder)
    options = {"encoders": {"ilda": name, "jora": name}, "tasks": []}
    (made,) = (
        aligned(treebanks, tiny_encoder, options, targets=["kesa", "jora"]).plan(check=False).of(Alignment)
    )
    assert (made.ground.source, made.ground.target) == ("ilda", "jora")
    apart = {"encoders": {"kesa": name, "jora": name}}
    with pytest.raises(
        StudyError, match="got kesa, jora; expected a source and a target of it: ilda with kesa"
    ):
        aligned(treebanks, tiny_encoder, apart, targets=["kesa", "jora"]).plan(check=False)


def test_real_text_is_read_whole_and_as_words_and_linked(treebanks: Path, tmp_path: Path) -> None:
    text = (treebanks / "aa" / "test.conllu").read_text(encoding="utf-8")
    for language in ("aa", "bb"):
        (tmp_path / f"{language}.conllu").write_text(text, encoding="utf-8")
    links = tmp_path / "links"
    links.write_text("0-0 1-2\n" * 16, encoding="utf-8")
    ground = find_ground("aa", "bb", DataSpec(), 10, parallel=str(tmp_path), links=links).identified()
    material = ground.read()
    assert len(material.bitext) == len(material.worded[1]) == 10
    assert set(material.found_links) == {((0, 0), (1, 2))}
    found = find_ground("aa", "bb", DataSpec(), 10, parallel=str(tmp_path))
    assert found.read().found_links != material.found_links
    assert found.identified().digest != ground.digest
    with pytest.raises(DataError, match="parallel: controlled needs controlled languages"):
        find_ground("aa", "bb", DataSpec(), 10, parallel="controlled")
