from __future__ import annotations

import json
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from layerlab.analysis.effects.scales import SCALES
from layerlab.analysis.records.tidy import empty_records, load_records, write_records
from layerlab.analysis.significance.effects import significance
from layerlab.errors import RecordsError
from layerlab.report.page.about import read_about
from layerlab.report.page.study_report import write_report
from layerlab.report.tables.formats.latex import PREAMBLE, to_latex
from layerlab.report.tables.study_tables import lay_out_tables

Make = Callable[..., pd.DataFrame]

NODE = {
    "seconds": 30.5, "device": "CPU (x86_64)", "threads": 1, "python": "3.11.7",
    "versions": {"layerlab": "0.1.0", "torch": "2.13.0"}, "git_commit": "0123456789ab",
}  # fmt: skip
RUN = (
    "study", "run_id", "fit_id", "model", "task", "ablation", "phase", "intervention", "layers",
    "first_layer", "last_layer", "source", "seed",
)  # fmt: skip
SCORE = ("target", "split", "metric", "layer", "value", "n")


def write_store(frame: pd.DataFrame, folder: Path, missing: int = 0) -> Path:
    """Write records as the store of a study, the last runs of which are missing."""
    plain = frame.astype(object).where(frame.notna(), None)
    fits = list(dict.fromkeys(plain["fit_id"]))
    runs = dict(iter(plain.groupby("run_id", sort=False)))
    names = {name: f"run{index}" for index, name in enumerate(runs)}
    manifest = {"study": str(plain["study"].iloc[0]), "runs": list(names.values()), "fits": fits}
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    for name, rows in list(runs.items())[: len(runs) - missing]:
        about = {column: _value(rows[column].iloc[0]) for column in RUN} | {"run_id": names[name]}
        scores = [{column: _value(row[column]) for column in SCORE} for row in rows.to_dict("records")]
        _write(folder / "runs" / names[name], {"run": about, "scores": scores, "node": NODE})
    for fit in fits:
        _write(folder / "fits" / fit, {"fit": {"fit_id": fit}, "node": NODE | {"n_steps": 100}})
    return folder


def _write(folder: Path, record: Mapping[str, Any]) -> None:
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps(record))


def _value(cell: Any) -> Any:
    return cell.item() if hasattr(cell, "item") else cell


def test_every_table_and_figure_is_written_and_on_the_page(synthetic: Make, tmp_path: Path) -> None:
    records = synthetic(n_layers=4, targets=("de", "fr"))
    paths = write_report(records, tmp_path)
    assert all(path.is_file() for path in paths)
    written = {path.relative_to(tmp_path).as_posix() for path in paths}
    stems = ("table", "effects", "effects-log-odds", "targets", "scores")
    assert written >= {f"tables/{stem}.{suffix}" for stem in stems for suffix in ("md", "tex")}
    assert written >= {"index.html", "tables/effects.csv", "tables/effects-log-odds.csv", "tables/scores.csv"}
    kinds = [f"{kind}-upos-en-reset-before" for kind in ("sensitivity", "targets", "heatmap")]
    for place in ("figures", "figures/full-width"):
        assert written >= {f"{place}/{kind}.pdf" for kind in kinds}
    assert not list(tmp_path.rglob("*.png"))
    page = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert page.count("<figure") == 3
    assert page.count("<table") == 5


def test_equal_records_give_equal_files(synthetic: Make, tmp_path: Path) -> None:
    records = synthetic(n_layers=2, targets=("de",))
    first, second = write_report(records, tmp_path / "a"), write_report(records, tmp_path / "b")
    assert [path.name for path in first] == [path.name for path in second]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_study_that_is_not_complete_says_so(synthetic: Make, tmp_path: Path) -> None:
    frame = synthetic(n_layers=4, targets=("de",))
    store = write_store(frame, tmp_path / "store", missing=2)
    failed = store / "failed" / "run8"
    failed.mkdir(parents=True)
    error = {"id": "run8", "title": "upos en seed 2", "error": "TrainingError", "message": "loss is nan"}
    (failed / "error.json").write_text(json.dumps(error))
    records = load_records(store)
    write_report(records, tmp_path / "out", read_about(store, records))
    page = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "7 of 9 planned runs are there" in page
    assert "Failed: upos en seed 2: TrainingError: loss is nan" in page
    assert "<dt>Fine-tunings</dt><dd>3 in 1 min 32 s, 30.5 s each</dd>" in page
    assert "Python 3.11.7, layerlab 0.1.0, torch 2.13.0" in page


def test_before_anything_can_be_compared_there_are_scores(synthetic: Make, tmp_path: Path) -> None:
    records = synthetic(n_layers=2)
    names = [path.name for path in write_report(records[records["ablation"] == "none"], tmp_path)]
    assert names == ["index.html", "scores.csv", "scores.md", "scores.tex"]


def test_a_study_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordsError, match="no complete run"):
        write_report(empty_records(), tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex with booktabs and siunitx")
def test_every_table_compiles_in_a_document(synthetic: Make, tmp_path: Path) -> None:
    frames = [
        synthetic(n_layers=12, tasks=("upos", "ner"), targets=("de", "fr", "en:GUM"), seeds=range(7)),
        synthetic(n_layers=24, size=1, seeds=(0,), models=("a_b & 50% $x$ #1 {~^\\}",)),
        synthetic(study="freeze", targets=[f"zh_{index}" for index in range(16)]),
    ]
    texts = []
    for frame in frames:
        effects = {scale: significance(frame, incomplete="drop", scale=scale) for scale in SCALES}
        tables = lay_out_tables(frame, effects)
        names = ["table", "effects", "effects-log-odds", "targets", "scores"]
        assert [kind.name for kind in tables] == names
        texts += [f"{to_latex(table)}\\clearpage\n" for table in tables.values()]
    text = f"\\documentclass[twocolumn]{{article}}\n{PREAMBLE}\\begin{{document}}\n{''.join(texts)}"
    (tmp_path / "all.tex").write_text(f"{text}\\end{{document}}\n", encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-draftmode", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-2000:]
    too_wide = [float(width) for width in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert max(too_wide, default=0.0) < 5


def test_neither_torch_nor_transformers_is_needed(synthetic: Make, tmp_path: Path) -> None:
    write_records(synthetic(n_layers=2, targets=("ilda",)), tmp_path / "records.csv")
    code = (
        "import sys\nfrom pathlib import Path\nfrom layerlab.report.page.study_report import report_on\n"
        f"report_on(Path({str(tmp_path)!r}), Path({str(tmp_path / 'report')!r}))\n"
        "assert not {'torch', 'transformers', 'accelerate', 'datasets'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "report" / "index.html").is_file()


@pytest.mark.slow
def test_a_study_of_500_runs_takes_less_than_20_seconds(synthetic: Make, tmp_path: Path) -> None:
    targets = ("de", "es", "fr", "hi", "ja", "ko", "tr", "zh")
    frame = synthetic(seeds=range(24), sources=("en", "ru", "ar"), targets=targets)
    assert frame["run_id"].nunique() == 504
    store = write_store(frame, tmp_path / "store")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "layerlab", "report", store], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Of the processor, so that what else the machine does takes no part.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 20
    assert (store / "report" / "index.html").is_file()
