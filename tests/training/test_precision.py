from __future__ import annotations

import pytest

from layerlab.errors import StudyError
from layerlab.training import precision
from layerlab.training.precision import advise, bf16_speed, check_bf16


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    monkeypatch.setattr(precision, "bf16_speed", lambda: request.param)
    monkeypatch.setattr(precision, "has_gpu", lambda: False)


def test_the_speed_of_bf16_is_measured_once_in_a_moment() -> None:
    assert 1e-4 < bf16_speed() < 100
    assert bf16_speed() == bf16_speed()


@pytest.mark.parametrize("speed", [1 / 60], indirect=True)
@pytest.mark.usefixtures("speed")
def test_a_processor_without_bf16_is_refused_with_the_ratio_and_the_way_on() -> None:
    with pytest.raises(StudyError, match=r"bf16 is 60 times slower .* go on with training\.precision: fp32"):
        check_bf16("cpu")
    assert "60 times slower" in advise("bf16")
    assert advise("fp32") == ""


@pytest.mark.parametrize(
    ("speed", "said"), [(0.5, "0.50 of the speed of fp32"), (2.5, "")], indirect=["speed"]
)
@pytest.mark.usefixtures("speed")
def test_where_bf16_does_not_pay_there_is_a_warning(said: str) -> None:
    warning = check_bf16("cpu")
    assert said in warning
    assert bool(warning) == bool(said)


def test_a_gpu_is_recommended_for_bf16_and_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "has_gpu", lambda: True)
    monkeypatch.setattr(precision, "_gpu_with_bf16", lambda: "H100")
    monkeypatch.setattr(precision, "bf16_speed", lambda: pytest.fail("measured"))
    assert check_bf16("auto") == ""
    assert "bf16 is several times as fast as fp32 on this machine's H100" in advise("fp32")
    monkeypatch.setattr(precision, "_gpu_with_bf16", lambda: "")
    assert "this machine's GPU has no instructions for bf16" in check_bf16("auto")
    assert advise("fp32") == ""
