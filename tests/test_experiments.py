"""Every study in ``experiments/`` is planned as it is and in its small form; the small forms run (slow)."""

from __future__ import annotations

import itertools
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import AutoConfig, BertModel

from layerlab.study.costs.cost import plan_cost
from layerlab.study.study import Study, StudyPlan
from layerlab.targets import sources_of
from tests.fixtures.command_line import Call

FOLDER = Path(__file__).parents[1] / "experiments"
FILES = sorted(FOLDER.glob("*.yaml"))
MBERT = "bert-base-multilingual-cased"
OF_MBERT = [path for path in FILES if f"models: [{MBERT}]" in path.read_text(encoding="utf-8")]
# Split sizes with which a small form is planned and run.
FEW = {"train": 24, "dev": 9, "test": 9}
INVENTED = ("aa", "bb", "cc")
PAIRS = ("Mira tola.\tMira.\tentailment", "Mira tola.\tRuna.\tneutral", "Mira tola.\tNo mira.\tcontradiction")


def header(path: Path) -> str:
    """Return the comment at the head of a study file, continued lines joined."""
    lines = path.read_text(encoding="utf-8").partition("\nname:")[0].splitlines()
    return "\n".join(line.removeprefix("#") for line in lines).replace("\\\n", " ")


def small_form(path: Path) -> list[str]:
    """Return the arguments of the command that a header gives for a machine without a GPU."""
    found = re.search(r"^ *(?:Locally|Run)?[^\n]*?layerlab run (experiments/.*)$", header(path), re.MULTILINE)
    assert found, f"{path.name}: no `layerlab run` in its header"
    name, *options = shlex.split(found[1])
    assert name == f"experiments/{path.name}"
    return options


def overrides(options: list[str]) -> list[str]:
    return [value for option, value in itertools.pairwise(options) if option == "--set"]


