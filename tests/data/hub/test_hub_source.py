"""Data sets saved to disk stand for those of the Hub: the same library reads both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
import pytest

from layerlab.data.catalog.corpus import DataSpec, find_corpus
from layerlab.data.hub import hub_words
from layerlab.data.hub.hub_source import HubSource
from layerlab.data.sentences import Sentence
from layerlab.data.tags import NO_MAP, StrayTags, TagOptions
from layerlab.errors import DataError

UPOS_NAMES = ["NOUN", "ADP", "VERB", "_"]
TAG_NAMES = ["O", "B-PER", "I-PER"]


def tree_rows() -> dict[str, list[Any]]:
    return {
        "sent_id": ["h-1", "h-2"],
        "tokens": [["Du", "De", "le", "kvak"], ["猫", "飛ぶ"]],
        "upos": [["_", "ADP", "NOUN", "VERB"], ["NOUN", "VERB"]],
        "head": [["None", "2", "3", "0"], ["2", "0"]],
        "deprel": [["_", "case", "nsubj", "root"], ["nsubj", "root"]],
    }


def save(folder: Path, splits: dict[str, datasets.Dataset]) -> str:
    datasets.DatasetDict(splits).save_to_disk(str(folder))
    return str(folder)


def load_hub(
    where: HubSource,
    formats: Sequence[str],
    tag_map: Mapping[str, str] = NO_MAP,
    stray_tags: StrayTags = "rare",
) -> tuple[Sentence, ...]:
    return hub_words.load_hub(where, formats, TagOptions(tag_map, stray_tags))[0]


def source(hub_id: str, split: str = "train") -> HubSource:
    return HubSource(hub_id, "xx", split)


def entities(tags: list[list[Any]], *, names: Sequence[str] | None = None) -> datasets.Dataset:
    value = datasets.ClassLabel(names=list(names)) if names else datasets.Value("string")
    features = datasets.Features(
        {
            "tokens": datasets.Sequence(datasets.Value("string")),
            "ner_tags": datasets.Sequence(value),
            "langs": datasets.Sequence(datasets.Value("string")),
        }
    )
    words = [[f"w{i}" for i in range(len(row))] for row in tags]
    return datasets.Dataset.from_dict(
        {"tokens": words, "ner_tags": tags, "langs": [["xx"] * len(row) for row in tags]}, features=features
    )


def test_trees_are_read_and_multiword_tokens_left_out(tmp_path: Path) -> None:
    hub_id = save(tmp_path / "ud", {"train": datasets.Dataset.from_dict(tree_rows())})
    first, second = load_hub(source(hub_id), ("conllu",))
    assert first.words == ("De", "le", "kvak")
    assert first.upos == ("ADP", "NOUN", "VERB")
    assert first.heads == (2, 3, 0)
    assert first.relations == ("case", "nsubj", "root")
    assert (first.sent_id, second.words) == ("h-1", ("猫", "飛ぶ"))


def test_class_labels_give_the_same_as_strings(tmp_path: Path) -> None:
    rows = tree_rows()
    plain = load_hub(source(save(tmp_path / "a", {"train": datasets.Dataset.from_dict(rows)})), ("conllu",))
    labelled = datasets.Dataset.from_dict(rows).cast_column(
        "upos", datasets.Sequence(datasets.ClassLabel(names=UPOS_NAMES))
    )
    assert load_hub(source(save(tmp_path / "b", {"train": labelled})), ("conllu",)) == plain


def test_entities_are_read_with_the_usual_split_names(tmp_path: Path) -> None:
    data = entities([[1, 2, 0], [0]], names=TAG_NAMES)
    hub_id = save(tmp_path / "ner", {"train": data, "validation": data.select([0]), "test": data})
    assert [s.entities for s in load_hub(source(hub_id), ("iob2",))] == [("B-PER", "I-PER", "O"), ("O",)]
    assert len(load_hub(source(hub_id, "dev"), ("iob2",))) == 1


def test_tags_are_mapped_and_strays_handled_as_in_files(tmp_path: Path) -> None:
    hub_id = save(tmp_path / "ner", {"train": entities([["B-OTH", "I-PER"]])})
    with pytest.raises(DataError, match="not IOB2: 1 of 2 entities"):
        load_hub(source(hub_id), ("iob2",))
    (sentence,) = load_hub(source(hub_id), ("iob2",), {"OTH": "O"}, "begin")
    assert sentence.entities == ("O", "B-PER")


def test_a_folder_for_each_configuration_is_found(tmp_path: Path) -> None:
    save(tmp_path / "ner" / "xx", {"test": entities([["O"]])})
    assert len(load_hub(source(str(tmp_path / "ner"), "test"), ("iob2",))) == 1


def test_parquet_folder_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "ner" / "xx"
    folder.mkdir(parents=True)
    for split in ("train", "validation"):
        entities([["B-PER", "O"]]).to_parquet(folder / f"{split}-00000-of-00001.parquet")
    (sentence,) = load_hub(source(str(tmp_path / "ner"), "dev"), ("iob2",))
    assert sentence.entities == ("B-PER", "O")


def test_missing_split_and_column_say_what_is_there(tmp_path: Path) -> None:
    hub_id = save(tmp_path / "ner", {"train": entities([["O"]])})
    with pytest.raises(DataError, match=r"no dev split: expected validation or dev.*it has train"):
        load_hub(source(hub_id, "dev"), ("iob2",))
    with pytest.raises(DataError, match=r"no column for upos: .*it has tokens, ner_tags, langs"):
        load_hub(source(hub_id), ("conllu",))
    with pytest.raises(DataError, match="unknown format for the Hub 'tsv'"):
        load_hub(source(hub_id), ("tsv",))


def test_numbers_without_names_and_unknown_tags_are_refused(tmp_path: Path) -> None:
    numbers = datasets.Dataset.from_dict({"tokens": [["a"]], "ner_tags": [[3]]})
    with pytest.raises(DataError, match="ner_tags holds numbers without names"):
        load_hub(source(save(tmp_path / "a", {"train": numbers})), ("iob2",))
    wrong = datasets.Dataset.from_dict({"tokens": [["a"]], "upos": [["NUON"]]})
    with pytest.raises(DataError, match=r"row 0: unknown UPOS tag 'NUON'; did you mean 'NOUN'"):
        load_hub(source(save(tmp_path / "b", {"train": wrong})), ("conllu",))


def test_data_set_that_cannot_be_had_is_one_clear_error() -> None:
    with pytest.raises(DataError, match=r"nobody/nothing@v1/xx\[train\]: cannot be loaded"):
        load_hub(HubSource("nobody/nothing", "xx", "train", "v1"), ("conllu",))


def test_a_configuration_that_the_hub_lacks_lists_those_of_the_language(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("BuilderConfig 'en_gmu' not found. Available: [...]")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    names = ["cs_cac", "en_ewt", "en_gum"]
    monkeypatch.setattr(datasets, "get_dataset_config_names", lambda *_, **__: names)
    with pytest.raises(
        DataError, match="unknown configuration 'en_gmu'; did you mean 'en_gum'.*Known: en_ewt, en_gum$"
    ):
        load_hub(HubSource("me/trees", "en_gmu", "test"), ("conllu",))

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("offline")

    monkeypatch.setattr(datasets, "get_dataset_config_names", unreachable)
    with pytest.raises(DataError, match="cannot be loaded: ValueError: BuilderConfig 'en_gmu' not found"):
        load_hub(HubSource("me/trees", "en_gmu", "test"), ("conllu",))


def dataset(columns: dict[str, list[Any]], **names: Sequence[str]) -> datasets.Dataset:
    """Return columns as a data set; those with names are class labels, -1 and None among them."""
    made = datasets.Dataset.from_dict(columns)
    for column, labels in names.items():
        made = made.cast_column(column, datasets.Sequence(datasets.ClassLabel(names=list(labels))))
    return made


@pytest.mark.parametrize("nothing", [None, "_", "None", ""])
@pytest.mark.parametrize("relation", [None, "_"])
def test_empty_nodes_are_left_out_as_in_files(
    tmp_path: Path, nothing: str | None, relation: str | None
) -> None:
    rows = tree_rows()
    for column, value in (("tokens", "quack"), ("upos", "VERB"), ("head", nothing), ("deprel", relation)):
        rows[column][1] = [rows[column][1][0], value, rows[column][1][1]]
    hub_id = save(tmp_path / "ud", {"train": datasets.Dataset.from_dict(rows)})
    plain = save(tmp_path / "plain", {"train": datasets.Dataset.from_dict(tree_rows())})
    assert load_hub(source(hub_id), ("conllu",)) == load_hub(source(plain), ("conllu",))


def test_a_word_that_lacks_a_head_alone_is_kept_and_its_sentence_has_no_tree(tmp_path: Path) -> None:
    rows = tree_rows()
    rows["head"][1][0] = "_"
    hub_id = save(tmp_path / "ud", {"train": datasets.Dataset.from_dict(rows)})
    second = load_hub(source(hub_id), ("conllu",))[1]
    assert (second.words, second.upos, second.heads) == (("猫", "飛ぶ"), ("NOUN", "VERB"), ())


def test_words_without_trees_are_all_kept(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {"tokens": [["a", "b"]], "upos": [["NOUN", "VERB"]], "head": [[None, None]]}
    for name, more in (("less", {}), ("none", {"deprel": [[None, None]]}), ("null", {"deprel": [None]})):
        hub_id = save(tmp_path / name, {"train": datasets.Dataset.from_dict({**rows, **more})})
        (sentence,) = load_hub(source(hub_id), ("conllu",))
        assert (sentence.words, sentence.heads) == (("a", "b"), ())


@pytest.mark.parametrize(
    ("columns", "formats", "message"),
    [
        ({"tokens": [["a", None]], "ner_tags": [["O", "O"]]}, "iob2", r"\], row 0: no word \(None\)"),
        (
            {"tokens": [["a"], None], "ner_tags": [["O"], ["O"]]},
            "iob2",
            "row 1: tokens holds None; expected a",
        ),
        ({"tokens": [["a"], [""]], "ner_tags": [["O"], ["O"]]}, "iob2", "row 1: the word is empty"),
        ({"tokens": [["a"], ["b"]], "ner_tags": [["O"], [None]]}, "iob2", r"row 1: no tag \(None\)"),
        (
            {"tokens": [["a"], ["b"]], "ner_tags": [["O"], None]},
            "iob2",
            "row 1: ner_tags holds None; expected",
        ),
        ({"tokens": [["a"]], "ner_tags": [["O", "O"]]}, "iob2", "row 0: 2 values in ner_tags for 1 words"),
        ({"tokens": [["a"]], "ner_tags": [["B-PER "]]}, "iob2", r'row 0: tag .B-PER .*\{"B-PER ": "B-PER"\}'),
        ({"tokens": ["ab"], "ner_tags": ["OO"]}, "iob2", "row 0: tokens holds str 'ab'; expected a list"),
        ({"tokens": [["a"]], "upos": [[None]]}, "conllu", r"row 0: no tag \(None\)"),
        ({"tokens": [["a"]], "upos": [["NOUN "]]}, "conllu", "unknown UPOS tag 'NOUN '; did you mean 'NOUN'"),
        ({"tokens": [["a"]], "upos": [[3]]}, "conllu", "column upos holds numbers without names"),
        (
            {"tokens": [["a"]], "upos": [["X"]], "head": [["0", "1"]], "deprel": [["root"]]},
            "conllu",
            "row 0: 2 values in head for 1 words",
        ),
    ],
)
def test_what_a_data_set_lacks_is_refused_with_its_row(
    tmp_path: Path, columns: dict[str, list[Any]], formats: str, message: str
) -> None:
    hub_id = save(tmp_path / "broken", {"train": datasets.Dataset.from_dict(columns)})
    with pytest.raises(DataError, match=message):
        load_hub(source(hub_id), (formats,))


@pytest.mark.parametrize(
    ("column", "formats", "names"), [("upos", "conllu", UPOS_NAMES), ("ner_tags", "iob2", TAG_NAMES)]
)
@pytest.mark.parametrize("hidden", [-1, None])
def test_labels_that_are_hidden_are_no_labels(
    tmp_path: Path, column: str, formats: str, names: list[str], hidden: int | None
) -> None:
    made = dataset({"tokens": [["a"], ["b", "c"]], column: [[0], [0, hidden]]}, **{column: names})
    with pytest.raises(
        DataError, match=rf"row 1: no label \({hidden}\) in {column}; expected a split with lab"
    ):
        load_hub(source(save(tmp_path / "hidden", {"train": made})), (formats,))


def test_tags_of_other_schemes_are_read_as_in_files(tmp_path: Path) -> None:
    hub_id = save(tmp_path / "ner", {"train": entities([["S-PER", "B-LOC", "E-LOC"]])})
    read, notes = hub_words.load_hub(source(hub_id), ("iob2",), TagOptions())
    assert read[0].entities == ("B-PER", "B-LOC", "I-LOC")
    assert notes == ("the tags are IOBES, read as IOB2; no entity is lost",)


def test_digests_of_what_was_read_right_stay(tmp_path: Path) -> None:
    """Recorded before the readers had their checks in common."""
    trees = save(tmp_path / "t", {"test": datasets.Dataset.from_dict(tree_rows())})
    tags = {"tokens": [["Mira", "spi"], ["a"]], "ner_tags": [["B-PER", "I-PER"], ["B-OTH"]]}
    names = save(tmp_path / "n", {"test": datasets.Dataset.from_dict(tags)})
    paraphrases = {"id": [4], "sentence1": ["mira"], "sentence2": ["tola"], "label": [1]}
    pairs = save(tmp_path / "p", {"test": datasets.Dataset.from_dict(paraphrases)})
    found = [
        find_corpus(DataSpec(hub=trees), "upos", ("conllu",), "xx", "test"),
        find_corpus(DataSpec(hub=names, tag_map={"OTH": "O"}), "ner", ("iob2",), "xx", "test"),
        find_corpus(DataSpec(hub=pairs), "pawsx", ("tsv", "jsonl"), "xx", "test"),
    ]
    assert [ref.digest for ref in found] == ["df59d3c98668d0f1", "768b2fd7c5cd66f3", "79ef2c9d199fb227"]
