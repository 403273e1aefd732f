"""The tidy frames beside the nodes are written anew only where the nodes have changed."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from layerlab.nodes.kinds.run import Run
from layerlab.nodes.store.store import Store
from layerlab.study.directory.frames import write_frames
from layerlab.study.directory.keeping import Keeping
from layerlab.study.directory.parts import prepare_store
from layerlab.study.plan import Plan
from layerlab.study.study import Study
from tests.fixtures.studies import publish_run


def prepared(study: Study, folder: Path) -> tuple[Plan, Store]:
    plan, store = study.plan(check=False), Store(folder)
    prepare_store(plan, store, Keeping(plan.all_nodes, "all"), part=None, divided=False)
    return plan, store


def test_each_complete_run_is_in_the_records(study: Study, tmp_path: Path) -> None:
    plan, store = prepared(study, tmp_path / "r")
    runs = list(plan.of(Run))
    for n, run in enumerate(runs, start=1):
        publish_run(run, store)
        write_frames(store)
        assert len(pd.read_csv(store.root / "records.csv")) == n


def test_frames_of_the_same_nodes_are_not_written_again(study: Study, tmp_path: Path) -> None:
    plan, store = prepared(study, tmp_path / "r")
    publish_run(next(iter(plan.of(Run))), store)
    write_frames(store)
    before = (store.root / "records.csv").stat().st_mtime_ns
    write_frames(store)
    assert (store.root / "records.csv").stat().st_mtime_ns == before


def test_a_frame_that_somebody_changed_is_written_again(study: Study, tmp_path: Path) -> None:
    plan, store = prepared(study, tmp_path / "r")
    publish_run(next(iter(plan.of(Run))), store)
    write_frames(store)
    records = store.root / "records.csv"
    before = records.read_bytes()
    records.write_text("run_id\n")
    write_frames(store)
    assert records.read_bytes() == before