@pytest.fixture(scope="module")
def root(treebanks: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Treebanks, entities and pairs of every language and treebank that a study names, and parallel ones.

    Beside them an encoder of twelve layers, as alike as mBERT's.
    """
    folder = tmp_path_factory.mktemp("experiments")
    shutil.copytree(tiny_encoder, folder / "encoder")
    config = AutoConfig.from_pretrained(tiny_encoder, num_hidden_layers=12)
    BertModel(config).save_pretrained(folder / "encoder")
    names = {name for path in OF_MBERT for name in languages_of(Study.from_yaml(path))}
    for index, name in enumerate(sorted(names)):
        language, _, treebank = name.partition(":")
        home = folder / "data" / language / treebank
        home.mkdir(parents=True, exist_ok=True)
        invented = INVENTED[index % 3]
        for file in (treebanks / invented).iterdir():
            # No two languages are the same, or they would share their fits.
            text = file.read_text(encoding="utf-8").replace(f"sent_id = {invented}", f"sent_id = {name}")
            (home / file.name).write_text(text, encoding="utf-8")
        for split, size in FEW.items():
            rows = "\n".join(PAIRS * (size // 3))
            (home / f"{split}.tsv").write_text(f"premise\thypothesis\tlabel\n{rows}\n", encoding="utf-8")
        if not treebank:
            (folder / "pud").mkdir(exist_ok=True)
            (folder / "pud" / f"{name}.conllu").symlink_to(treebanks / "aa" / "test.conllu")
    return folder


def languages_of(study: Study) -> Iterator[str]:
    named = [source for entry in study.ablations for source in re.findall(r"source='?([\w+]+)", repr(entry))]
    yield from (name for source in (*study.sources, *study.targets, *named) for name in sources_of(source))


def plan_of(path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, *more: str) -> StudyPlan:
    """Plan a study of mBERT for a BERT of its depth that is here, on invented data."""
    monkeypatch.setenv("LAYERLAB_DATA", str(root))
    settings = [f"models=[{root / 'encoder'}]", f"data.root={root / 'data'}", *more]
    return Study.from_yaml(path, settings).plan()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_header_names_question_source_and_cost(path: Path) -> None:
    text = header(path)
    for word in ("Question  ", "Source    ", "Cost      "):
        assert f" {word}" in text
    assert small_form(path) is not None


@pytest.mark.parametrize("path", OF_MBERT, ids=lambda path: path.stem)
def test_a_study_of_multilingual_bert_is_planned(
    path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header counts its fits, and every condition is there for each task, source and seed."""
    plan = plan_of(path, root, monkeypatch)
    study = plan.study
    (n_fits,) = re.findall(r"= (\d+) fits", header(path)) or re.findall(r"x \d+ seeds = (\d+)", header(path))
    assert len(plan.fits) == int(n_fits)
    # Invented corpora of a few words repeat their sentences.
    assert [note for note in plan.notes if "repeat another of the corpus" not in note] == []
    conditions = {run.columns["ablation"] for run in plan.runs}
    assert len(plan.runs) == len(conditions) * len(study.tasks) * len(study.sources) * len(study.seeds)
    assert plan_cost(plan, MBERT).training_flops > 0


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_small_form_of_the_header_is_planned(
    path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = overrides(small_form(path))
    if path.stem.startswith("emerging_"):
        return  # they pretrain their models; see tests/test_emerging.py
    if path in OF_MBERT:
        assert "models=[minimbert-controlled]" in changes
        changes += [f"data.controlled.{split}={size}" for split, size in FEW.items()]
    else:
        monkeypatch.chdir(root)
        changes = [re.sub(r"^(data.*root)=.*", r"\1=data", change) for change in changes]
        if not any("root=" in change for change in changes):
            changes.append("data.root=data")
        if path.stem.startswith("e5_"):  # whose encoder comes with a package that may not be here
            changes.append(f"models=[{root / 'encoder'}]")
        changes += ["targets=[en, de]", "sources=[en]"]
    plan = Study.from_yaml(path, changes).plan()
    assert len(plan.fits) <= 150
    assert "GPU-seconds" in plan.describe()


@pytest.mark.slow
@pytest.mark.parametrize("path", OF_MBERT, ids=lambda path: path.stem)
def test_the_small_form_runs(call: Call, path: Path, tmp_path: Path) -> None:
    """With so few sentences that it takes a minute: nothing is learnt, every condition is carried out."""
    settings = [f"data.controlled.{split}={size}" for split, size in FEW.items()]
    settings += ["seeds=[0]", "training.epochs=1"]
    options = [*small_form(path), *(word for one in settings for word in ("--set", one))]
    code, _, err = call("run", path, *options, "--results", tmp_path, "--workers", 0, "--no-report")
    assert code == 0, err
    plan = Study.from_yaml(path, overrides(options)).plan(check=False)
    assert {folder.name for folder in (tmp_path / "runs").iterdir()} >= {run.id for run in plan.runs}


# Studies on the treebanks that LAYERLAB_DATA has, with training data and test sets of these languages.
WITH_TREEBANKS = (
    "random_init_upos",
    "random_init_parsing",
    "freeze",
    "surgical",
    "rewind_after",
    "layer_dropping",
)


@pytest.mark.data
@pytest.mark.parametrize("name", WITH_TREEBANKS)
def test_the_hours_of_the_header_are_those_of_the_plan(name: str, data_root: Path) -> None:
    path = FOLDER / f"{name}.yaml"
    (hours,) = re.findall(r"about ([\d.,]+) GPU-hours", header(path))
    plan = Study.from_yaml(path, ["models=[minimbert]", f"data.root={data_root / 'ud'}"]).plan()
    assert plan_cost(plan, MBERT).hours(10e12) == pytest.approx(float(hours), rel=0.1)


def test_the_table_lists_every_file_with_its_cost() -> None:
    rows = re.findall(
        r"^\| \[(.+?)\]\((.+?)\) \|.*\| (.+?) \|$", (FOLDER / "README.md").read_text("utf-8"), re.M
    )
    assert [name for name, *_ in rows] == [target for _, target, _ in rows]
    assert sorted(name for name, *_ in rows) == [path.name for path in FILES]
    for name, _, cost in rows:
        hours = re.findall(r"about ([\d.,]+) GPU-hours", header(FOLDER / name))
        assert hours == re.findall(r"([\d.,]+) GPU-hours", cost), name
