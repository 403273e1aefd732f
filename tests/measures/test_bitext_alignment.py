"""The frame of alignment holds what the measures give, at every level, for every pair."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from layerlab.analysis.records.columns import COLUMNS
from layerlab.data.bitext import Bitext, Texts
from layerlab.data.formats.bitext_files import read_bitexts
from layerlab.data.formats.conllu import read_conllu
from layerlab.errors import DataError
from layerlab.measures import bitext_alignment
from layerlab.measures.bitext_alignment import MEASURES, measure_alignment
from layerlab.measures.cka import cka
from layerlab.measures.retrieval import retrieve
from layerlab.measures.states import sentence_states


@pytest.fixture(scope="module")
def bitexts(treebanks: Path) -> tuple[Bitext, ...]:
    sentences = {name: read_conllu(treebanks / name / "test.conllu") for name in ("aa", "bb", "cc")}
    return tuple(Bitext("aa", name, sentences["aa"], sentences[name]) for name in ("bb", "cc"))


def sides_of(bitext: Bitext) -> tuple[Texts, Texts]:
    return bitext.sources, bitext.targets


def test_every_row_is_its_measure_of_the_states(tiny_encoder: Path, bitexts: tuple[Bitext, ...]) -> None:
    frame = measure_alignment(tiny_encoder, bitexts, measures=tuple(MEASURES))
    assert tuple(frame.columns) == COLUMNS
    assert set(frame["model"]) == {"tiny"}
    assert set(frame["n"]) == {16}
    assert set(frame["layer"]) == {0, 1, 2, 3, 4}
    assert not frame.duplicated(["source", "target", "layer", "metric"]).any()
    states = {one.target: sentence_states(tiny_encoder, one.targets) for one in bitexts}
    source = sentence_states(tiny_encoder, bitexts[0].sources)
    theirs = [sentence_states(tiny_encoder, texts, pooling="muller") for texts in sides_of(bitexts[0])]
    values = frame.set_index(["target", "layer", "metric"])["value"]
    for target, targets in states.items():
        for layer in range(5):
            x, y = source[layer], targets[layer]
            assert values[target, layer, "cka"] == cka(x, y)
            assert values[target, layer, "cka_biased"] == cka(x, y, "biased")
            assert values[target, layer, "cka_rbf"] == cka(x, y, kernel="rbf")
            found = retrieve(x, y, "csls", centre=True)
            assert values[target, layer, "retrieval_csls_centred"] == found.mean
            assert values[target, layer, "retrieval_csls_centred_forward"] == found.forward
            assert values[target, layer, "retrieval_csls_centred_backward"] == found.backward
            assert values[target, layer, "retrieval"] == retrieve(x, y).mean
    for layer in range(5):
        x, y = (states[layer] for states in theirs)
        assert values[bitexts[0].target, layer, "cka_muller"] == cka(x, y, "muller")


def test_a_pooling_that_is_given_holds_for_every_measure(
    tiny_encoder: Path, bitexts: tuple[Bitext, ...]
) -> None:
    frame = measure_alignment(
        tiny_encoder, bitexts[:1], measures=["cka", "cka_muller"], pooling="mean", layers=[2]
    )
    values = frame.set_index("metric")["value"]
    x, y = (sentence_states(tiny_encoder, texts)[2] for texts in sides_of(bitexts[0]))
    assert dict(values) == {"cka": cka(x, y), "cka_muller": cka(x, y, "muller")}


def test_shared_sentences_are_encoded_once(
    tiny_encoder: Path, bitexts: tuple[Bitext, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded: list[int] = []

    def counting(encoder: Any, texts: Texts, *rest: Any, **options: Any) -> Any:
        encoded.append(id(texts))
        return sentence_states(encoder, texts, *rest, **options)

    monkeypatch.setattr(bitext_alignment, "sentence_states", counting)
    measure_alignment(tiny_encoder, bitexts)
    assert len(encoded) == len(set(encoded)) == 3


def test_translations_that_are_copies_are_aligned_perfectly(
    tiny_encoder: Path, bitexts: tuple[Bitext, ...]
) -> None:
    texts = bitexts[0].sources
    frame = measure_alignment(tiny_encoder, [Bitext("aa", "zz", texts, tuple(texts))], label="copy")
    assert frame.loc[frame["metric"] == "cka", "value"].to_numpy() == pytest.approx(1)
    distinct = len({getattr(s, "words", s) for s in texts}) / len(texts)
    assert frame.loc[frame["metric"] == "retrieval", "value"].to_numpy() == pytest.approx(distinct, abs=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"measures": ("ckaa",)}, "unknown measure 'ckaa'; did you mean 'cka'"),
        ({"layers": (5,)}, r"no layer 5: expected 0 \(the embeddings\) to 4"),
    ],
)
def test_mistakes_are_told(
    tiny_encoder: Path, bitexts: Sequence[Bitext], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        measure_alignment(tiny_encoder, bitexts, **options)


def test_no_bitext_is_an_error(tiny_encoder: Path) -> None:
    with pytest.raises(DataError, match="no bitext"):
        measure_alignment(tiny_encoder, [])


@pytest.mark.data
def test_embeddings_of_related_languages_with_shared_names_beat_chance(
    tiny_encoder: Path, data_root: Path
) -> None:
    german, chinese = read_bitexts(data_root / "pud", ["de", "zh"], sentences=200)
    frame = measure_alignment(tiny_encoder, [german, chinese], layers=[0], measures=["retrieval"])
    values = frame[frame["metric"] == "retrieval"].set_index("target")["value"]
    assert values["de"] > 2 / 200
