"""No exception leaves the command line as a traceback: every verb, every kind of error."""

from __future__ import annotations

import errno
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from layerlab import cli
from layerlab.errors import CheckpointError, DataError, StoreError
from tests.fixtures.command_line import Call


class Settings(BaseModel):
    epochs: int


def validation_error() -> Exception:
    try:
        Settings.model_validate({"epochs": "many"})
    except ValueError as error:
        return error
    raise AssertionError


def json_error() -> Exception:
    try:
        json.loads("{")
    except ValueError as error:
        return error
    raise AssertionError


class PanicException(BaseException):
    """As parsers in Rust raise it."""


ASKED = ["--task", "upos", "--source", "aa", "--targets", "bb", "--reset", "pairs"]
# Each verb with arguments, and a function that it calls.
VERBS: dict[str, tuple[list[str], str]] = {
    "describe": (["describe", "model"], "layerlab.models.encoder.Encoder.from_pretrained"),
    "plan": (["plan", "study.yaml"], "layerlab.study.study.Study.from_yaml"),
    "run": (["run", "study.yaml"], "layerlab.study.study.Study.from_yaml"),
    "status": (["status", "study.yaml"], "layerlab.study.study.Study.from_yaml"),
    "cancel": (["cancel", "results"], "layerlab.nodes.store.store.Store.read_manifest"),
    "work": (["work", "results"], "layerlab.study.serving.read_plan"),
    "prune": (["prune", "study.yaml"], "layerlab.study.study.Study.from_yaml"),
    "records": (["records", "results"], "layerlab.analysis.records.tidy.load_records"),
    "table": (["table", "results"], "layerlab.analysis.records.tidy.load_records"),
    "plot": (["plot", "results"], "layerlab.analysis.records.tidy.load_records"),
    "report": (["report", "results"], "layerlab.report.page.study_report.report_on"),
    "init": (["init", *ASKED, "--model", "model"], "layerlab.commands.studies.init.draft"),
    "ablate": (["ablate", "model", *ASKED], "layerlab.commands.studies.ablate.draft"),
    "explain": (["explain", "seeds"], "layerlab.study.keys.study_keys"),
    "compare": (["compare", "a=one", "b=other"], "layerlab.analysis.records.tidy.load_records"),
    "export": (["export", "results"], "layerlab.exporting.chosen.open_store"),
    "demo": (["demo", "there"], "layerlab.demo.demo.run_demo"),
    "measure": (["measure", "model"], "layerlab.data.formats.bitext_files.read_bitexts"),
    "probe": (["probe", "model", "--source", "aa"], "layerlab.nodes.kinds.probes.probe_models"),
    "align": (
        ["align", "a", "b", "--source", "aa", "--target", "bb"],
        "layerlab.nodes.kinds.alignment.ground.find_ground",
    ),
    "export-languages": (["export-languages", "a", "there"], "layerlab.models.export.export_languages"),
    "pretrain": (["pretrain", "spec.yaml"], "layerlab.pretraining.spec.read_spec"),
    "bench": (["bench", "there"], "layerlab.bench.bench.run_bench"),
    "check": (["check", "model", "--no-text"], "layerlab.inspection.inspect.inspect_checkpoint"),
    "encoders list": (["encoders", "list"], "layerlab.models.stored.bundled.bundled_encoders"),
    "encoders remove": (["encoders", "remove", "name"], "layerlab.models.packaged.cache.kept_checkpoints"),
    "languages list": (["languages", "list"], "layerlab.languages.family.find_family"),
    "languages write": (["languages", "write", "there"], "layerlab.languages.family.find_family"),
    "run-one": (["run-one", "store", "0123"], "layerlab.nodes.worker.run_nodes"),
}

