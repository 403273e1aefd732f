"""A results directory says where it stands, without its study and by its index."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from layerlab.analysis.index import look
from layerlab.analysis.index.file import read_index
from layerlab.bench.programs.invented import write_results
from layerlab.nodes.jobs import write_node
from layerlab.nodes.store.store import Store
from layerlab.study.directory.standing import read_standing
from layerlab.study.directory.status import read_status
from layerlab.study.study import Study
from tests.fixtures.command_line import Call


@pytest.fixture
def results(study_file: Path, tmp_path: Path) -> Path:
    """The complete results of a study with invented scores: 8 runs over 6 fits."""
    write_results(study_file, tmp_path / "results")
    return tmp_path / "results"


def flip(path: Path) -> None:
    """Flip a bit in the middle of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()  # runs share files
    path.write_bytes(data)


def test_a_directory_says_what_its_study_says(
    study: Study, study_file: Path, results: Path, call: Call
) -> None:
    plan, store = study.plan(check=False), Store(results)
    for item in plan.nodes:
        write_node(store, item)
    assert read_standing(store) == read_standing(store, plan.nodes) == read_status(plan, store)
    assert read_standing(store).complete
    fit = plan.fits[-1]
    first, second, *_ = (results / "runs" / run.id for run in plan.runs if run.fit != fit.id)
    flip(first / "record.json")
    shutil.rmtree(second)
    shutil.rmtree(results / "fits" / fit.id)
    for run in plan.runs:
        if run.fit == fit.id:
            shutil.rmtree(results / "runs" / run.id, ignore_errors=True)
    store.write_failure(fit.id, fit.title, ValueError("no"), "")
    found = read_standing(Store(results))
    assert found == read_standing(Store(results), plan.nodes) == read_status(plan, Store(results))
    assert [failure["title"] for failure in found.failures] == [fit.title]
    assert len(found.blocked) == len([run for run in plan.runs if run.fit == fit.id])
    assert len(found.damaged) == 1
    for arguments in ([results], [study_file, "--results", results]):
        code, out, _ = call("status", *arguments)
        assert code == 1
        assert found.summary() in out
        assert "is not what was written" in out


def test_a_check_finds_what_no_look_can(results: Path, call: Call) -> None:
    """A bit of a file beside a record flips: sizes are the same, and its digest differs."""
    run = min((results / "runs").iterdir())
    flip(run / "counts.parquet")
    assert call("status", results)[:2] == (0, f"8/8 runs, 6/6 fits complete in {results}\n")
    code, out, _ = call("status", results, "--check")
    assert code == 0
    assert out.startswith(f"7/8 runs, 6/6 fits complete in {results}\n  damaged  run ")
    assert "counts.parquet: not what was written; the next run makes it again" in out


def test_a_check_does_not_ask_the_index(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look, "WORTH_WRITING", 1)
    monkeypatch.setattr(look, "_SETTLED", -(10**18))
    assert read_standing(Store(results)).complete
    assert read_index(results) is not None
    monkeypatch.setattr(look, "fault_of_sizes", lambda folder, sizes: pytest.fail("it asks the index"))
    assert read_standing(Store(results), anew=True).complete


def test_a_directory_that_is_none_is_refused(tmp_path: Path, call: Call) -> None:
    code, _, err = call("status", tmp_path)
    assert code == 2
    assert "holds no study: expected manifest.json there, or a study file" in err
    code, _, err = call("status", tmp_path, "--set", "seeds=[0]")
    assert code == 2
    assert "--set and --results need a study file" in err
