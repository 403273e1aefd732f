from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.records.columns import COLUMNS
from layerlab.analysis.records.nodes import load_nodes
from layerlab.analysis.records.tidy import (
    empty_records,
    load_records,
    validate_records,
    write_records,
)
from layerlab.errors import RecordsError

Rows = Callable[..., pd.DataFrame]


def write_run(store: Path, run_id: str, layers: str | None, value: float, folder: str | None = None) -> None:
    run = {
        "study": "s", "run_id": run_id, "fit_id": "f1", "model": "m", "task": "upos",
        "ablation": f"reset({layers})@before" if layers else "none", "phase": "before" if layers else "none",
        "intervention": "reset" if layers else "none", "layers": layers, "source": "en", "seed": 3,
        "first_layer": -1 if layers else None, "last_layer": 0 if layers else None,
    }  # fmt: skip
    scores = [
        {"target": t, "split": "test", "metric": "accuracy", "value": value, "n": 7} for t in ("en", "nan")
    ]
    scores.append({"target": "de", "split": "test", "metric": "cka", "layer": 4, "value": 0.25, "n": 7})
    path = store / "runs" / (folder or run_id)
    path.mkdir(parents=True)
    record = {"run": run, "scores": scores, "node": {"seconds": 1.5}}
    (path / "record.json").write_text(json.dumps(record))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    write_run(tmp_path, "r1", None, 0.9)
    write_run(tmp_path, "r2", "embeddings,0", 0.1 + 0.2)
    write_run(tmp_path, "old", "0", 0.5)
    write_run(tmp_path, "r3", "0", 0.5, folder="r3.tmp-12ab")
    manifest = {"study": "s", "runs": ["r1", "r2", "r3"], "fits": ["f1"]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    node = {"seconds": 60.0, "versions": {"torch": "2.6"}, "receipts": [{"n": 1}], "git_commit": None}
    (tmp_path / "fits" / "f1").mkdir(parents=True)
    fit = {
        "study": "s",
        "fit_id": "f1",
        "model": "m",
        "task": "upos",
        "source": "en",
        "seed": 3,
        "ablation": {"name": "none"},
    }
    (tmp_path / "fits" / "f1" / "record.json").write_text(json.dumps({"fit": fit, "node": node}))
    return tmp_path


def test_a_store_gives_the_complete_runs_of_its_plan(store: Path) -> None:
    frame = load_records(store)
    assert list(frame.columns) == list(COLUMNS)
    assert list(frame["run_id"].unique()) == ["r1", "r2"]
    assert frame.attrs == {"planned": 3, "complete": 2}
    assert len(frame) == 6


def test_everything_adds_complete_runs_of_older_plans_but_no_partial_ones(store: Path) -> None:
    assert set(load_records(store, everything=True)["run_id"]) == {"r1", "r2", "old"}


def test_runs_of_the_plan_bear_the_names_that_it_gives_them_now(store: Path) -> None:
    manifest = json.loads((store / "manifest.json").read_text())
    renamed = {"study": "new", "model": "small", "ablation": "bottom", "first_layer": None}
    manifest["columns"] = {"r2": renamed, "r9": {"study": "not there"}}
    (store / "manifest.json").write_text(json.dumps(manifest))
    frame = load_records(store, everything=True).set_index("run_id")
    columns = ["study", "model", "ablation", "layers", "seed"]
    assert frame.loc["r2", columns].drop_duplicates().to_numpy().tolist() == [
        ["new", "small", "bottom", "embeddings,0", 3],
    ]  # fmt: skip
    assert frame["first_layer"][frame.index == "r2"].isna().all()
    assert set(frame.loc[["r1", "old"], "study"]) == {"s"}
    assert set(load_records(store)["ablation"]) == {"none", "bottom"}
    nodes = load_nodes(store, everything=True).set_index("id")
    assert nodes["ablation"][["r2", "old"]].tolist() == ["bottom", "reset(0)@before"]


@pytest.mark.parametrize("columns", [["r1"], {"r1": "s"}])
def test_columns_of_another_form_are_refused(store: Path, columns: object) -> None:
    (store / "manifest.json").write_text(json.dumps({"runs": ["r1"], "columns": columns}))
    with pytest.raises(RecordsError, match="columns.*expected"):
        load_records(store)


def test_types_do_not_depend_on_what_is_missing(store: Path) -> None:
    frame = load_records(store)
    names = ("first_layer", "seed", "layer", "n", "value", "layers")
    kinds = {name: str(frame[name].dtype) for name in names}
    integers = dict.fromkeys(names[:4], "Int64")
    assert kinds == integers | {"value": "float64", "layers": "str"}
    assert frame[frame["run_id"] == "r1"]["layers"].tolist() == ["", "", ""]
    assert frame[frame["run_id"] == "r2"]["first_layer"].tolist() == [-1, -1, -1]
    assert {name: str(empty_records()[name].dtype) for name in kinds} == kinds


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_written_records_are_read_back_exactly(store: Path, tmp_path: Path, suffix: str) -> None:
    frame = load_records(store)
    path = write_records(frame, tmp_path / "out" / f"records{suffix}")
    again = load_records(path)
    order = ["run_id", "target", "metric"]
    pd.testing.assert_frame_equal(
        again.sort_values(order, ignore_index=True), frame.sort_values(order, ignore_index=True)
    )
    assert "nan" in set(again["target"])
    pd.testing.assert_frame_equal(load_records(path.parent), again)


def test_records_of_before_there_were_donors_are_read(store: Path, tmp_path: Path) -> None:
    frame = load_records(store)
    old = tmp_path / "records.csv"
    frame.drop(columns="donor").to_csv(old, index=False)
    assert set(load_records(old)["donor"]) == {""}


def test_places_are_concatenated_and_rows_kept_once(store: Path, tmp_path: Path) -> None:
    path = write_records(load_records(store), tmp_path / "published" / "records.csv")
    assert len(load_records([store, path])) == 6


def test_a_plan_without_complete_runs_gives_an_empty_frame(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"study": "s", "runs": ["r1"], "fits": []}))
    frame = load_records(tmp_path)
    assert frame.empty
    assert list(frame.columns) == list(COLUMNS)
    assert frame.attrs == {"planned": 1, "complete": 0}


