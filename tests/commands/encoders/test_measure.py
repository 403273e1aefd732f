"""``layerlab measure`` prints a table and writes the frame and its figures."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.fixtures.command_line import Call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "parallel.tsv"
    rows = [
        f"mira {w} gati\tmiros {v} gatun" for w in ("tola", "pesa", "runa") for v in ("tolos", "pesos", "os")
    ]
    path.write_text("\n".join(["aa\tbb", *rows]) + "\n", encoding="utf-8")
    return path


def test_two_models_are_measured_and_drawn(
    call: Call, tiny_encoder: Path, fit: Path, table: Path, tmp_path: Path
) -> None:
    where = ("--parallel", table, "--pair-with", "aa", "-o", tmp_path / "out", "--png")
    code, out, _ = call("measure", f"before={tiny_encoder}", fit, *where)
    assert code == 0
    frame = pd.read_csv(tmp_path / "out" / "alignment.csv")
    assert set(frame["model"]) == {"before", "0123abcd"}
    assert set(frame["n"]) == {9}
    values = frame.set_index(["model", "metric", "layer"])["value"].unstack("model")
    assert list(values["before"]) == list(values["0123abcd"])
    shown = 100 * float(values["before"].to_dict()["cka", 2])
    assert f"{shown:.1f}" in out
    assert "before: cka in percent, 9 sentence pairs, after 0 (embeddings) to 4 layers" in out
    assert "retrieval_forward" not in out
    for name in ("cka-by-layer.pdf", "cka-models.png", "retrieval-csls-by-layer.png"):
        assert (tmp_path / "out" / name).is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--parallel", "nowhere"], "no parallel sentences at 'nowhere'"),
        (["--languages", "bb,zz"], "unknown language 'zz'"),
        (["--measures", "ckka"], "did you mean 'cka'"),
        (["--pooling", "max"], "unknown pooling 'max'"),
    ],
)
def test_mistakes_end_with_status_2(
    call: Call, tiny_encoder: Path, table: Path, arguments: list[str], message: str
) -> None:
    # Of an option given twice, the last counts.
    code, _, err = call("measure", tiny_encoder, "--pair-with", "aa", "--parallel", table, *arguments)
    assert code == 2
    assert message in err
