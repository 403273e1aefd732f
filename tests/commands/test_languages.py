"""The verbs of ``layerlab languages``, and a study on what they write."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from layerlab.errors import StudyError
from layerlab.languages.family import known_languages
from layerlab.study.study import Study
from tests.fixtures.command_line import Call

SMALL = ("--sentences", 12, "--dev", 6, "--test", 6, "--nli", 6)


def test_list_shows_typology_and_domains(call: Call) -> None:
    code, out, _ = call("languages", "list")
    lines = out.splitlines()
    assert code == 0
    assert lines[0].split()[:4] == ["language", "script", "order", "adjective"]
    assert tuple(line.split()[0] for line in lines[1:9]) == known_languages()
    assert any(line.split()[:3] == ["eshe", "armenian", "SOV"] for line in lines)
    assert "news" in out


def test_write_makes_a_folder_and_says_so_and_what_it_does(call: Call, tmp_path: Path) -> None:
    arguments = (
        "languages",
        "write",
        tmp_path / "out",
        "--languages",
        "avin,gori",
        "--domains",
        "talk",
        *SMALL,
    )
    code, out, err = call(*arguments)
    assert (code, out.strip()) == (0, str(tmp_path / "out"))
    assert "dictionaries" in err
    made = {path.name for path in (tmp_path / "out").iterdir()}
    assert made == {"avin", "avin-talk", "gori", "gori-talk", "parallel", "dictionaries", "manifest.json"}
    code, out, err = call(*arguments)
    assert (code, err) == (0, "")
    assert "is complete already" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--languages", "avni"), "unknown controlled language 'avni'; did you mean 'avin'"),
        (("--domains", "chat"), "unknown domain 'chat'"),
        (("--family", "nowhere.yaml"), "nowhere.yaml: cannot be read (no such file)"),
        (("--family", "instrumnt"), "unknown family of languages 'instrumnt'; did you mean 'instrument'"),
    ],
)
def test_what_cannot_be_written_is_told_in_one_line(
    call: Call, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, _, err = call("languages", "write", tmp_path / "out", *arguments, *SMALL)
    assert code == 2
    assert message in err
    assert not (tmp_path / "out").exists()


def test_a_family_of_ones_own_is_listed_and_written(call: Call, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("languages: {mira: {order: SOV, script: greek}}", encoding="utf-8")
    code, out, _ = call("languages", "list", "--family", tmp_path / "mine.yaml")
    assert code == 0
    assert "mira" in out
    code, _, err = call("languages", "write", tmp_path / "out", "--family", tmp_path / "mine.yaml", *SMALL)
    assert code == 0, err
    assert (tmp_path / "out/mira/test.conllu").is_file()


def test_verbs_show_worked_examples_and_load_nothing_heavy(call: Call) -> None:
    for verb in ("list", "write"):
        code, out, _ = call("languages", verb, "--help")
        assert code == 0
        assert f"layerlab languages {verb}" in out
    program = (
        "import sys, contextlib, layerlab.cli as c\n"
        "sys.argv = ['layerlab', 'languages', '--help']\n"
        "with contextlib.suppress(SystemExit): c.main()\n"
        "assert not {'torch', 'transformers', 'layerlab.languages'} & sys.modules.keys()\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False, capture_output=True).returncode == 0


def test_a_study_takes_controlled_languages_and_domains_without_a_folder(tiny_encoder: Path) -> None:
    study = Study.model_validate(
        {
            "name": "controlled",
            "models": [str(tiny_encoder)],
            "tasks": ["upos", "ner"],
            "data": {"controlled": {"train": 40, "dev": 10, "test": 60}},
            "sources": ["avin-news"],
            "targets": ["avin-talk", "belo"],
        }
    )
    plan = study.plan()
    assert len(plan.runs) == 2
    targets = next(iter(plan.runs)).spec.targets
    assert set(targets) == {"avin-news", "avin-talk", "belo"}
    again = {run.id for run in study.plan().runs}
    assert {run.id for run in plan.runs} == again


def test_a_misspelt_key_of_the_controlled_section_is_told(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(
        "name: x\nmodels: [m]\ntasks: [upos]\nsources: [avin]\ndata:\n  controlled: {sed: 3}\n",
        encoding="utf-8",
    )
    with pytest.raises(StudyError, match=r"line 6: data\.controlled\.sed.*did you mean 'seed'"):
        Study.from_yaml(path)
