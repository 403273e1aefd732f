"""The studies of pretraining are planned: the small ones as they are, the full one on small text."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.nodes.kinds.pretraining import Pretraining
from layerlab.study.costs.pretraining import pretraining_cost
from layerlab.study.study import Study

FOLDER = Path(__file__).parents[1] / "experiments"
#: Of each small study: pretrainings, encoders that they keep on the way, and fits.
SMALL = {
    "emerging_anchors": (18, 0, 54),
    "emerging_factors": (24, 0, 96),
    "emerging_domain": (21, 0, 63),
    "emerging_text": (24, 0, 72),
    "emerging_steps": (3, 18, 42),
    "emerging_alignment": (9, 0, 3),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_a_small_study_is_planned_with_a_pretraining_for_each_model_and_seed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(FOLDER.parent)
    plan = Study.from_yaml(FOLDER / f"{name}.yaml").plan(check=False)
    whole = [one for one in plan.of(Pretraining) if one.step is None]
    assert (len(whole), len(plan.of(Pretraining)) - len(whole), len(plan.fits)) == SMALL[name]
    assert {one.spec.seed for one in whole} == {0, 1, 2}
    steps = 4000 if name == "emerging_steps" else 2000
    assert pretraining_cost(plan).tokens == len(whole) * steps * 32 * 64


def test_the_full_study_is_planned_and_costed_in_gpu_hours(
    tmp_path: Path, treebanks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = tmp_path / "specs"
    specs.mkdir()
    (tmp_path / "data/wiki").mkdir(parents=True)
    (tmp_path / "data/dictionaries").mkdir()
    (tmp_path / "data/cc").mkdir()
    for language in ("en", "fr", "ru", "zh"):
        lines = (f"{language} words of text {n}" for n in range(1500))
        text = "\n".join(lines)
        (tmp_path / f"data/wiki/{language}.txt").write_text(text, encoding="utf-8")
        (tmp_path / f"data/cc/{language}.txt").write_text(text.replace("words", "signs"), encoding="utf-8")
        (tmp_path / f"data/dictionaries/en-{language}.txt").write_text("words mots\n", encoding="utf-8")
    for file in (FOLDER / "specs").glob("wiki_*.yaml"):
        text = file.read_text(encoding="utf-8").replace("../../", f"{tmp_path}/")
        (specs / file.name).write_text(text, encoding="utf-8")
    text = (FOLDER / "emerging_full.yaml").read_text(encoding="utf-8")
    text = text.replace("experiments/specs", str(specs)).replace("../../", f"{tmp_path}/")
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    for language, invented in (("en", "aa"), ("fr", "bb"), ("ru", "aa"), ("zh", "bb")):
        (tmp_path / language).symlink_to(treebanks / invented)
    changes = [f"data.root={tmp_path}", "tasks=[parsing]"]
    plan = Study.from_yaml(tmp_path / "study.yaml", changes).plan(check=False)
    cost = pretraining_cost(plan)
    assert (cost.number, len(plan.fits)) == (30, 30)
    assert cost.tokens == 30 * 52_000 * 768 * 256
    # Six operations for each parameter of the layers and token, and what attention and the softmax take.
    assert cost.flops["bf16"] == pytest.approx(6 * 56.7e6 * cost.tokens, rel=0.25)
    assert "pretrain   30 pretrainings: 306,708,480,000 tokens" in plan.describe()
    targets = {run.columns["model"]: set(run.spec.targets) for run in plan.runs}
    assert targets["none-ru"] == {"en", "ru"}
