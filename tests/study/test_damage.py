"""Whatever is damaged in a results directory counts as not done, is set aside and named, and is made again.

No damaged file keeps a verb from its work on the others, and none brings a traceback.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from layerlab.ablation.ablation import Ablation
from layerlab.ablation.interventions import Reset
from layerlab.analysis.records.tidy import load_records
from layerlab.nodes.kinds.evaluation.fitted import load_fitted
from layerlab.nodes.node import Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.report.page.about import read_about
from layerlab.training.events import silent
from tests.fixtures.command_line import Call
from tests.fixtures.studies import make_study, run

GARBAGE = b"\xff\xfe\x00{]"


@pytest.fixture(scope="module")
def finished(
    treebanks: Path, tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A study file and the results of the study: a fit and two runs."""
    folder = tmp_path_factory.mktemp("finished")
    rewind = Ablation(name="rewind", after=(Reset("0", to="pretrained"),))
    study = make_study(treebanks, tiny_encoder, seeds=[0], ablations=[Ablation.none(), rewind])
    (folder / "study.yaml").write_text(study.to_yaml(), encoding="utf-8")
    run(study, folder / "results", device="cpu")
    return folder / "study.yaml", folder / "results"


@pytest.fixture
def results(finished: tuple[Path, Path], tmp_path: Path) -> Path:
    """A copy of the results, to damage."""
    return Path(shutil.copytree(finished[1], tmp_path / "results"))


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    """Cut a file off in its middle."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def spoil(path: Path) -> None:
    """Put something else in the place of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(GARBAGE)


def test_a_damaged_node_is_set_aside_and_made_again(
    finished: tuple[Path, Path], results: Path, call: Call
) -> None:
    """A run each whose record is cut off, has a flipped bit, is gone; whose counts are cut off."""
    study, whole = finished
    first, second = sorted((results / "runs").iterdir())
    damage: list[tuple[Callable[[Path], None], Path, str]] = [
        (cut, first / "record.json", "record.json is cut off or no JSON"),
        (flip, second / "record.json", "record.json is not what was written (its sum differs)"),
        (Path.unlink, first / "record.json", "there is no record.json"),
        (cut, second / "counts.parquet", "counts.parquet has"),
    ]
    for number, (harm, path, why) in enumerate(damage, 1):
        harm(path)
        code, out, err = call("status", study, "--results", results)
        assert (code, err) == (0, "")
        assert "1/2 runs, 1/1 fits complete" in out
        assert f"{why}" in out
        assert "the next run makes it again" in out
        with pytest.warns(UserWarning, match=f"{path.parent.name} is left out"):
            assert load_records(results)["run_id"].nunique() == 1
        code, out, err = call("prune", study, "--results", results, "--dry-run")
        assert code == 0
        code, out, err = call("run", study, "--results", results, "--workers", 0, "--no-report")
        assert code == 0, err
        assert f"damaged: runs/{path.parent.name}: {why}" in err
        assert (results / "records.csv").read_bytes() == (whole / "records.csv").read_bytes()
        code, out, err = call("status", study, "--results", results)
        assert out.count("set aside in damaged/") == number
    assert len(list(results.glob("damaged/*/*/*"))) == 4 * 2 - 1
    code, out, err = call("prune", study, "--results", results)
    assert (code, list(results.glob("damaged/*"))) == (0, [])


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("model/model.safetensors", flip),
        ("head.safetensors", flip),
        ("labels.json", flip),
        ("model/config.json", cut),
        ("model/model.safetensors", Path.unlink),
    ],
)
def test_a_fit_that_is_not_what_was_written_is_trained_again_before_it_is_used(
    finished: tuple[Path, Path], results: Path, call: Call, name: str, harm: Callable[[Path], None]
) -> None:
    """Not one bit may change a score in silence."""
    study, whole = finished
    (fit,) = (results / "fits").iterdir()
    (gone, _) = sorted((results / "runs").iterdir())
    shutil.rmtree(gone)
    harm(fit / name)
    code, _, err = call("run", study, "--results", results, "--workers", 0, "--no-report")
    assert code == 0, err
    assert f"damaged: fits/{fit.name}: " in err
    assert name in err
    assert (results / "records.csv").read_bytes() == (whole / "records.csv").read_bytes()


