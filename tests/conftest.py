"""Invented treebanks and a tiny encoder, made once and loaded through ``from_pretrained``."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"
# Exact comparisons hold on one thread; and test processes side by side should not fight for cores.
os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

Call = Callable[..., tuple[int, str, str]]

# The architecture of a pretraining spec, as small as it can be.
TINY_BERT = {
    "model_type": "bert",
    "options": {
        "num_hidden_layers": 2,
        "hidden_size": 16,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 64,
    },
}

# word -> UPOS, by language; the words of a language end alike, so that pieces are shared.
LEXICON: dict[str, dict[str, list[str]]] = {
    "aa": {
        "NOUN": ["mira", "tola", "pesa", "runa"],
        "VERB": ["gati", "leki"],
        "DET": ["o"],
        "PROPN": ["Bela"],
    },
    "bb": {
        "NOUN": ["miros", "tolos", "pesos"],
        "VERB": ["gatun", "lekun"],
        "DET": ["os"],
        "PROPN": ["Belos"],
    },
    "cc": {"NOUN": ["мира", "тола", "песа"], "VERB": ["гати", "леки"], "DET": ["о"], "PROPN": ["Бела"]},
}
ORDER = {"aa": "DNVDN", "bb": "DNDNV", "cc": "VDNDN"}
SIZES = {"train": 48, "dev": 16, "test": 16}


def invent_sentence(language: str, stream: random.Random) -> list[tuple[str, str, str]]:
    """Return (word, UPOS, entity tag) of one invented sentence."""
    words = LEXICON[language]
    rows = []
    for sign in ORDER[language]:
        if sign == "N" and stream.random() < 0.3:
            rows.append((stream.choice(words["PROPN"]), "PROPN", "B-PER"))
            continue
        tag = {"D": "DET", "N": "NOUN", "V": "VERB"}[sign]
        rows.append((stream.choice(words[tag]), tag, "O"))
    return [*rows, (".", "PUNCT", "O")]


def write_language(folder: Path, language: str) -> None:
    """Write the splits of one language as CoNLL-U and IOB2."""
    folder.mkdir(parents=True)
    for split, size in SIZES.items():
        stream = random.Random(f"{language}-{split}")
        conllu, iob = [], []
        for index in range(size):
            rows = invent_sentence(language, stream)
            head = f"# sent_id = {language}-{split}-{index}\n"
            conllu.append(head)
            iob.append(head)
            for number, (word, upos, entity) in enumerate(rows, 1):
                parent, relation = (0, "root") if number == 1 else (1, "dep")
                conllu.append(f"{number}\t{word}\t_\t{upos}\t_\t_\t{parent}\t{relation}\t_\t_\n")
                iob.append(f"{number}\t{word}\t{entity}\t-\t-\n")
            conllu.append("\n")
            iob.append("\n")
        (folder / f"{split}.conllu").write_text("".join(conllu), encoding="utf-8")
        (folder / f"{split}.iob2").write_text("".join(iob), encoding="utf-8")


@pytest.fixture(scope="session")
def treebanks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with three invented languages aa, bb, cc: 48 / 16 / 16 sentences as CoNLL-U and IOB2."""
    root = tmp_path_factory.mktemp("treebanks")
    for language in LEXICON:
        write_language(root / language, language)
    return root


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A saved BERT of 4 layers of width 32 with a WordPiece tokenizer for the invented languages."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertModel, BertTokenizer

    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    trainer = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    text = [" ".join(w for ws in words.values() for w in ws) + " ." for words in LEXICON.values()]
    trainer.train_from_iterator(text * 3, vocab_size=90, min_frequency=1, show_progress=False)
    tokenizer = BertTokenizer(tokenizer_object=trainer._tokenizer, do_lower_case=False)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20_210_419)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The real treebanks of LAYERLAB_DATA; tests that need them are skipped where they are absent."""
    named = os.environ.get("LAYERLAB_DATA")
    root = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not (root / "ud").is_dir():
        pytest.skip("set LAYERLAB_DATA to a folder with ud/ and ner/ treebanks")
    return root


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call the command line in this process; returns exit status, standard output and standard error."""
    from layerlab import cli

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["layerlab", *map(str, arguments)])
        code: object = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
        captured = capsys.readouterr()
        return code if isinstance(code, int) else 0, captured.out, captured.err

    return run