ERRORS: dict[str, tuple[BaseException, int, str]] = {
    "ours": (DataError("data/aa.conllu:3: expected 10 columns"), 2, "error: data/aa.conllu:3: expected 10"),
    "a checkpoint": (CheckpointError("it lacks tensors"), 2, "error: it lacks tensors"),
    "a store": (StoreError("it is a file"), 2, "error: it is a file"),
    "a file that is a folder": (
        NotADirectoryError(errno.ENOTDIR, "Not a directory", "out"),
        2,
        "error: out: Not",
    ),
    "no permission": (
        PermissionError(errno.EACCES, "Permission denied", "out"),
        2,
        "error: out: Permission denied",
    ),
    "a file that vanished": (
        FileNotFoundError(errno.ENOENT, "No such file", "out"),
        2,
        "error: out: No such",
    ),
    "a full disk": (OSError(errno.ENOSPC, "No space left on device", "out"), 1, "error: out: No space left"),
    "an error without a name": (OSError("odd"), 1, "error: odd"),
    "a network": (ConnectionResetError(errno.ECONNRESET, "Connection reset"), 1, "error: Connection reset"),
    "bytes that are no text": (
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        2,
        "not UTF-8",
    ),
    "text that is no bytes": (
        UnicodeEncodeError("utf-8", "\ud83d", 0, 1, "surrogates"),
        2,
        "cannot be written",
    ),
    "values": (validation_error(), 2, "error: epochs: expected a whole number, got 'many'"),
    "memory": (MemoryError(), 1, "out of memory"),
    "depth": (RecursionError("maximum"), 2, "nested too deeply"),
    "a package": (ModuleNotFoundError("No module named 'ray'", name="ray"), 1, "the package ray is needed"),
    "a key": (KeyError("layers"), 70, "KeyError: 'layers'; this should not happen"),
    "a type": (TypeError("'NoneType' object is not subscriptable"), 70, "TypeError: 'NoneType'"),
    "a value": (json_error(), 70, "JSONDecodeError: "),
    "nothing said": (RuntimeError(), 70, "RuntimeError: no reason was given"),
    "an assertion": (AssertionError(), 70, "AssertionError"),
    "a panic": (PanicException("index out of range"), 70, "PanicException: index out of range"),
    "an interrupt": (KeyboardInterrupt(), 130, "interrupted"),
}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tracebacks go to a folder of the test, which is the current one too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LAYERLAB_DEBUG", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_every_verb_is_in_the_table() -> None:
    from typer.main import get_command

    found = set()
    for name, command in get_command(cli.app).commands.items():  # type: ignore[attr-defined]
        found |= {f"{name} {inner}" for inner in getattr(command, "commands", ())} or {name}
    assert found == set(VERBS)


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("verb", VERBS)
def test_an_error_becomes_a_line_and_an_exit_status(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verb: str, kind: str
) -> None:
    arguments, target = VERBS[verb]
    error, status, message = ERRORS[kind]

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(target, fail)
    code, out, err = call(*arguments)
    assert (code, out) == (status, "")
    assert message in err
    assert "Traceback" not in err
    kept = sorted(tmp_path.glob("layerlab-*.txt"))
    if kind in {"ours", "a checkpoint", "a store", "an interrupt"}:
        assert kept == []
        assert len(err.splitlines()) == 1
    else:
        assert str(kept[0]) in err
        text = kept[0].read_text(encoding="utf-8")
        assert "Traceback" in text
        assert type(error).__name__ in text


@pytest.mark.parametrize("how", ["option", "variable"])
def test_a_traceback_is_shown_on_request(call: Call, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("layers")

    monkeypatch.setattr("layerlab.languages.family.find_family", fail)
    monkeypatch.setenv("LAYERLAB_DEBUG", "1" if how == "variable" else "")
    code, _, err = call("languages", "list", *(["--debug"] if how == "option" else []))
    assert code == 70
    assert re.search(r"Traceback(.|\n)*KeyError: 'layers'", err)


def test_an_error_is_said_where_no_file_can_be_written(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("layers")

    monkeypatch.setattr("layerlab.languages.family.find_family", fail)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    code, _, err = call("languages", "list")
    assert (code, err.count("\n")) == (70, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "study.yaml", "--results", "file"],
        ["plan", "study.yaml", "--results", "file"],
        ["status", "study.yaml", "--results", "file"],
        ["prune", "study.yaml", "--results", "file"],
        ["plot", "results", "-o", "file"],
        ["report", "results", "-o", "file/below"],
        ["records", "results", "-o", "file/records.csv"],
        ["measure", "model", "-o", "file"],
        ["probe", "model", "--source", "aa", "-o", "file"],
        ["pretrain", "spec.yaml", "file"],
        ["pretrain", "spec.yaml", "--store", "file"],
        ["demo", "file"],
        ["languages", "write", "file"],
    ],
)
def test_a_file_where_a_directory_is_needed_is_refused_first(
    call: Call, tmp_path: Path, arguments: list[str]
) -> None:
    (tmp_path / "file").write_text("a")
    code, _, err = call(*arguments)
    assert code == 2
    assert "file is a file; expected a directory that can be written" in err


def test_a_directory_where_a_file_is_written_is_refused_first(call: Call, tmp_path: Path) -> None:
    code, _, err = call("records", "results", "-o", tmp_path)
    assert (code, "is a directory; expected a file" in err) == (2, True)
