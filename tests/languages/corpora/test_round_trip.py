"""From the written files back to the meaning: translations share it.

Only CoNLL-U and dictionaries are read: content words are looked up in a dictionary, and what is left of a
tree without its function words must be the same unordered tree in all languages.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.languages.corpora.tabular import write_dictionaries
from layerlab.languages.corpora.treebanks import write_corpora
from layerlab.languages.family import known_languages

CONTENT = {"NOUN", "PROPN", "VERB", "ADJ", "ADV", "NUM", "INTJ"}
PIVOT = known_languages()[0]

Node = tuple[str, str, bool, tuple["Node", ...]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("family")
    write_corpora(folder, sizes={"test": 600}, seed=11)
    write_dictionaries(folder)
    return folder


def read_words(folder: Path, language: str) -> dict[tuple[str, str], str]:
    """Give the word of the pivot language for each lemma and class."""
    words: dict[tuple[str, str], str] = {}
    path = folder / f"dictionaries/{PIVOT}-{language}.tsv"
    if language == PIVOT:
        path = folder / f"dictionaries/{PIVOT}-{known_languages()[1]}.tsv"
    for line in path.read_text(encoding="utf-8").splitlines():
        source, target, pos = line.split("\t")
        if pos in CONTENT:
            key = (source if language == PIVOT else target, pos)
            assert key not in words, f"{language}: {key} has two translations"
            words[key] = source
    return words


def read_meanings(folder: Path, language: str) -> dict[str, Node]:
    words = read_words(folder, language)
    found = {}
    for block in (folder / language / "test.conllu").read_text(encoding="utf-8").strip().split("\n\n"):
        lines = block.split("\n")
        rows = [line.split("\t") for line in lines if not line.startswith("#")]
        found[lines[0].removeprefix("# sent_id = ")] = tree(rows, words)
    return found


def tree(rows: list[list[str]], words: dict[tuple[str, str], str]) -> Node:
    def node(row: list[str]) -> Node:
        children = [child for child in rows if child[6] == row[0]]
        content = [child for child in children if child[3] in CONTENT]
        assert all(child[3] in CONTENT or not has_content(child) for child in children)
        negated = any(
            "Polarity=Neg" in word[5] for word in (row, *children) if word is row or word not in content
        )
        lemma, upos = row[2], row[3]
        meaning = lemma if lemma.isdigit() else words[lemma, upos]
        return meaning, row[7], negated, tuple(sorted(node(child) for child in content))

    def has_content(row: list[str]) -> bool:
        return any(child[6] == row[0] and (child[3] in CONTENT or has_content(child)) for child in rows)

    (root,) = (row for row in rows if row[6] == "0")
    return node(root)


@pytest.mark.parametrize("language", known_languages()[1:])
def test_translations_share_their_meaning_tree(files: Path, language: str) -> None:
    expected, got = read_meanings(files, PIVOT), read_meanings(files, language)
    assert got.keys() == expected.keys()
    assert len(got) == 600
    assert {name for name in got if got[name] != expected[name]} == set()


def test_meanings_differ_between_sentences(files: Path) -> None:
    meanings = read_meanings(files, PIVOT)
    assert len(set(meanings.values())) > 0.95 * len(meanings)
    assert {negated for _, _, negated, _ in meanings.values()} == {False, True}
