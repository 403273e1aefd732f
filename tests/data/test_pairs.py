"""Pairs of sentences: files, data sets, controlled languages, and the catalogue that finds them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from layerlab.data.catalog.corpus import CorpusRef, DataSpec, find_corpus, load_corpus, register_corpus
from layerlab.data.catalog.defaults import default_corpora
from layerlab.data.formats.pair_files import read_pairs
from layerlab.data.hub.hub_pairs import load_hub_pairs
from layerlab.data.hub.hub_source import HubSource
from layerlab.data.pairs import PAIR_FORMATS, Pair, digest_pairs
from layerlab.errors import DataError

Write = Callable[[str, str], Path]
PAIRS = (
    Pair('Mira "tola".', "Мира тола.", "entailment", "7"),
    Pair("猫が飛ぶ。", "猫は飛ばない。", "contradiction", "8"),
)
TSV = "index\tpremise\thypothesis\tlabel\tpair_id\n" + "".join(
    f"{index}\t{pair.first}\t{pair.second}\t{pair.label}\t{pair.pair_id}\n"
    for index, pair in enumerate(PAIRS)
)


def find(data: DataSpec, language: str, split: str = "test", task: str = "nli") -> CorpusRef:
    return find_corpus(data, task, PAIR_FORMATS, language, split)


def to_jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def test_columns_are_found_by_name_and_quotation_marks_are_text(write: Write) -> None:
    assert read_pairs(write("test.tsv", TSV)) == PAIRS
    assert read_pairs(write("crlf.tsv", "\ufeff" + TSV.replace("\n", "\r\n"))) == PAIRS


def test_names_of_published_files_are_known(write: Write) -> None:
    machine = write("xnli-mt.tsv", "premise\thypo\tlabel\nmira\ttola\tcontradictory\n")
    (pair,) = read_pairs(machine, {"contradictory": "contradiction"})
    assert pair == Pair("mira", "tola", "contradiction")
    pawsx = write("pawsx.tsv", "id\tsentence1\tsentence2\tlabel\n1\tmira\ttola\t0\n")
    assert read_pairs(pawsx) == (Pair("mira", "tola", "0", "1"),)
    rows = [{"sentence1": "mira", "sentence2": "tola", "gold_label": "neutral", "pairID": 3, "genre": None}]
    assert read_pairs(write("mnli.jsonl", to_jsonl(rows))) == (Pair("mira", "tola", "neutral", "3"),)


def test_json_lines_are_the_same_pairs(write: Write) -> None:
    rows = [{"premise": p.first, "hypothesis": p.second, "label": p.label, "id": p.pair_id} for p in PAIRS]
    read = read_pairs(write("test.jsonl", to_jsonl(rows)))
    assert read == PAIRS
    assert digest_pairs(read) == digest_pairs(PAIRS) != digest_pairs(PAIRS[:1])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "a.tsv",
            "mira\ttola\tneutral\n",
            "a.tsv:1: no column for first: expected one of premise, .* has mira",
        ),
        ("a.tsv", "premise\tlabel\nmira\t1\n", "no column for second: expected one of hypothesis, hypo"),
        (
            "a.tsv",
            "premise\thypothesis\nmira\ttola\n",
            "no column for label: expected one of label, gold_label",
        ),
        ("a.tsv", TSV + "mira\ttola\n", r"a.tsv:4: expected 5 tab-separated columns .*, got 2: 'mira"),
        ("a.tsv", "premise\thypothesis\tlabel\nmira\ttola\t\n", "a.tsv:2: label holds ''; expected a label"),
        ("a.tsv", "premise\thypothesis\tlabel\n", "a.tsv: no pair in the file"),
        ("a.tsv", "", "the file is empty"),
        (
            "a.tsv",
            "language\tpremise\thypothesis\tlabel\nde\ta\tb\t1\nen\ta\tb\t1\n",
            r"column language holds de, en; expected a file for each language: \{language\}/\{split\}.tsv",
        ),
        ("a.jsonl", '{"premise": "a"\n', "a.jsonl:1: not JSON"),
        ("a.jsonl", "[" * 100_000, "a.jsonl:1: not JSON .maximum recursion"),
        ("a.jsonl", f'{{"label": {"1" * 5000}}}', "a.jsonl:1: not JSON .Exceeds the limit"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: expected a JSON object, got '\\[1\\]'"),
        (
            "a.jsonl",
            '{"premise": {"de": "a"}, "hypothesis": "b", "label": 1}',
            "premise holds dict .*; expected",
        ),
        (
            "a.jsonl",
            '{"premise": "a", "hypothesis": null, "label": 1}',
            "hypothesis holds nothing; expected text",
        ),
        (
            "a.jsonl",
            '{"premise": "a", "hypothesis": "b\\ud83d", "label": 1}',
            r"a.jsonl:1: hypothesis holds a lone surrogate \(U\+D83D\): 'b\\ud83d'; expected whole",
        ),
        (
            "a.jsonl",
            '{"premise": "a\\u0000", "hypothesis": "b", "label": 1}',
            "a.jsonl:1: premise holds the character NUL",
        ),
        (
            "a.tsv",
            TSV.replace("entailment", "entailment "),
            r"a.tsv:2: label holds 'entailment '; .*tag_map: ",
        ),
        (
            "a.jsonl",
            '{"premise": "a", "hypothesis": "b", "label": true}',
            "label holds True; expected a label",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_said(write: Write, name: str, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_pairs(write(name, text))


def test_the_catalogue_finds_reads_and_limits(write: Write, tmp_path: Path) -> None:
    write("nli/aa/test.tsv", TSV)
    write("nli/bb.jsonl", to_jsonl([{"premise": "a", "hypothesis": " ", "label": 1}]))
    spec = DataSpec(root=tmp_path / "nli")
    ref = find(spec, "aa")
    assert load_corpus(ref).sentences == PAIRS
    assert load_corpus(ref).n_words == 0
    mapped = spec.model_copy(update={"tag_map": {"entailment": "yes"}})
    assert find(mapped, "aa").digest != ref.digest
    assert load_corpus(find(mapped, "aa")).sentences[0].label == "yes"
    assert find(spec.model_copy(update={"stray_tags": "begin"}), "aa").digest == ref.digest
    limited = find(spec.model_copy(update={"limit": {"test": 1}}), "aa")
    assert (limited.digest != ref.digest, load_corpus(limited).sentences) == (True, PAIRS[:1])
    single = load_corpus(find(spec, "bb"))
    assert [pair.label for pair in single.sentences] == ["1"]
    assert single.notes == ("1 of 1 pairs lack a sentence; they are kept",)
    with pytest.raises(
        DataError, match=r"unknown language 'ab'; Known: aa, bb \(folders with .tsv or .jsonl"
    ):
        find(spec, "ab")


def test_a_function_may_bring_pairs() -> None:
    register_corpus("nli", "brought", lambda split: PAIRS if split == "test" else None)
    ref = find(DataSpec(), "brought")
    assert load_corpus(ref).sentences == PAIRS
    with pytest.raises(DataError, match="it has no train split"):
        find(DataSpec(), "brought", "train")


def save(folder: Path, rows: dict[str, list[Any]], names: list[str] | None = None) -> HubSource:
    dataset = datasets.Dataset.from_dict(rows)
    if names is not None:
        dataset = dataset.cast_column("label", datasets.ClassLabel(names=names))
    datasets.DatasetDict({"validation": dataset}).save_to_disk(str(folder))
    return HubSource(str(folder), "de", "dev")


def test_data_sets_give_class_labels_by_name(tmp_path: Path) -> None:
    names = ["entailment", "neutral", "contradiction"]
    rows: dict[str, list[Any]] = {"premise": ["mira", "a"], "hypothesis": ["tola", "b"], "label": [2, 1]}
    expected = (Pair("mira", "tola", "contradiction"), Pair("a", "b", "neutral"))
    assert load_hub_pairs(save(tmp_path / "named", rows, names)) == expected
    numbers = save(tmp_path / "numbers", rows)
    assert load_hub_pairs(numbers, {"2": "contradiction", "1": "neutral"}) == expected
    spec = DataSpec(hub=str(tmp_path / "named"))
    assert load_corpus(find(spec, "de", "dev", "xnli")).sentences == expected


def test_data_sets_of_paraphrases_keep_their_ids(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {"id": [4], "sentence1": ["mira"], "sentence2": ["tola"], "label": [1]}
    assert load_hub_pairs(save(tmp_path / "p", rows, ["0", "1"])) == (Pair("mira", "tola", "1", "4"),)


def test_data_sets_without_labels_or_with_all_languages_are_refused(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {"premise": ["mira"], "hypothesis": ["tola"], "label": [-1]}
    with pytest.raises(DataError, match=r"row 0: no label \(-1\); expected a split with labels"):
        load_hub_pairs(save(tmp_path / "hidden", rows))
    every: dict[str, list[Any]] = {"premise": [{"de": "a", "en": "b"}], "hypothesis": ["a"], "label": [0]}
    with pytest.raises(DataError, match="premise holds dict .*; expected text"):
        load_hub_pairs(save(tmp_path / "all", every))
    with pytest.raises(DataError, match="no column for second: .*it has premise, label"):
        load_hub_pairs(save(tmp_path / "less", {"premise": ["a"], "label": [0]}))


def test_languages_of_the_default_data_sets() -> None:
    assert default_corpora("xnli")["sw"] == ("facebook/xnli", "sw", None)
    assert len(default_corpora("xnli")) == 15
    assert default_corpora("pawsx")["ko"] == ("google-research-datasets/paws-x", "ko", None)
    assert len(default_corpora("pawsx")) == 7
    with pytest.raises(DataError, match="no corpus for task nli: unknown language 'en'"):
        find(DataSpec(), "en")
