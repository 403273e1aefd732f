from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.errors import StudyError
from layerlab.study.study import Study
from layerlab.training import precision
from tests.fixtures.studies import retrained


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_speed", lambda: 1 / 60)
    monkeypatch.setattr(precision, "has_gpu", lambda: False)


@pytest.fixture
def halved(study: Study) -> Study:
    return retrained(study, precision="bf16").model_copy(update={"seeds": (0,)})


@pytest.mark.usefixtures("slow")
def test_a_study_in_bf16_is_refused_before_anything_is_written(halved: Study, tmp_path: Path) -> None:
    plan = halved.plan()
    assert "training.precision: bf16 is 60 times slower than fp32" in plan.describe()
    with pytest.raises(StudyError, match="bf16 is 60 times slower than fp32 on this processor"):
        plan.run(tmp_path / "r", workers=0, progress=False)
    assert not (tmp_path / "r").exists()


def test_nothing_is_measured_for_fp32(study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "bf16_speed", lambda: pytest.fail("measured"))
    small = study.model_copy(update={"seeds": (0,), "ablations": study.ablations[:1]})
    assert small.plan().run(tmp_path / "r", workers=0, progress=False).good


def test_a_slight_loss_is_noted_and_the_study_runs(
    halved: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(precision, "bf16_speed", lambda: 0.6)
    monkeypatch.setattr(precision, "has_gpu", lambda: False)
    plan = halved.model_copy(update={"ablations": halved.ablations[:1]}).plan()
    assert plan.run(tmp_path / "r", workers=0, progress=False).good
    assert "bf16 reaches 0.60 of the speed of fp32" in capsys.readouterr().err
    monkeypatch.setattr(precision, "bf16_speed", lambda: pytest.fail("measured, though all is done"))
    assert plan.run(tmp_path / "r", workers=0, progress=False).good
