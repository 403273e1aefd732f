"""``layerlab compare`` names what sets studies apart, then shows their effects side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from layerlab.analysis.effects.sensitivity import sensitivity
from layerlab.analysis.records.tidy import write_records
from tests.fixtures.command_line import Call

Make = Callable[..., pd.DataFrame]


@pytest.fixture
def pair(synthetic: Make, tmp_path: Path) -> tuple[Path, Path]:
    """Two published studies that differ in their epochs and seeds."""
    for name, epochs, seeds in (("short", 1, (0, 1, 2)), ("long", 3, (0, 1, 2, 3))):
        folder = tmp_path / name
        folder.mkdir()
        frame = synthetic(tasks=("upos",), sources=("en",), seeds=seeds).assign(study=name)
        write_records(frame, folder / "records.csv")
        (folder / "study.yaml").write_text(
            f"name: {name}\ntraining: {{epochs: {epochs}}}\n", encoding="utf-8"
        )
    return tmp_path / "short", tmp_path / "long"


def test_differences_come_first_and_numbers_are_those_of_each_study(
    call: Call, pair: tuple[Path, Path]
) -> None:
    code, out, err = call("compare", *pair)
    assert code == 0, err
    assert out.startswith("Settings that differ\n\n- training.epochs: short 1; long 3\n")
    assert " short en-en |" in out
    assert "long en-X" in out
    for folder in pair:
        effect = sensitivity(pd.read_csv(folder / "records.csv", keep_default_na=False, na_values=[""]))
        (lowest,) = effect[(effect["quantity"] == "source_drop") & (effect["layers"] == "0-1")]["effect"]
        assert f"{-100 * lowest:.1f} ±" in out


def test_a_figure_is_drawn_and_labels_can_be_given(
    call: Call, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    code, out, err = call("compare", f"a={pair[0]}", f"b={pair[1]}", "-o", tmp_path / "drawn")
    assert code == 0, err
    assert "a en-en" in out
    assert [path.suffix for path in (tmp_path / "drawn").iterdir()] == [".pdf"]


def test_two_studies_of_one_name_need_labels(call: Call, pair: tuple[Path, Path]) -> None:
    code, _, err = call("compare", pair[0], pair[0])
    assert code == 2
    assert "two studies are called 'short': name one, as in other=" in err


def test_a_report_over_several_studies_has_one_table_one_figure_and_one_page(
    call: Call, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    code, out, err = call("report", f"a={pair[0]}", f"b={pair[1]}", "-o", tmp_path / "both")
    assert code == 0, err
    names = {Path(line).relative_to(tmp_path / "both").as_posix() for line in out.splitlines()}
    tables = {f"tables/comparison.{suffix}" for suffix in ("md", "tex", "csv")}
    assert names >= {"index.html", *tables}
    assert any(name.startswith("figures/comparison-upos-en-reset") for name in names)
    page = (tmp_path / "both" / "index.html").read_text(encoding="utf-8")
    assert "training.epochs" in page
    assert "a 1; b 3" in page
    assert page.count("<figure") == 1
