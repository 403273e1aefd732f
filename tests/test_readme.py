"""Everything that the README says is executed."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
LANGUAGES = {"en": "aa", "de": "bb", "ru": "cc", "ja": "bb"}


FIRST, GUIDE = README.split("\n# Guide\n")


def blocks(language: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, treebanks: Path) -> Path:
    """A folder in which the README's paths exist."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "path/or").mkdir(parents=True)
    (folder / "path/to/ud").mkdir(parents=True)
    (folder / "path/or/hub-id").symlink_to(tiny_encoder)
    for name, invented in LANGUAGES.items():
        (folder / "path/to/ud" / name).symlink_to(treebanks / invented)
    torch.manual_seed(1)
    other = folder / "other/checkpoint"
    AutoModel.from_config(AutoConfig.from_pretrained(tiny_encoder)).save_pretrained(other)  # type: ignore[no-untyped-call]
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(other)
    return folder


@pytest.mark.parametrize("index", range(len(blocks("python"))))
def test_python_blocks_run(place: Path, monkeypatch: pytest.MonkeyPatch, index: int) -> None:
    monkeypatch.chdir(place)
    program = place / f"block{index}.py"
    program.write_text(blocks("python")[index], encoding="utf-8")
    runpy.run_path(str(program))


def carry_out_first_study(place: Path) -> None:
    """Make the first study and its results in the current directory, unless another test made them."""
    (place / "study.yaml").write_text(blocks("yaml")[0], encoding="utf-8")
    if not (place / "results/random-init-upos/records.csv").is_file():
        (place / "first.py").write_text(blocks("python")[0], encoding="utf-8")
        runpy.run_path(str(place / "first.py"))


def test_the_yaml_study_gives_the_runs_of_the_python_study(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from layerlab.analysis.records import load_records
    from layerlab.study.study import Study

    monkeypatch.chdir(place)
    carry_out_first_study(place)
    plan = Study.from_yaml("study.yaml").plan()
    frame = load_records("results/random-init-upos")
    assert {run.id for run in plan.runs} == set(frame["run_id"])


def test_the_ablations_of_the_guide_are_planned(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from layerlab.study.study import Study

    monkeypatch.chdir(place)
    head, _, _ = blocks("yaml")[0].partition("ablations:")
    (place / "guide.yaml").write_text(head + blocks("yaml")[1], encoding="utf-8")
    plan = Study.from_yaml("guide.yaml").plan()
    assert len({run.columns["ablation"] for run in plan.runs}) == 4 + 4


EXTENDED = """
import layerlab as ll

study = ll.Study.from_yaml("own.yaml")
outcome = study.plan().run("results/own", workers=1, progress=False)
assert outcome.good, outcome.status.failures
frame = ll.load_records("results/own")
assert set(frame["task"]) == {"word-class"}
assert set(frame["ablation"]) == {"none", "noise(all, std=0.5)@after"}
with_corpus = study.model_copy(update={"tasks": ("upos",), "targets": ("en", "nn")})
assert all("nn" in run.spec.targets for run in with_corpus.plan().runs)
"""


def test_what_the_extension_examples_register_works(place: Path) -> None:
    """A study of the example task with the example intervention, and one on the example corpus."""
    registering = ("@ll.intervention", "@ll.task", "register_corpus", "register_anatomy")
    examples = [block for block in blocks("python") if any(word in block for word in registering)]
    assert len(examples) == 4
    (place / "my_module.py").write_text("\n".join(examples), encoding="utf-8")
    text, _, _ = blocks("yaml")[0].partition("seeds:")
    text = text.replace("[upos]", "[word-class]").replace("[en, de, ru, ja]", "[en, de]")
    text = text.replace("name: random-init-upos", "name: own") + "imports: [my_module]\n"
    text += "ablations: [none, {after: [{noise: {layers: all, std: 0.5}}]}]\n"
    (place / "own.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-c", EXTENDED]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def layerlab_lines(text: str) -> list[str]:
    lines = [line for block in blocks("console", text) for line in block.splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.startswith("layerlab ")]


@pytest.mark.parametrize("line", layerlab_lines(FIRST))
def test_commands_of_the_first_study_run(place: Path, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """They find the python study's results complete, so that nothing is computed again."""
    monkeypatch.chdir(place)
    carry_out_first_study(place)
    run(place, line)


def test_commands_of_the_guide_run_one_after_another(place: Path) -> None:
    (spec,) = (block for block in blocks("yaml", GUIDE) if "architecture:" in block)
    (place / "spec.yaml").write_text(spec, encoding="utf-8")
    (measured,) = (block for block in blocks("yaml", GUIDE) if "\nmeasures:" in block)
    (place / "measured.yaml").write_text(measured, encoding="utf-8")
    for line in layerlab_lines(GUIDE):
        run(place, line)
    assert (place / "alignment/cka-by-layer.pdf").is_file()
    assert (place / "results/measured/index.html").is_file()
    assert (place / "probes/records.csv").is_file()
    assert AutoModel.from_pretrained(place / "encoder").config.num_hidden_layers == 2


def run(place: Path, line: str) -> None:
    command = [sys.executable, "-m", *shlex.split(line)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_make_targets_and_raw_commands_agree() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    setup, *_ = (block for block in blocks("console") if "-m venv" in block)
    assert "pip install -c constraints.txt -e '.[dev]'" in setup
    assert "pip install -q -c constraints.txt -e '.[dev]'" in makefile
    assert "-m pytest -q -n 2 --dist worksteal" in makefile
    assert "-m pytest -q -n 2 --dist worksteal" in setup
    assert "layerlab demo demo" in makefile


def test_linked_files_exist() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r'src="([^"]+)"', README)
    for target in targets:
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target
