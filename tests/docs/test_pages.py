"""Everything that the README and the pages of the guide say is executed.

Blocks with a title are files that the reader makes. Python runs; in a console, every ``layerlab`` command
runs. YAML without a title is a part of a study: it is put into the README's study, which is then planned.
"""

from __future__ import annotations

import doctest
import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from ruamel.yaml import YAML
from transformers import AutoConfig, AutoModel, AutoTokenizer

from layerlab.analysis.records.tidy import load_records
from layerlab.study.study import Study
from tests.fixtures.forks import FreshProcesses

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))
LANGUAGES = {"en": "aa", "de": "bb", "ru": "cc", "ja": "bb"}


class Block(NamedTuple):
    """A block of code of a page."""

    language: str
    title: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    pattern = r'^```(\w+)(?: title="(.*?)")?\n(.*?)^```$'
    found = re.findall(pattern, page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [Block(*parts) for parts in found]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


FRAGMENTS = {
    f"{name_of(page)}-{number}": block.text
    for page in PAGES
    for number, block in enumerate(blocks_of(page))
    if block.language == "yaml" and not block.title
}


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, fresh: FreshProcesses, tiny_encoder: Path, treebanks: Path
) -> Path:
    """A folder with all that the pages name: models, data, titled files, and the first study's results."""
    folder = tmp_path_factory.mktemp("guide")
    (folder / "path/or").mkdir(parents=True)
    (folder / "path/or/hub-id").symlink_to(tiny_encoder)
    for name, invented in LANGUAGES.items():
        shutil.copytree(treebanks / invented, folder / "path/to/ud" / name)
    for treebank in ("GUM", "LinES"):
        shutil.copytree(treebanks / "bb", folder / "path/to/ud/en" / treebank)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        other = AutoModel.from_config(AutoConfig.from_pretrained(tiny_encoder))  # type: ignore[no-untyped-call]
    other.save_pretrained(folder / "other/checkpoint")
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(folder / "other/checkpoint")
    for page in PAGES:
        for block in blocks_of(page):
            if block.title:
                (folder / block.title).write_text(block.text, encoding="utf-8")
    run(fresh, folder, python_of(README))
    # The README's commands go on with one seed of the study, and records hold what was last asked for.
    shutil.copy(folder / "results/random-init-upos/records.csv", folder / "first.csv")
    return folder


STEPS = """
import json, sys
from layerlab.cli import main

sys.path.insert(0, "")
for kind, step in json.loads(sys.stdin.read()):
    if kind == "python":
        exec(compile(step, "page", "exec"), {"__name__": "page"})
        continue
    sys.argv = step
    try:
        main()
    except SystemExit as end:
        if end.code:
            raise SystemExit(f"{step} ends with {end.code}")
"""
Step = tuple[str, str | list[str]]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FreshProcesses]:
    """Processes that have imported what takes longest, and nothing of layerlab."""
    processes = FreshProcesses(tmp_path_factory.mktemp("fresh"), ["torch", "transformers", "pandas"])
    yield processes
    processes.close()


def run(fresh: FreshProcesses, place: Path, steps: list[Step]) -> None:
    """Run Python and commands one after another in a process of their own, so that imports are paid once."""
    in_process(fresh, place, STEPS, steps)


def in_process(fresh: FreshProcesses, place: Path, program: str, given: object) -> str:
    """Run a program that reads JSON from standard input; return what it prints."""
    status, out = fresh.run(program, json.dumps(given), place)
    assert status == 0, out[-6000:]
    return out


def python_of(page: Path) -> list[Step]:
    """A file with a title is imported, as a study would; other blocks run as they are."""
    shown = [block for block in blocks_of(page) if block.language == "python"]
    return [
        ("python", f"import {Path(block.title).stem}" if block.title else block.text)
        for block in shown
        if not block.text.startswith(">>>")
    ]


def commands_of(page: Path) -> list[Step]:
    consoles = [block.text for block in blocks_of(page) if block.language == "console"]
    lines = [line.partition(" #")[0] for text in consoles for line in text.splitlines()]
    return [("command", shlex.split(line)) for line in lines if line.startswith("layerlab ")]


PROMISES = {
    "docs/alignment.md": ["alignment/cka-by-layer.pdf", "results/measured/index.html"],
    "docs/extending/figure.md": [
        "results/random-init-upos/figures/seeds-upos-de.pdf",
        "results/random-init-upos/report/figures/full-width/seeds-upos-de.pdf",
    ],
    "docs/probes.md": ["probes/records.csv"],
    "docs/pretraining.md": ["encoder/training.json"],
}


