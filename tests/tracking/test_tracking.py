"""A study's losses, scores, receipts and figures at trackers, which change nothing and break nothing."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset
from layerlab.ablation.sweep import sweep
from layerlab.commands.results.report import show_report
from layerlab.errors import StudyError
from layerlab.nodes.kinds.fit import Fit
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.nodes.worker import run_nodes
from layerlab.study.directory.parts import part_of, prepare_store
from layerlab.study.reading import write_study
from layerlab.study.study import Study
from layerlab.tracking.backends import OPEN, Backend, TrackerRun
from layerlab.tracking.choice import TRACKERS, Tracker, check_trackers
from layerlab.tracking.curves import MOST_POINTS, Curves
from layerlab.tracking.tracked import Tracked
from tests.fixtures.studies import make_study, run


class Noted:
    """A tracker that keeps what it is shown."""

    def __init__(self, run: TrackerRun, folder: Path, next_step: int) -> None:
        self.run, self.next_step, self.closed = run, next_step, False
        self.values: list[tuple[int | None, str, float]] = []
        self.texts: dict[str, str] = {}
        self.images: list[str] = []

    def numbers(self, values: Any, step: int | None) -> None:
        self.values += [(step, name, value) for name, value in values.items()]

    def text(self, name: str, text: str) -> None:
        self.texts[name] = text

    def image(self, name: str, file: Path) -> None:
        assert file.read_bytes()[1:4] == b"PNG"
        self.images.append(name)

    def close(self) -> None:
        self.closed = True

    def steps_of(self, name: str) -> list[int | None]:
        return [step for step, one, _ in self.values if one == name]


class Broken(Noted):
    """A tracker that breaks at its third point."""

    def numbers(self, values: Any, step: int | None) -> None:
        super().numbers(values, step)
        if len(self.values) > 2:
            raise ConnectionError("the server is gone")


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Noted]]:
    """Take the place of TensorBoard; the runs that were opened, in order."""

    def install(kind: type[Noted] = Noted) -> list[Noted]:
        opened: list[Noted] = []

        def open_run(run: TrackerRun, folder: Path, next_step: int) -> Backend:
            opened.append(kind(run, folder, next_step))
            return opened[-1]

        monkeypatch.setitem(OPEN, "tensorboard", open_run)
        return opened

    return install


def small(treebanks: Path, encoder: Path, *trackers: Tracker, **changes: Any) -> Study:
    ablations = [
        Ablation.none(),
        *sweep("before", Reset, windows=2),
        Ablation(name="frozen", during=(Timed(0.5, Freeze("0")),)),
        Ablation(name="rewind", after=(Reset("0", to="pretrained"),)),
    ]
    fields = {"seeds": [0], "targets": ["bb"], "ablations": ablations, "report_to": trackers, **changes}
    return make_study(treebanks, encoder, **fields)


def test_trackers_are_in_no_identity(treebanks: Path, tiny_encoder: Path) -> None:
    plans = [small(treebanks, tiny_encoder, *some).plan() for some in ((), TRACKERS)]
    assert [item.id for item in plans[0].nodes] == [item.id for item in plans[1].nodes]
    assert "report_to" not in write_study(plans[0].study)


def test_each_fit_is_one_run_with_all_that_was_asked_for(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, noted: Callable[..., list[Noted]]
) -> None:
    opened = noted()
    study = small(treebanks, tiny_encoder, "tensorboard", trajectory="epochs")
    run(study, tmp_path)
    fits = {fit.id: fit for fit in study.plan().fits}
    assert sorted(one.run.id for one in opened) == sorted(fits)
    assert len({one.run.name for one in opened}) == len(fits)
    assert all(one.closed and one.next_step == 1 for one in opened)
    for one in opened:
        names = {name for _, name, _ in one.values}
        assert {"train/loss", "train/loss_of_epoch", "dev/accuracy", "trajectory/bb/accuracy"} <= names
        assert len(one.steps_of("dev/accuracy")) == 2
        assert one.run.settings["training.learning_rate"] == 1e-3
        assert one.run.settings["fit_id"] == one.run.id
    baseline = next(one for one in opened if one.run.settings["interventions"] == "none")
    assert baseline.steps_of("final/none/bb/accuracy") == [None]
    assert baseline.steps_of("final/rewind/aa/accuracy") == [None]
    assert "reset" in baseline.texts["receipts/after/rewind/0"]
    texts = {name for one in opened for name in one.texts}
    assert {"receipts/before/0", "receipts/during/0"} <= texts


def test_a_tracker_that_fails_is_left_out_and_the_fit_goes_on(
    treebanks: Path,
    tiny_encoder: Path,
    tmp_path: Path,
    noted: Callable[..., list[Noted]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    opened = noted(Broken)
    run(small(treebanks, tiny_encoder, "tensorboard", ablations=[Ablation.none()]), tmp_path)
    assert len(opened) == 1
    assert len(opened[0].values) == 3
    assert "note: tensorboard failed and is left out" in (said := capsys.readouterr().err)
    assert "ConnectionError: the server is gone" in said


def test_a_tracker_that_cannot_be_opened_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(OPEN, "wandb", lambda *given: exec("raise SystemExit('no key')"))
    tracked = Tracked(("wandb",), TrackerRun("study", "id", "name"), tmp_path)
    tracked.numbers({"train/loss": 1.0}, 1)
    tracked.close()
    assert "SystemExit: no key" in capsys.readouterr().err


def test_a_fit_that_was_stopped_goes_on_with_its_run(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, noted: Callable[..., list[Noted]]
) -> None:
    opened = noted()
    study = small(treebanks, tiny_encoder, "tensorboard", ablations=sweep("before", Reset, windows=2)[:1])
    plan = study.plan()
    fit = next(fit for fit in plan.of(Fit) if fit.before)
    stopped: list[dict[str, Any]] = []

    def stop_in_the_middle(event: dict[str, Any]) -> None:
        if event.get("step") == 5 and not stopped:
            stopped.append(event)
            raise KeyboardInterrupt("in the middle")

    prepare_store(plan, store := Store(tmp_path))
    settings = WorkSettings(checkpoint_seconds=0)
    with pytest.raises(KeyboardInterrupt, match="in the middle"):
        run_nodes(store.root, [fit.id], settings, watch=stop_in_the_middle)
    assert run_nodes(store.root, [fit.id], settings)
    first, second = opened
    assert first.run == second.run
    assert first.steps_of("train/loss") == [1, 2, 3, 4]
    n_steps = int(stopped[0]["steps"])
    assert second.next_step == 5
    assert second.steps_of("train/loss") == [*range(5, n_steps + 1)]
    assert "receipts/before/0" in first.texts
    assert "receipts/before/0" not in second.texts


def test_curves_of_long_fits_have_a_bounded_number_of_points() -> None:
    shown = Noted(TrackerRun("study", "id", "name"), Path(), 0)
    curves = Curves(lambda next_step: shown)  # type: ignore[arg-type, return-value]
    for step in range(1, 10_001):
        curves.report({"event": "step", "step": step, "steps": 10_000, "from": 0, "loss": float(step)})
    assert len(shown.values) == MOST_POINTS
    assert shown.values[0] == (50, "train/loss", 25.5)


def test_a_missing_package_is_said_before_time_is_spent(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layerlab.tracking.choice.find_spec", lambda name: None)
    with pytest.raises(StudyError, match=r"got wandb, .* not installed; expected .*'layerlab\[wandb\]'"):
        small(treebanks, tiny_encoder, "wandb").plan().run(tmp_path / "results", progress=False)
    assert not (tmp_path / "results").exists()


def test_trackers_that_there_are_not_are_a_mistake_of_the_study(treebanks: Path, tiny_encoder: Path) -> None:
    with pytest.raises(ValueError, match="tensorboard"):
        small(treebanks, tiny_encoder, "tensorbord")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="listed twice: wandb"):
        small(treebanks, tiny_encoder, "wandb", "wandb")


def test_parts_of_one_study_may_report_elsewhere(study_file: Path) -> None:
    assert part_of(study_file, ["report_to=[wandb]", "seeds=[0]"]) == part_of(study_file, ["seeds=[1]"])


@pytest.mark.parametrize("tracker", TRACKERS)
def test_a_study_at_a_real_tracker(
    tracker: Tracker,
    treebanks: Path,
    tiny_encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if importlib.util.find_spec(tracker) is None:
        pytest.skip(f"{tracker} is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    check_trackers([tracker])
    ablations = [Ablation.none(), *sweep("before", Reset, windows=2)[:1]]
    study = small(treebanks, tiny_encoder, tracker, ablations=ablations)
    run(study, tmp_path)
    show_report((tracker,), study.name, tmp_path, [draw(tmp_path / "sensitivity.png")])
    assert "failed" not in capsys.readouterr().err
    fits = study.plan().fits
    READERS[tracker](tmp_path / "trackers", {fit.id: fit.spec.seed for fit in fits})


def draw(file: Path) -> Path:
    from matplotlib.figure import Figure

    Figure((1, 1)).savefig(file)
    return file


def read_tensorboard(folder: Path, fits: dict[str, int]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    runs = {}
    for path in (folder / "tensorboard").iterdir():
        runs[path.name] = EventAccumulator(str(path))
        runs[path.name].Reload()
    assert len(runs) == len(fits) + 1
    report = runs.pop("small-report")
    assert any("sensitivity" in name for name in report.Tags()["images"])
    for fit_id in fits:
        one = next(one for name, one in runs.items() if name.endswith(fit_id[:6]))
        assert [event.step for event in one.Scalars("dev/accuracy")] == [
            event.step for event in one.Scalars("train/loss_of_epoch")
        ]
        assert any(name.startswith("final/") for name in one.Tags()["scalars"])
        assert "settings/text_summary" in one.Tags()["tensors"]


def read_wandb(folder: Path, fits: dict[str, int]) -> None:
    runs = [path.name for path in (folder / "wandb").glob("offline-run-*")]
    assert len(runs) == len(fits) + 1
    assert all(any(name.endswith(f"-{one}") for name in runs) for one in (*fits, "small-report"))


def read_mlflow(folder: Path, fits: dict[str, int]) -> None:
    import mlflow

    found = mlflow.search_runs(experiment_names=["small"], output_format="list")
    by_id = {one.data.tags["layerlab.id"]: one for one in found}
    assert by_id.keys() == {*fits, "small-report"}
    for fit_id in fits:
        assert "dev/accuracy" in by_id[fit_id].data.metrics
        assert by_id[fit_id].data.params["training.epochs"] == "2"
        assert by_id[fit_id].info.status == "FINISHED"


READERS: dict[str, Callable[[Path, dict[str, int]], None]] = {
    "tensorboard": read_tensorboard,
    "wandb": read_wandb,
    "mlflow": read_mlflow,
}
