"""Tiny tokenizers, trained on invented words, saved and loaded as pretrained ones are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers import BertWordPieceTokenizer, ByteLevelBPETokenizer
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerFast, RobertaTokenizer

TEXT = [
    "mira tola pesaruna gatileki Bela . ,",
    "мира тола песаруна гатилеки Бела .",
    "猫 が 飛 ぶ 東 都",
    "miraru tolani lekipesa gati 10 000",
    # Every letter occurs inside a word, so that no word of these letters is unknown.
    "xabcdefghijklmnopqrstuvwxyz хабвгдежзийклмнопрстуфхцчшщъыьэюя",
]


def reload(tokenizer: Any, folder: Path) -> Any:
    tokenizer.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="session")
def wordpiece(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A cased WordPiece tokenizer like mBERT's."""
    trained = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    trained.train_from_iterator(TEXT * 5, vocab_size=170, min_frequency=1, show_progress=False)
    tokenizer = BertTokenizer(tokenizer_object=trained._tokenizer, do_lower_case=False)
    return reload(tokenizer, tmp_path_factory.mktemp("wordpiece"))


def byte_level(folder: Path, *, add_prefix_space: bool) -> Any:
    trained = ByteLevelBPETokenizer(add_prefix_space=True)
    trained.train_from_iterator(
        TEXT * 5, vocab_size=330, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False
    )
    trained.save_model(str(folder))
    tokenizer = RobertaTokenizer.from_pretrained(folder, add_prefix_space=add_prefix_space)
    return reload(tokenizer, folder)


@pytest.fixture(scope="session")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A byte-level BPE tokenizer like RoBERTa's, which puts no space before a text by itself."""
    return byte_level(tmp_path_factory.mktemp("bpe"), add_prefix_space=False)


@pytest.fixture(scope="session")
def bpe_with_space(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The same tokenizer, told to put a space before every word."""
    return byte_level(tmp_path_factory.mktemp("bpe-space"), add_prefix_space=True)


@pytest.fixture(scope="session")
def bos_eos(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tokenizer with the begin and end tokens of language models instead of CLS and SEP."""
    trained = BertWordPieceTokenizer(lowercase=False)
    trained.train_from_iterator(TEXT * 5, vocab_size=170, min_frequency=1, show_progress=False)
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(
        tokenizer_object=trained._tokenizer, bos_token="[CLS]", eos_token="[SEP]", unk_token="[UNK]"
    )
    return reload(tokenizer, tmp_path_factory.mktemp("bos"))


CONTENT = {
    "nsubj", "obj", "iobj", "csubj", "ccomp", "xcomp", "obl", "vocative", "expl", "dislocated", "advcl",
    "advmod", "discourse", "nmod", "appos", "nummod", "acl", "amod", "conj", "fixed", "flat", "compound",
    "list", "parataxis", "orphan", "goeswith", "reparandum", "root", "dep",
}  # fmt: skip


def score_files(gold: Path, system: Path) -> dict[str, float]:
    """Score one CoNLL-U file by another from the definition: F1 over sets of arcs, punctuation included.

    Words of equal sentence and number are the same; an arc is a word, its parent and the universal part of
    its relation; CLAS is over the arcs whose relation is one of content words.
    """

    def arcs(path: Path) -> list[tuple[tuple[int, str], str, str]]:
        found = []
        for number, block in enumerate(path.read_text(encoding="utf-8").strip().split("\n\n")):
            rows = [line.split("\t") for line in block.split("\n") if not line.startswith("#")]
            for row in rows:
                if "-" not in row[0] and "." not in row[0]:
                    found.append(((number, row[0]), row[6], row[7].split(":")[0]))
        return found

    def f1(one: set[Any], two: set[Any]) -> float:
        precision, recall = len(one & two) / max(1, len(two)), len(one & two) / max(1, len(one))
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    right, given = arcs(gold), arcs(system)
    return {
        "uas": f1({arc[:2] for arc in right}, {arc[:2] for arc in given}),
        "las": f1(set(right), set(given)),
        "clas": f1({arc for arc in right if arc[2] in CONTENT}, {arc for arc in given if arc[2] in CONTENT}),
    }


@pytest.fixture(scope="session")
def conll_scorer() -> Callable[[Path, Path], dict[str, float]]:
    """A scorer of CoNLL-U files that shares nothing with the package."""
    return score_files


@pytest.fixture
def write_trees(tmp_path: Path) -> Callable[[str, list[list[tuple[int, str]]]], Path]:
    """A function that writes trees as CoNLL-U, with multiword tokens and empty nodes that do not count."""

    def write(name: str, trees: list[list[tuple[int, str]]]) -> Path:
        lines = []
        for number, tree in enumerate(trees):
            lines.append(f"# sent_id = {number}")
            lines.append("1-2\tab\t_\t_\t_\t_\t_\t_\t_\t_")
            for word, (head, relation) in enumerate(tree, 1):
                lines.append(f"{word}\tw{word}\t_\tX\t_\t_\t{head}\t{relation}\t_\t_")
            lines.append(f"{len(tree)}.1\tempty\t_\tX\t_\t_\t_\t_\t1:dep\t_")
            lines.append("")
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write
