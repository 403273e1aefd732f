from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from layerlab.analysis.sentences.counts import COUNT_COLUMNS, find_counts, load_counts, write_counts
from layerlab.errors import RecordsError


def counts_of(run: str, metric: str = "accuracy", hits: tuple[int, ...] = (1, 2)) -> pd.DataFrame:
    named = {"study": "s", "run_id": run, "target": "de", "metric": metric, "part": "0"}
    return pd.DataFrame(named | {"sentence": range(len(hits)), "hits": hits, "total": [3] * len(hits)})


def make_store(folder: Path, with_counts: tuple[str, ...], without: tuple[str, ...] = ()) -> Path:
    runs = [*with_counts, *without]
    columns = {run: {"study": "renamed"} for run in runs}
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps({"study": "s", "runs": runs, "columns": columns}))
    for run in runs:
        (folder / "runs" / run).mkdir(parents=True)
        (folder / "runs" / run / "record.json").write_text(json.dumps({"run": {"study": "s"}, "scores": []}))
    for run in with_counts:
        frame = pd.concat([counts_of(run), counts_of(run, "las")])[list(COUNT_COLUMNS[2:])]
        frame.to_parquet(folder / "runs" / run / "counts.parquet")
    return folder


def test_a_store_gives_the_counts_of_its_runs_under_the_names_of_its_plan(tmp_path: Path) -> None:
    found = load_counts(make_store(tmp_path / "store", ("r1", "r2")))
    assert list(found.columns) == list(COUNT_COLUMNS)
    assert len(found) == 8
    assert set(found["study"]) == {"renamed"}
    assert list(found[(found["run_id"] == "r2") & (found["metric"] == "las")]["hits"]) == [1, 2]


def test_one_metric_can_be_asked_for(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", ("r1",))
    assert set(load_counts(store, metrics=["las"])["metric"]) == {"las"}
    with pytest.raises(RecordsError, match="unknown metric in the counts of sentences 'uas'; did you mean"):
        load_counts(store, metrics=["uas"])


def test_what_is_written_is_read_back_from_folder_file_and_beside_records(tmp_path: Path) -> None:
    frame = pd.concat([counts_of("r2"), counts_of("r1")])
    path = write_counts(frame, tmp_path / "counts.parquet")
    found = load_counts(path)
    assert found["run_id"].tolist() == ["r1", "r1", "r2", "r2"]
    assert found["hits"].tolist() == [1, 2, 1, 2]
    for place in (tmp_path, tmp_path / "records.csv", tmp_path / "records.parquet"):
        pd.testing.assert_frame_equal(load_counts(place), found)
    again = write_counts(frame.iloc[::-1], tmp_path / "again.parquet")
    assert again.read_bytes() == path.read_bytes()
    with pytest.raises(RecordsError, match=r"expected the suffix \.npz or \.parquet"):
        write_counts(frame, tmp_path / "counts.csv")
    with pytest.raises(RecordsError, match="the counts lack the columns hits"):
        write_counts(frame.drop(columns="hits"), path)


def test_a_study_without_counts_says_what_can_be_done(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store", (), ("r1", "r2"))
    with pytest.raises(RecordsError, match=r"none of its 2 complete runs has counts.*run the study again"):
        load_counts(store)
    (tmp_path / "records.csv").write_text("study\n")
    with pytest.raises(RecordsError, match=r"has no counts of sentences: expected .*counts\.parquet"):
        load_counts(tmp_path)
    (tmp_path / "counts.parquet").write_text("no parquet")
    with pytest.raises(RecordsError, match="cannot read .*counts.parquet"):
        load_counts(tmp_path)


def test_the_small_file_gives_back_every_count_and_goes_before_the_large_one(tmp_path: Path) -> None:
    runs = [counts_of("r2", hits=(0, 3, 2)), counts_of("r1", hits=(1, 3, 3)), counts_of("r1", "las")]
    frame = pd.concat(runs)
    frame.loc[(frame["run_id"] == "r1") & (frame["metric"] == "las"), "total"] = [300, 70000]
    write_counts(counts_of("other"), tmp_path / "counts.parquet")
    path = write_counts(frame, tmp_path / "counts.npz")
    order = ["metric", "run_id", "sentence"]
    both = (one[list(COUNT_COLUMNS)].astype({"run_id": str}) for one in (load_counts(tmp_path), frame))
    found, given = (one.sort_values(order, ignore_index=True).astype(str) for one in both)
    pd.testing.assert_frame_equal(found, given)
    assert set(load_counts(path, metrics=["las"])["metric"]) == {"las"}
    again = write_counts(frame.iloc[::-1], tmp_path / "again" / "counts.npz")
    assert again.read_bytes() == path.read_bytes()
    for content in (b"no zip", path.read_bytes()[:200]):
        path.write_bytes(content)
        with pytest.raises(RecordsError, match="cannot read .*counts.npz"):
            load_counts(tmp_path)
    with pytest.raises(RecordsError, match="sentences of target de do not count from 0"):
        write_counts(frame.assign(sentence=frame["sentence"] + 1), path)


def test_runs_of_other_corpora_of_a_target_are_kept_apart(tmp_path: Path) -> None:
    frame = pd.concat([counts_of("r1", hits=(1, 2, 3)), counts_of("r2", hits=(1, 2))])
    found = load_counts(write_counts(frame, tmp_path / "counts.npz"))
    assert found.groupby("run_id", observed=True)["sentence"].size().to_dict() == {"r1": 3, "r2": 2}


def test_the_small_file_is_a_small_part_of_the_large_one(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    total, ease = rng.integers(5, 30, 500), rng.beta(6, 1, 500)
    hits = {f"{seed:012x}": tuple(rng.binomial(total, ease)) for seed in range(40)}
    runs = [counts_of(run, hits=one).assign(total=total) for run, one in hits.items()]
    small, large = (write_counts(pd.concat(runs), tmp_path / f"counts.{end}") for end in ("npz", "parquet"))
    assert small.stat().st_size < 0.7 * large.stat().st_size


def test_what_has_no_counts_is_found_to_have_none(tmp_path: Path) -> None:
    assert find_counts(tmp_path) is None
    assert find_counts(make_store(tmp_path / "bare", (), ("r1",))) is None
    found = find_counts(make_store(tmp_path / "store", ("r1",)), ["las", "unheard-of"])
    assert found is not None
    assert set(found["metric"]) == {"las"}


def test_counts_are_read_without_torch() -> None:
    program = (
        "import sys, layerlab.analysis.sentences.bootstrap, layerlab.analysis.sentences.counts\n"
        "assert not {'torch', 'transformers', 'datasets'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