# The guide takes minutes together: `make guide` runs it.
RUNNING = [
    pytest.param(page, marks=() if page == README else pytest.mark.slow, id=name_of(page)) for page in PAGES
]


@pytest.mark.parametrize("page", RUNNING)
def test_what_a_page_shows_runs(fresh: FreshProcesses, place: Path, page: Path) -> None:
    """The README's commands find its study complete, so that nothing is computed again."""
    python = [] if page == README else python_of(page)
    if steps := commands_of(page) + python:
        run(fresh, place, steps)
    for promised in PROMISES.get(name_of(page), ()):
        assert (place / promised).is_file()
    if name_of(page) == "docs/pretraining.md":
        assert AutoModel.from_pretrained(place / "encoder").config.num_hidden_layers == 2


@pytest.mark.parametrize("page", [page for page in PAGES if ">>> " in page.read_text("utf-8")], ids=name_of)
def test_examples_give_what_they_show(page: Path) -> None:
    failed, tried = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert (failed, tried > 2) == (0, True)


def merged(place: Path, fragment: str) -> dict[str, object]:
    """Put a part of a study into the README's study."""
    reader = YAML(typ="safe")
    study: dict[str, object] = reader.load((place / "study.yaml").read_text(encoding="utf-8"))
    return {**study, "name": "part", **reader.load(fragment)}


PLANS = """
import contextlib, io, json, sys
from layerlab.cli import main

sys.path.insert(0, "")
wrong = {}
for part, path in json.loads(sys.stdin.read()).items():
    sys.argv, said = ["layerlab", "plan", path], io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            main()
    except SystemExit as end:
        if end.code:
            wrong[part] = f"exit status {end.code}: {said.getvalue()}"
print(json.dumps(wrong))
"""


@pytest.fixture(scope="module")
def wrong(fresh: FreshProcesses, place: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What was said of each part of a study that could not be planned; one process plans them all."""
    parts = {}
    for fragment, text in FRAGMENTS.items():
        path = tmp_path_factory.mktemp("part") / "part.yaml"
        with path.open("w", encoding="utf-8") as file:
            YAML().dump(merged(place, text), file)
        parts[fragment] = str(path)
    found: dict[str, str] = json.loads(in_process(fresh, place, PLANS, parts).splitlines()[-1])
    return found


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_part_of_a_study_is_planned(wrong: dict[str, str], fragment: str) -> None:
    assert fragment not in wrong, wrong[fragment]


def test_the_yaml_study_gives_the_runs_of_the_python_study(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    plan = Study.from_yaml("study.yaml").plan()
    frame = load_records("first.csv")
    assert {run.id for run in plan.runs} == set(frame["run_id"])


def test_the_ablations_of_the_guide_are_planned(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    block, *_ = (block for block in blocks_of(ROOT / "docs/ablations.md") if block.language == "yaml")
    with Path("guide.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(merged(place, block.text), file)
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


def test_what_the_extension_examples_register_works(fresh: FreshProcesses, place: Path) -> None:
    """A study of the example task with the example intervention, and one on the example corpus."""
    own = {"name": "own", "tasks": ["word-class"], "targets": ["en", "de"], "seeds": [0]}
    own |= {"imports": ["my_module", "word_class", "my_corpora"]}
    own |= {"ablations": ["none", {"after": [{"noise": {"layers": "all", "std": 0.5}}]}]}
    with (place / "own.yaml").open("w", encoding="utf-8") as file:
        YAML().dump({**merged(place, "{}"), **own}, file)
    run(fresh, place, [("python", EXTENDED)])


def test_make_targets_and_raw_commands_agree() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    setup, *_ = (block.text for block in blocks_of(README) if "-m venv" in block.text)
    assert "pip install -c constraints.txt -e '.[dev]'" in setup
    assert "pip install -q -c constraints.txt -e '.[dev]'" in makefile
    assert "-m pytest -q -n 2 --dist worksteal" in makefile
    assert "-m pytest -q -n 2 --dist worksteal" in setup
    assert "layerlab demo demo" in makefile


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for named in re.findall(r"`((?:tests|layerlab|docs)/[\w/.-]+)`", text):
        assert (ROOT / named).exists(), named
    for target in re.findall(r"\]\(([^)#]+)\)", text) + re.findall(r'src="([^"]+)"', text):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_page_of_the_guide_is_reached_from_the_readme() -> None:
    seen, open_pages = set(), [README]
    while open_pages:
        page = open_pages.pop()
        seen.add(page)
        links = re.findall(r"\]\(([^)#]+\.md)\)", page.read_text(encoding="utf-8"))
        open_pages += {(page.parent / link).resolve() for link in links if "://" not in link} - seen
    assert {page for page in PAGES if "reference" not in page.parts} <= seen
