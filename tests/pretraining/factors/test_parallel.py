from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from layerlab.errors import DataError, StudyError
from layerlab.pretraining.factors.parallel import PARALLEL, Parallel, interleave
from layerlab.pretraining.material import prepare
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from tests.fixtures.pretrainings import invented_text


@pytest.fixture
def with_parallel(spec: PretrainingSpec, tmp_path: Path) -> PretrainingSpec:
    corpora = {}
    for language in ("xa", "xb"):
        corpora[language] = tmp_path / "corpora" / f"verses-{language}.tsv"
        lines = (f"V.{n}\t{text}\n" for n, text in enumerate(invented_text(language, 60)))
        corpora[language].write_text("".join(lines), encoding="utf-8")
    return spec.model_copy(update={"parallel": Parallel(corpora=corpora, share=0.5)})


def test_translations_of_a_text_stand_side_by_side() -> None:
    texts = {key: {str(n): f"{key}{n}" for n in range(20)} for key in ("en", "fr", "ru")}
    rows = interleave(texts, seed=0)
    assert len(rows) == 60
    assert all({row[2:] for row in rows[start : start + 3]} == {rows[start][2:]} for start in range(0, 60, 3))
    orders = {tuple(row[:2] for row in rows[start : start + 3]) for start in range(0, 60, 3)}
    assert len(orders) > 2


def test_a_text_in_one_language_alone_is_left_out() -> None:
    assert set(interleave({"en": {"1": "a", "2": "b"}, "fr": {"2": "c"}}, seed=0)) == {"b", "c"}
    with pytest.raises(DataError, match="no id is in two of en, fr"):
        interleave({"en": {"1": "a"}, "fr": {"2": "c"}}, seed=0)


def test_the_parallel_stream_holds_every_verse_and_its_share_of_the_steps(
    with_parallel: PretrainingSpec, tmp_path: Path
) -> None:
    material = prepare(with_parallel, tmp_path / "out")
    verses = [invented_text(language, 60)[0] for language in ("xa", "xb")]
    first = material.tokenizer.backend_tokenizer.encode_batch_fast(verses, add_special_tokens=False)
    stream = np.load(tmp_path / "out" / "state" / "parallel.npy")
    n_first = sum(len(encoding.ids) for encoding in first) + 2
    assert sorted(stream[:n_first]) == sorted(
        [*first[0].ids, *first[1].ids, *[material.tokenizer.sep_token_id] * 2]
    )
    assert PARALLEL in material.packed

    facts = (pretrain(with_parallel, tmp_path / "out", threads=1) / "README.md").read_text(encoding="utf-8")
    assert "50% are parallel text" in facts


def test_relative_paths_of_parallel_text_are_below_the_spec(tmp_path: Path) -> None:
    text = "name: a\nsteps: 1\narchitecture: {model_type: bert}\ncorpora: {xa: a.txt}\n"
    file = tmp_path / "spec.yaml"
    file.write_text(
        text + "parallel: {corpora: {xa: v.tsv, xb: w.tsv}}\ngrown_from: small\n", encoding="utf-8"
    )
    spec = read_spec(file)
    assert spec.parallel is not None
    assert spec.parallel.corpora["xb"] == tmp_path / "w.tsv"
    assert spec.grown_from == tmp_path / "small"
    file.write_text(text + "parallel: {corpora: {xa: v.tsv, xb: w.tsv}, shares: 0.5}\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"parallel.shares.*share"):
        read_spec(file)


def test_parallel_text_must_have_ids(with_parallel: PretrainingSpec, tmp_path: Path) -> None:
    parallel = Parallel(corpora={"xa": tmp_path / "corpora" / "xa.txt", "xb": tmp_path / "missing.tsv"})
    wrong = with_parallel.model_copy(update={"parallel": parallel})
    with pytest.raises(DataError, match=r"xa\.txt: expected \.tsv or \.tsv\.xz(.|\n)*no such file .*missing"):
        prepare(wrong, tmp_path / "out")
