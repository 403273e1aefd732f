"""Study files that layerlab writes plan as they are, say what each key is, and overwrite nothing else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from layerlab.errors import StoreError, StudyError
from layerlab.study.draft import ASKED, Draft, check_free
from layerlab.study.study import Study
from tests.fixtures.command_line import Call

SMALL = (
    *("--data", "controlled:instrument", "--task", "upos", "--source", "ilda", "--targets", "jora,kesa"),
    *(
        "--set",
        "data.controlled.train=12",
        "--set",
        "data.controlled.dev=6",
        "--set",
        "data.controlled.test=6",
    ),
    *("--set", "training.epochs=1", "--seeds", "1"),
)


def read(tmp_path: Path, draft: Draft) -> Study:
    file = tmp_path / "study.yaml"
    file.write_text(draft.to_yaml(), encoding="utf-8")
    return Study.from_yaml(file)


def test_a_draft_reads_back_as_what_was_asked_for(tmp_path: Path) -> None:
    asked = [*((name, "each") for name in ASKED), ("reset", "0-1,11")]
    study = read(
        tmp_path,
        Draft("one", "my/encoder", "ner", "en", ["de", "en"], 2, asked, {"root": "no"}, {"epochs": 2}),
    )
    assert (study.name, *study.models, *study.tasks, study.seeds) == ("one", "my/encoder", "ner", (0, 1))
    assert study.targets == ("en", "de")
    assert study.training_for("ner").epochs == 2
    assert len(study.ablations) == 2 + len(ASKED)
    assert str(study.data_for("ner").root) == "no"


def test_each_key_stands_below_a_comment(tmp_path: Path) -> None:
    text = Draft("one", "my/encoder", "upos", "en", ["de"], training={"warmup": 0.2}).to_yaml()
    lines = text.splitlines()
    for key in ("name:", "models:", "seeds:", "ablations:", "training:", "  warmup:"):
        (index,) = (index for index, line in enumerate(lines) if line.startswith(key))
        assert lines[index - 1].strip().startswith("# ")


def test_changes_are_written_into_the_file(tmp_path: Path) -> None:
    changes = ("training.learning_rate=1e-3", "keep=all", "data.limit.train=50")
    study = read(tmp_path, Draft("one", "my/encoder", "upos", "en", ["de"], changes=changes))
    assert (study.training_for("upos").learning_rate, study.keep) == (1e-3, "all")
    with pytest.raises(StudyError, match="expected path=value such as training.epochs=1, got 'epochs'"):
        Draft("one", "my/encoder", "upos", "en", ["de"], changes=["epochs"]).to_yaml()


def test_another_study_of_the_name_is_not_overwritten(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    check_free("name: one\n", file)
    file.write_text("name: one\n", encoding="utf-8")
    check_free("name: one\n", file)
    with pytest.raises(StoreError, match=r"study\.yaml exists and asks for something else"):
        check_free("name: two\n", file)


def test_init_writes_a_file_that_plans(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    code, out, err = call("init", file, "--model", "minimbert-controlled", *SMALL, "--reset", "pairs")
    assert code == 0, err
    assert "7 runs over 7 fits" in out
    assert len(Study.from_yaml(file).plan(check=False).runs) == 7


@pytest.mark.parametrize("verb", ["init", "ablate"])
def test_a_study_that_is_wrong_leaves_no_file_in_the_way(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = ("--set", "training.epochs=many", "--set", "targets=[xx]")
    first = ["init", "ablation.yaml", "--model"] if verb == "init" else ["ablate"]
    code, _, err = call(*first, "minimbert-controlled", *SMALL, *wrong)
    assert (code, list(tmp_path.iterdir())) == (2, []), err
    assert "training.epochs" in err


def test_init_says_what_is_missing_where_nobody_can_answer(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", open("/dev/null", encoding="utf-8"))  # noqa: SIM115
    code, _, err = call("init", tmp_path / "mine.yaml", "--model", "minimbert-controlled")
    assert code == 2
    assert "--task: is missing, and there is no terminal to ask on" in err


def test_init_asks_for_what_is_missing_and_asks_again(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    answers = [
        "minimbert-controlled",
        "upso",
        "upos",
        "ilda",
        "jora",
        "controlled:instrument",
        "freez",
        "freeze",
    ]
    answers += ["0 to 1", "0-1", "many", "2"]
    monkeypatch.setattr("sys.stdin", Terminal("\n".join(answers) + "\n"))
    code, out, err = call("init", tmp_path / "mine.yaml", "--set", "data.controlled.train=20")
    assert code == 0, err
    assert "did you mean 'upos'?" in out + err
    assert "did you mean 'freeze'?" in out + err
    made = Study.from_yaml(tmp_path / "mine.yaml")
    assert (made.tasks, made.sources, made.seeds) == (("upos",), ("ilda",), (0, 1))
    assert [one.name for one in made.ablations] == ["none", "freeze(0-1)@before"]


def test_ablate_writes_a_study_and_runs_it(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ("ablate", "minimbert-controlled", *SMALL, "--rewind", "0", "--name", "one", "--workers", "0")
    code, out, err = call(*command)
    assert code == 0, err
    assert "2/2 runs, 1/1 fits complete; results/one/records.csv" in out
    assert Study.from_yaml(tmp_path / "one.yaml").name == "one"
    assert call(*command)[0] == 0  # nothing is left to do
