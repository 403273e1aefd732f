"""Processes that carry out parts of one study in one directory; and two studies that do not share one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.stored.record import Manifest
from layerlab.errors import StoreError
from layerlab.nodes.kinds.run import Run
from layerlab.nodes.store.store import Store
from layerlab.study.directory.frames import write_frames
from layerlab.study.directory.keeping import Keeping
from layerlab.study.directory.parts import is_divided, join_again, part_of, prepare_store
from layerlab.study.plan import Plan
from layerlab.study.study import Study
from tests.fixtures.studies import publish_run


def at_once(works: Sequence[Callable[[], object]]) -> list[BaseException | None]:
    """Do things at the same time; return what each raised."""
    start = threading.Barrier(len(works))

    def attempt(work: Callable[[], object]) -> BaseException | None:
        start.wait()
        try:
            work()
        except StoreError as error:
            return error
        return None

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(attempt, works))


def carry_out(file: Path, folder: Path, *overrides: str) -> None:
    """Do what a runner does in a directory, but for the work: its scores are invented."""
    plan, store = Study.from_yaml(file, overrides).plan(check=False), Store(folder)
    part, keeping = part_of(file, overrides), Keeping(plan.all_nodes, "all")
    prepare_store(plan, store, keeping, part=part, divided=is_divided(overrides))
    publish(plan, store)
    join_again(plan, store, keeping, part)
    write_frames(store)


def publish(plan: Plan, store: Store) -> None:
    for run in plan.of(Run):
        publish_run(run, store)


def seeds_of(folder: Path) -> set[int]:
    return set(pd.read_csv(folder / "records.csv")["seed"])


def test_parts_that_run_at_once_are_all_in_the_records(study_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    works = [partial(carry_out, study_file, folder, f"seeds=[{seed}]") for seed in (3, 1, 0, 2)]
    assert at_once(works) == [None] * 4
    assert seeds_of(folder) == {0, 1, 2, 3}
    assert Study.from_yaml(folder / "study.yaml").seeds == (0, 1, 2, 3)
    before = (folder / "manifest.json").read_bytes()
    carry_out(study_file, folder, "seeds=[1]")
    assert (folder / "manifest.json").read_bytes() == before


def test_parts_that_run_one_after_the_other_are_all_in_the_records(study_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    carry_out(study_file, folder, "seeds=[5]")
    carry_out(study_file, folder, "seeds=[6]", "ablations=[none]")
    assert seeds_of(folder) == {5, 6}
    manifest = Manifest.read(folder)
    assert len(manifest.nodes["run"]) == len(set(manifest.nodes["run"])) == 4 + 1
    assert set(manifest.columns) == set(manifest.nodes["run"])


@pytest.mark.parametrize("overrides", [(), ("seeds=[6]", "training.epochs=1")])
def test_another_plan_takes_the_place_of_parts(
    study_file: Path, tmp_path: Path, overrides: tuple[str, ...]
) -> None:
    """The study as it stands in the file, and parts of a study with other settings."""
    folder = tmp_path / "r"
    carry_out(study_file, folder, "seeds=[5]")
    carry_out(study_file, folder, *overrides)
    assert seeds_of(folder) == ({6} if overrides else {0, 1})


def test_parts_of_a_changed_file_are_another_study(study_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "r"
    carry_out(study_file, folder, "seeds=[5]")
    study_file.write_text(study_file.read_text().replace("batch_size: 8", "batch_size: 4"))
    carry_out(study_file, folder, "seeds=[6]")
    assert seeds_of(folder) == {6}


def test_of_two_studies_that_begin_in_one_directory_one_is_told(study: Study, tmp_path: Path) -> None:
    plans = [study.model_copy(update={"name": name}).plan(check=False) for name in ("one", "two", "three")]
    for number in range(5):
        store = Store(tmp_path / str(number))
        told = at_once([partial(prepare_store, plan, store) for plan in plans])
        (first,) = (plan for plan, error in zip(plans, told, strict=True) if error is None)
        assert (store.read_manifest() or {})["study"] == first.study.name
        for plan, error in zip(plans, told, strict=True):
            if plan is not first:
                assert f"holds study '{first.study.name}', not '{plan.study.name}'" in str(error)
        assert Study.from_yaml(store.root / "study.yaml").name == first.study.name
