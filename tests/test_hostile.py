"""Hostile input: names that are markup, commands or formulas, code in checkpoints, paths that climb out."""

from __future__ import annotations

import csv
import json
import pickle
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.records.tidy import load_records, validate_records, write_records
from layerlab.analysis.stored.frame_files import read_csv, to_csv
from layerlab.extensions import import_modules
from layerlab.names import visible
from layerlab.report.page.study_report import write_report
from tests.fixtures.command_line import Call
from tests.fixtures.records import make_records
from tests.malformed.checkpoints import ask_for_code

PACKAGE = Path(__file__).parents[1] / "layerlab"
HTML = '<script>alert("x")</script>&<img src=x onerror=alert(1)>'
LATEX = r"\input{/etc/passwd}$\undefined$%_^&"
ANSI = "red\x1b[31m\x1b]0;title\x07"
TURNED = "a\u202etxt.\u2066exe"
FORMULA = '=HYPERLINK("http://x","y")'
CLIMBING = "../../../up"
FORMULAS = ("=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "'=1", "''=1")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a study whose every name is hostile."""
    folder = tmp_path_factory.mktemp("outer") / "a" / "b" / "report"
    frame = make_records(
        n_layers=4, seeds=(0, 1), models=(HTML + ANSI,), sources=(CLIMBING,), targets=(FORMULA, TURNED),
        study=LATEX,
    )  # fmt: skip
    names = dict(zip(frame["ablation"].unique()[1:], (ANSI, FORMULA + LATEX), strict=False))
    frame["ablation"] = frame["ablation"].replace(names)
    write_report(validate_records(frame), folder)
    write_records(frame, folder / "records.csv")
    return folder


def test_no_text_of_a_report_steers_a_terminal_or_turns_letters(report: Path) -> None:
    texts = [path for path in report.rglob("*") if path.suffix in (".html", ".md", ".tex")]
    assert len(texts) > 4
    for path in texts:
        text = path.read_text(encoding="utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text), path
    assert r"red\x1b[31m" in (report / "index.html").read_text(encoding="utf-8")


def test_names_in_the_page_are_no_markup(report: Path) -> None:
    page = (report / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;script&gt;" in page


def test_names_in_tables_are_no_commands_of_latex(report: Path) -> None:
    for path in (report / "tables").glob("*.tex"):
        text = path.read_text(encoding="utf-8")
        assert r"\input" not in text
        assert r"\undefined" not in text


def test_figures_of_such_names_are_drawn_in_their_folder(report: Path) -> None:
    assert list((report / "figures").rglob("*.pdf"))
    outside = [path for path in report.parents[2].rglob("*") if path.is_file() and report not in path.parents]
    assert outside == []


def test_no_cell_of_a_csv_file_is_a_formula_and_records_read_back(report: Path) -> None:
    files = list(report.rglob("*.csv"))
    assert len(files) >= 3
    for path in files:
        for row in csv.reader(path.read_text(encoding="utf-8").splitlines()):
            for cell in row:
                assert not cell.startswith(("=", "+", "-", "@")) or re.fullmatch(r"-[\d.e-]+", cell), cell
    again = load_records(report / "records.csv")
    assert {FORMULA, TURNED} < set(again["target"])
    assert set(again["model"]) == {HTML + ANSI}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_in_csv_read_back_as_they_were(tmp_path: Path, name: str) -> None:
    frame = pd.DataFrame({"ablation": [name, "none", "-1", ""], "value": [-0.5, 1.0, 2.0, 3.0]})
    text = to_csv(frame)
    assert not re.search(r'(?m)^"?[=+@\t\r]', text)
    assert text.splitlines()[-2:] == ["-1,2.0", ",3.0"]
    (tmp_path / "a.csv").write_text(text, encoding="utf-8", newline="")
    assert list(read_csv(tmp_path / "a.csv")["ablation"]) == list(frame["ablation"])


def test_a_carriage_return_begins_no_row(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        to_csv(pd.DataFrame({"ablation": ["a\r=1"]})), encoding="utf-8", newline=""
    )
    assert list(read_csv(tmp_path / "a.csv")["ablation"]) == [r"a\r=1"]


def test_letters_of_all_scripts_stay_as_they_are() -> None:
    for text in ("naïve", "мира", "עברית", "فارسی‌زبان", "हिन्दी", "中文", "👩‍🔬", "a b"):
        assert visible(text) == text


@pytest.fixture
def study(treebanks: Path, tiny_encoder: Path, tmp_path: Path) -> dict[str, Any]:
    """A study with an encoder of its own."""
    shutil.copytree(tiny_encoder, tmp_path / "encoder")
    return {
        "name": "small",
        "models": [str(tmp_path / "encoder")],
        "tasks": ["upos"],
        "data": {"root": str(treebanks)},
        "sources": ["aa"],
    }


def write(folder: Path, study: dict[str, Any], **changes: Any) -> Path:
    path = folder / "study.yaml"
    path.write_text(json.dumps({**study, **changes}), encoding="utf-8")
    return path


def test_names_are_written_out_on_a_terminal(call: Call, study: dict[str, Any], tmp_path: Path) -> None:
    ablations = ["none", {"name": ANSI + TURNED, "before": [{"reset": {"layers": "0"}}]}]
    file = write(tmp_path, study, ablations=ablations)
    code, out, err = call("plan", file, "--results", tmp_path / "r")
    assert (code, err) == (0, "")
    assert r"red\x1b[31m\x1b]0;title\x07a\u202etxt.\u2066exe" in out
    assert not set("\x1b\x07\u202e\u2066") & set(out)
    code, out, err = call("plan", write(tmp_path, study, tasks=["upos" + ANSI]))
    assert code == 2
    assert not set("\x1b\x07") & set(out + err)


class Touch:
    """Makes a file when it is unpickled without care."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("verb", ["plan", "run", "describe", "check"])
@pytest.mark.parametrize("attack", ["pickle", "code", "tokenizer"])
def test_no_code_of_a_checkpoint_is_run(
    call: Call, study: dict[str, Any], tmp_path: Path, verb: str, attack: str
) -> None:
    encoder = tmp_path / "encoder"
    if attack == "pickle":
        (encoder / "model.safetensors").unlink()
        (encoder / "pytorch_model.bin").write_bytes(pickle.dumps({"a": Touch(encoder / "ran")}, protocol=2))
    elif attack == "code":
        ask_for_code(encoder)
    else:
        brought = f"open({str(encoder / 'ran')!r}, 'w').close()\nclass Tokenizer: pass\n"
        (encoder / "remote.py").write_text(brought)
        changes = {"auto_map": {"AutoTokenizer": ["remote.Tokenizer", None]}, "tokenizer_class": "Tokenizer"}
        plain = json.loads((encoder / "tokenizer_config.json").read_text(encoding="utf-8"))
        (encoder / "tokenizer_config.json").write_text(json.dumps({**plain, **changes}))
    if verb in ("plan", "run"):
        file = write(tmp_path, study, training={"epochs": 1})
        arguments: list[object] = [verb, file, "--results", tmp_path / "r"]
        arguments += ["--workers", 0, "--no-report"] if verb == "run" else []
    else:
        arguments = [verb, encoder, *(["--no-text"] if verb == "check" else [])]
    code, out, err = call(*arguments)
    assert not (encoder / "ran").exists()
    assert "Traceback" not in out + err
    if attack != "tokenizer":  # a tokenizer.json is read without the code
        assert code == (1 if verb == "check" else 2), out + err


def test_languages_of_a_family_stay_in_their_folder(call: Call, tmp_path: Path) -> None:
    (tmp_path / "family.yaml").write_text('languages: {"../../up": {order: SOV}}\n', encoding="utf-8")
    arguments = ("languages", "write", tmp_path / "out", "--family", tmp_path / "family.yaml")
    code, _, err = call(*arguments)
    assert code == 2
    assert "language '../../up': expected a name that becomes a folder's" in err
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_current_directory_takes_the_place_of_no_library(tmp_path: Path) -> None:
    for name in ("typer", "rich", "ruamel"):
        (tmp_path / f"{name}.py").write_text(f"raise SystemExit('{name} of the current directory')\n")
    command = [sys.executable, "-m", "layerlab", "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, "describe" in done.stdout) == (0, True), done.stderr


def test_the_path_of_modules_grows_at_its_end_and_only_for_imports(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = list(sys.path)
    assert import_modules([], beside=(tmp_path,)) == []
    assert sys.path == before
    (tmp_path / "json.py").write_text("raise ValueError\n")
    assert import_modules(["json"], beside=(tmp_path,)) == []
    assert sys.path == [*before, str(tmp_path)]


def test_workers_do_not_look_in_the_current_directory_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from layerlab.nodes.engines.local import LocalEngine
    from layerlab.nodes.settings import WorkSettings
    from layerlab.nodes.store.store import Store

    started: list[list[str]] = []

    def refuse(command: list[str], **_: Any) -> None:
        started.append(command)
        raise OSError("not here")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(OSError, match="not here"):
        LocalEngine(Store(tmp_path), WorkSettings(), 1)
    assert started[0][1:3] == ["-P", "-m"]


UNSAFE = (
    r"\bpickle\.load", r"\btorch\.load\((?!.*weights_only=True)", r"\byaml\.load\(", r"(?<!\.)\beval\(",
    r"\bexec\(", r"extractall",
    r"unpack_archive", r"shell=True", r"os\.system", r"trust_remote_code=True(?!\))",
)  # fmt: skip


def test_nothing_unpickles_unpacks_or_evaluates_what_it_reads() -> None:
    """Archives are never unpacked, so that no link in one leads anywhere."""
    for path in PACKAGE.rglob("*.py"):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            for pattern in UNSAFE:
                assert not re.search(pattern, line.partition("#")[0]), f"{path}:{number}: {line}"
        text = path.read_text(encoding="utf-8")
        if re.search(r"Auto\w+\.from_pretrained\((?!\.)", text) and "bench" not in path.parts:
            assert "NO_REMOTE_CODE" in text or "``Auto" in text, path