def test_what_is_no_store_is_refused_with_what_is_expected(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"expected manifest\.json \(a store\), records\.csv"):
        load_records(tmp_path)
    with pytest.raises(RecordsError, match="does not exist"):
        load_records(tmp_path / "nowhere")
    (tmp_path / "records.tsv").write_text("")
    with pytest.raises(RecordsError, match=r"unknown suffix '\.tsv'"):
        load_records(tmp_path / "records.tsv")
    with pytest.raises(RecordsError, match="empty sequence"):
        load_records([])
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(RecordsError, match=r"cannot read .*empty\.csv"):
        load_records(tmp_path / "empty.csv")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is cut off or no JSON"), ("[]", "holds a JSON list, expected an object")]
)
def test_a_broken_record_is_named_and_left_out(store: Path, text: str, message: str) -> None:
    whole = set(load_records(store)["run_id"])
    (store / "runs" / "r1" / "record.json").write_text(text)
    with pytest.warns(UserWarning, match=f"runs/r1 is left out: record.json {message}"):
        left = load_records(store)
    assert set(left["run_id"]) == whole - {"r1"}


def test_a_record_of_something_else_is_named(store: Path) -> None:
    (store / "runs" / "r1" / "record.json").write_text("{}")
    with pytest.raises(RecordsError, match=r"r1/record\.json is no record of a run"):
        load_records(store)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 0.5}, "column seed holds 0.5, expected an integer"),
        ({"value": "high"}, "column value holds 'high', expected a number"),
        ({"first_layer": "x"}, "column first_layer holds 'x', expected a number"),
    ],
)
def test_a_wrong_cell_is_named(rows: Rows, change: dict[str, Any], message: str) -> None:
    frame = rows(("", 0, {"en": 0.9})).astype(object).assign(**change)
    with pytest.raises(RecordsError, match=message):
        validate_records(frame)


def test_missing_columns_are_listed_with_those_that_are_there(rows: Rows) -> None:
    frame = rows(("", 0, {"en": 0.9})).rename(columns={"value": "score"})
    with pytest.raises(RecordsError, match="lack the columns value; it has others: score"):
        validate_records(frame)


def test_one_row_with_two_values_is_refused(rows: Rows) -> None:
    frame = rows(("", 0, {"en": 0.9}))
    with pytest.raises(RecordsError, match="two different rows for target en"):
        validate_records(pd.concat([frame, frame.assign(value=0.8)]))


def test_only_csv_and_parquet_are_written(rows: Rows, tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match=r"expected the suffix \.csv or \.parquet"):
        write_records(rows(("", 0, {"en": 0.9})), tmp_path / "records.xlsx")


def test_nodes_are_one_row_per_fit_and_run(store: Path) -> None:
    nodes = load_nodes(store)
    assert nodes[["kind", "id", "fit_id"]].to_numpy().tolist() == [
        ["fit", "f1", "f1"], ["run", "r1", "f1"], ["run", "r2", "f1"],
    ]  # fmt: skip
    assert nodes["seconds"].tolist() == [60.0, 1.5, 1.5]
    assert nodes["version_torch"][0] == "2.6"
    assert json.loads(str(nodes["receipts"][0])) == [{"n": 1}]
    assert json.loads(str(nodes["ablation"][0])) == {"name": "none"}
    assert set(load_nodes(store, everything=True)["id"]) == {"f1", "r1", "r2", "old"}


def test_a_store_without_nodes_still_gives_the_columns(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    assert list(load_nodes(tmp_path).columns)[:3] == ["kind", "id", "fit_id"]


@pytest.mark.parametrize("seed", [2**63 - 1, -(2**63) + 1, 2**53 + 1])
def test_a_seed_of_64_bits_is_kept_exactly(synthetic: Rows, tmp_path: Path, seed: int) -> None:
    frame = synthetic(n_layers=2, seeds=(0,))
    frame["seed"] = pd.array([seed] * len(frame), dtype="Int64")
    path = write_records(frame, tmp_path / "records.csv")
    assert set(load_records(path)["seed"]) == {seed}