def test_damaged_weights_are_not_loaded(finished: tuple[Path, Path], results: Path) -> None:
    (fit,) = (results / "fits").iterdir()
    work = Work(Store(results), WorkSettings(device="cpu"), silent)
    load_fitted(work, fit.name)
    flip(fit / "head.safetensors")
    with pytest.raises(ValueError, match=r"head\.safetensors: not what was written; run the study again"):
        load_fitted(work, fit.name)


def empty_manifest(results: Path) -> None:
    (results / "manifest.json").write_bytes(b"")


def spoil_manifest(results: Path) -> None:
    spoil(results / "manifest.json")


def spoil_study(results: Path) -> None:
    spoil(results / "study.yaml")


def spoil_made(results: Path) -> None:
    (results / "made.json").write_text('{"frames": [1], "report": 3}')


def spoil_failures(results: Path) -> None:
    for number, path in enumerate(sorted((results / "runs").iterdir())):
        spoil(results / "failed" / path.name / ("error.json" if number else "traceback.txt"))
        shutil.rmtree(path)


def spoil_jobs(results: Path) -> None:
    for path in (results / "jobs").iterdir():
        spoil(path)
    shutil.rmtree(next((results / "runs").iterdir()))


def spoil_events(results: Path) -> None:
    for path in (results / "events").iterdir():
        path.write_bytes(GARBAGE + b'\n{"event": "step", "step": "x", "steps": []}\n')


def spoil_leases(results: Path) -> None:
    for path in (results / "runs").iterdir():
        lease = results / "leases" / path.name
        lease.parent.mkdir(exist_ok=True)
        lease.write_text('{"where": 1, "pid": "x", "born": [], "token": null}')
        shutil.rmtree(path)
        os.utime(lease, (1, 1))


def spoil_frames(results: Path) -> None:
    cut(results / "records.csv")
    cut(results / "nodes.csv")


def spoil_work(results: Path) -> None:
    """Leave the beginnings of a checkpoint, of this version and of the first one, and a half-written one."""
    (fit,) = (results / "fits").iterdir()
    work = results / "work" / fit.name
    spoil(work / "checkpoint.safetensors")
    shutil.rmtree(fit)
    shutil.rmtree(next((results / "runs").iterdir()))


def spoil_old_work(results: Path) -> None:
    (fit,) = (results / "fits").iterdir()
    work = results / "work" / fit.name / "checkpoint-00000001-0001"
    for name in ("model.safetensors", "optimizer.pt", "position.json"):
        spoil(work / name)
    shutil.rmtree(fit)
    shutil.rmtree(next((results / "runs").iterdir()))


@pytest.mark.parametrize(
    "harm",
    [
        empty_manifest, spoil_manifest, spoil_study, spoil_made, spoil_failures, spoil_jobs, spoil_events,
        spoil_leases, spoil_frames, spoil_work, spoil_old_work,
    ],
)  # fmt: skip
def test_a_damaged_file_of_the_store_blocks_nothing(
    finished: tuple[Path, Path], results: Path, call: Call, harm: Callable[[Path], None]
) -> None:
    study, whole = finished
    harm(results)
    for verb in (["status"], ["prune", "--dry-run"]):
        code, _, err = call(verb[0], study, "--results", results, *verb[1:])
        assert code in (0, 1)
        assert "mistake of layerlab" not in err
    code, _, err = call("records", results)
    assert code in (0, 2)
    assert "mistake of layerlab" not in err
    if code == 0 and harm is not spoil_study:
        read_about(results, load_records(results))
    code, _, err = call("run", study, "--results", results, "--workers", 0, "--no-report")
    assert code == 0, err
    assert (results / "records.csv").read_bytes() == (whole / "records.csv").read_bytes()
    read_about(results, load_records(results))
    assert json.loads((results / "manifest.json").read_bytes())["study"] == "small"
    assert not list(results.glob("failed/*"))


def test_a_damaged_manifest_does_not_open_the_directory_to_another_study(
    finished: tuple[Path, Path], results: Path, call: Call
) -> None:
    study, _ = finished
    empty_manifest(results)
    code, _, err = call("run", study, "--results", results, "--set", "name=other", "--workers", 0)
    assert code == 2
    assert "holds study 'small', not 'other'" in err
