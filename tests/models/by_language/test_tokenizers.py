"""A checkpoint whose languages have tokenizers of their own is read by language, wherever it is read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from layerlab.data.bitext import Bitext
from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.data.sentences import Sentence
from layerlab.errors import CheckpointError
from layerlab.measures.bitext_alignment import alignment_rows
from layerlab.measures.cka import cka
from layerlab.measures.states import sentence_states
from layerlab.models.by_language.manifest import Manifest, read_manifest, write_manifest
from layerlab.models.by_language.tokenizers import copy_tokenizers, save_tokenizers
from layerlab.models.checkpoints import digest_folder, find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import load_tokenizer, load_tokenizers
from layerlab.nodes.kinds.training.encoding import Encoding
from layerlab.nodes.kinds.training.origin import Origin
from layerlab.nodes.node import Work
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store
from layerlab.tasks.task import get_task
from layerlab.training.events import silent


def renumber(folder: Path) -> None:
    """Let a tokenizer count its pieces backwards, but for special tokens."""
    file = folder / "tokenizer.json"
    plain = json.loads(file.read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = plain["model"]["vocab"]
    special = {one["content"] for one in plain["added_tokens"]}
    pieces = sorted((number, piece) for piece, number in vocabulary.items() if piece not in special)
    numbers = [number for number, _ in pieces]
    vocabulary |= {piece: number for (_, piece), number in zip(pieces, reversed(numbers), strict=True)}
    file.write_text(json.dumps(plain, ensure_ascii=False), encoding="utf-8")


@pytest.fixture(scope="module")
def bilingual(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder that reads ``aa`` as it did, and ``bb`` with a tokenizer of its own."""
    folder = shutil.copytree(tiny_encoder, tmp_path_factory.mktemp("bilingual") / "model")
    for language in ("aa", "bb"):
        own = folder / "languages" / language
        own.mkdir(parents=True)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(folder / name, own / name)
    renumber(folder / "languages" / "bb")
    write_manifest(folder, Manifest(("aa", "bb"), tokenizers=True))
    return folder


def test_each_language_has_its_tokenizer_and_none_is_guessed(bilingual: Path) -> None:
    name = str(bilingual)
    one, other = (load_tokenizer(name, language=language) for language in ("aa:Zoo", "bb-news"))
    assert one.get_vocab().keys() == other.get_vocab().keys()
    assert one.get_vocab() != other.get_vocab()
    assert load_tokenizers(name).of("bb").get_vocab() == other.get_vocab()
    with pytest.raises(CheckpointError, match=r"of its languages \(aa, bb\); give one"):
        load_tokenizer(name)
    with pytest.raises(CheckpointError, match="unknown language 'cc'"):
        load_tokenizer(name, language="cc")


def test_a_plain_checkpoint_has_one_tokenizer_for_every_language(tiny_encoder: Path) -> None:
    found = load_tokenizers(str(tiny_encoder))
    assert not read_manifest(tiny_encoder)
    assert found.of("aa") is found.of("zz") is found.common


def test_corpora_are_encoded_by_their_own_language(bilingual: Path, treebanks: Path, tmp_path: Path) -> None:
    origin = Origin(str(bilingual), None, digest_folder(bilingual))
    work = Work(Store(tmp_path / "store"), WorkSettings(device="cpu"), silent)
    encoding, task = Encoding(origin, str(bilingual), None, work), get_task("upos")
    first: dict[str, Any] = {}
    for language in ("aa", "bb"):
        ref = find_corpus(DataSpec(root=treebanks), "upos", task.formats, language, "test")
        labels = tuple(sorted({tag for one in encoding_sentences(ref) for tag in one.upos or ()}))
        corpus = encoding.encode(task, ref, ref.digest, labels, 64)
        own = load_tokenizer(str(bilingual), language=language)
        expected = task.encode(corpus.sentences, labels, own, 64)
        assert corpus.encoded.examples == expected.examples
        first[language] = corpus.encoded.examples[0].input_ids
    encoding.save(tmp_path)
    copied = load_tokenizers(str(tmp_path)).of("bb").get_vocab()
    assert copied == encoding.tokenizer_of("bb").get_vocab()


def encoding_sentences(ref: Any) -> Any:
    from layerlab.tasks.corpora import read_corpus

    return read_corpus(ref).sentences


def test_measures_read_both_sides_by_their_own_language(bilingual: Path) -> None:
    texts = [Sentence(("ba", "do", "mi")[: 1 + n % 3] * (1 + n // 3)) for n in range(12)]
    encoder, name = Encoder.from_pretrained(str(bilingual)), str(bilingual)
    rows = list(alignment_rows(encoder, [Bitext("aa", "bb", texts, list(texts))], measures=["cka"]))
    x, y = (
        sentence_states(encoder, texts, load_tokenizer(name, language=language)) for language in ("aa", "bb")
    )
    assert [row.value for row in rows] == [cka(one, other) for one, other in zip(x, y, strict=True)]
    assert not np.allclose(x[0], y[0])


def test_tokenizers_of_languages_are_part_of_a_checkpoints_identity(bilingual: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(bilingual, tmp_path / "model")
    before = find_checkpoint(str(folder)).digest
    renumber(folder / "languages" / "aa")
    assert find_checkpoint(str(folder)).digest != before
    shutil.rmtree(folder / "languages")
    (folder / "languages.json").unlink()
    copy_tokenizers(bilingual, folder)
    assert find_checkpoint(str(folder)).digest == before


def test_a_checkpoint_with_weights_by_language_keeps_them_beside_tokenizers(
    bilingual: Path, tmp_path: Path
) -> None:
    write_manifest(tmp_path, Manifest(("aa", "bb"), parameters=("embeddings.weight",)))
    save_tokenizers(tmp_path, load_tokenizers(str(bilingual)).own)
    assert read_manifest(tmp_path) == Manifest(("aa", "bb"), ("embeddings.weight",), tokenizers=True)
