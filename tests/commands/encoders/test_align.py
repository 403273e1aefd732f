"""``layerlab align`` prints tables and writes tidy records and figures."""

from __future__ import annotations

from pathlib import Path

from layerlab.analysis.records.tidy import load_records
from tests.fixtures.command_line import Call

OPTIONS = ("--source", "ilda", "--target", "jora", "--family", "instrument", "--sentences", "80")


def test_two_encoders_are_aligned_tabulated_and_drawn(call: Call, tiny_encoder: Path, tmp_path: Path) -> None:
    models = (f"here={tiny_encoder}", f"there={tiny_encoder}")
    few = ("--layers", "0,2", "--seeds", "0-1", "--units", "context,sentence,cka", "-o", tmp_path)
    code, out, err = call("align", *models, *OPTIONS, *few)
    assert code == 0
    frame = load_records(tmp_path)
    assert set(frame["ablation"]) == {"aligned"}
    assert (set(frame["model"]), set(frame["donor"])) == ({"here"}, {"there"})
    assert set(frame["seed"]) == {0, 1}
    values = frame[(frame["metric"] == "sentence_retrieval") & (frame["intervention"] == "procrustes")]
    shown = 100 * values[values["layer"] == 2]["value"].mean()
    assert "**here and there, ilda-jora: P@1 of sentences**" in out
    assert f"{shown:.1f}" in out
    assert "sentence: 80 pairs, states of here and untrained there" in err
    assert {path.name for path in tmp_path.glob("*.pdf")} == {
        "aligned-context-retrieval.pdf", "aligned-sentence-retrieval.pdf", "aligned-cka.pdf",
    }  # fmt: skip


def test_without_a_dictionary_words_alone_are_left_out_or_asked_for(
    call: Call, tiny_encoder: Path, tmp_path: Path
) -> None:
    table = tmp_path / "parallel.tsv"
    rows = [f"mira {'tola ' * (n % 5)}runa pesa .\tmiros {'tolos ' * (n % 5)}pesos ." for n in range(60)]
    table.write_text("\n".join(["aa\tbb", *rows]) + "\n", encoding="utf-8")
    options = ("--source", "aa", "--target", "bb", "--parallel", table, "--layers", "0", "--seeds", "0")
    code, out, err = call("align", tiny_encoder, tiny_encoder, *options, "--units", "word")
    assert code == 2
    assert "word: there is no dictionary; give one, in the format of MUSE" in err
    code, out, err = call("align", tiny_encoder, tiny_encoder, *options, "--units", "sentence")
    assert code == 0
    assert "P@1 of sentences" in out


def test_mistakes_are_told_at_once(call: Call, tiny_encoder: Path) -> None:
    code, _, err = call("align", tiny_encoder, "nowhere/else", *OPTIONS, "--tasks", "upso")
    assert code == 2
    assert "nowhere/else" in err
    assert "did you mean 'upos'" in err
    code, _, err = call("align", tiny_encoder, tiny_encoder, *OPTIONS, "--maps", "affine")
    assert code == 2
    assert "unknown map 'affine'" in err
