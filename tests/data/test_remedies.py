"""No remedy is proposed that was not tried: taken from its message and applied, each reads every entity."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import layerlab
from layerlab.data.catalog.corpus import DataSpec, find_corpus, load_corpus
from layerlab.data.pairs import PAIR_FORMATS, Pair
from layerlab.data.sentences import Corpus
from layerlab.errors import DataError, LabelError
from layerlab.tasks.classification import XNLI, Pairs
from layerlab.tasks.tagging import NER

Write = Callable[[str, str], Path]
NO_OPTIONS: Mapping[str, object] = {}


def read(root: Path, options: Mapping[str, object] = NO_OPTIONS, language: str = "aa") -> Corpus:
    spec = DataSpec.model_validate({"root": root, **options})
    return load_corpus(find_corpus(spec, "ner", ("iob2",), language, "test"))


def read_pairs(root: Path, options: Mapping[str, object] = NO_OPTIONS) -> Corpus:
    spec = DataSpec.model_validate({"root": root, **options})
    return load_corpus(find_corpus(spec, "xnli", PAIR_FORMATS, "aa", "test"))


def remedy_in(message: str) -> dict[str, object]:
    """Return the options that a message proposes."""
    options: dict[str, object] = {}
    if found := re.search(r"tag_map: (\{.*?\})", message):
        options["tag_map"] = json.loads(found[1])
    if found := re.search(r"stray_tags: (\w+)", message):
        options["stray_tags"] = found[1]
    return options


def to_text(tags: str) -> str:
    """Write sentences, parted by ``|``, of tags, parted by commas."""
    words = (
        "".join(f"w{number}\t{tag}\n" for number, tag in enumerate(sentence.split(",")))
        for sentence in tags.split("|")
    )
    return "\n".join(words)


@pytest.mark.parametrize(
    ("tags", "options", "read_as"),
    [
        ("B-PER ,I-PER ,O|B-PER,O", {}, "B-PER,I-PER,O|B-PER,O"),
        ("B-PER\u00a0,O ,O", {}, "B-PER,O,O"),
        ("B-PER\u200b,O", {}, "B-PER,O"),
        ("b-PER,i-PER,o", {}, "B-PER,I-PER,O"),
        ("b-per,O|B-PER,-", {"tag_map": {"PER": "NAME"}}, "B-per,O|B-NAME,O"),
        ("PER-B,PER-I,O", {}, "B-PER,I-PER,O"),
        ("B_PER,I_PER,O", {}, "B-PER,I-PER,O"),
        ("s-per,o|b-per,e-per", {}, "B-per,O|B-per,I-per"),
        ("PER-S,O|PER-B,PER-E", {}, "B-PER,O|B-PER,I-PER"),
        ("TYPE_A,TYPE_B,O", {}, "B-TYPE_A,B-TYPE_B,O"),
        ("PER,PER,O,LOC", {}, "B-PER,I-PER,O,B-LOC"),
        ("PER,PER,O,LOC", {"stray_tags": "begin"}, "B-PER,I-PER,O,B-LOC"),
        ("I-PER,I-PER,O,I-LOC", {}, "B-PER,I-PER,O,B-LOC"),
        ("I-PER,B-PER,-", {}, "B-PER,B-PER,O"),
        ("-,B-PER", {}, "O,B-PER"),
        (",B-PER", {}, "O,B-PER"),
        ("0,B-PER|_,B-PER", {}, "O,B-PER|O,B-PER"),
        ("B-O,B-PER", {}, "O,B-PER"),
    ],
)
def test_a_remedy_reads_the_corpus_that_it_was_proposed_for(
    write: Write, tmp_path: Path, tags: str, options: dict[str, object], read_as: str
) -> None:
    write("aa/test.iob2", to_text(tags))
    with pytest.raises(DataError, match="is not IOB2|not IOB2: ") as error:
        read(tmp_path, options)
    remedy = remedy_in(str(error.value))
    assert remedy, error.value
    sentences = read(tmp_path, {**options, **remedy}).sentences
    assert "|".join(",".join(sentence.entities) for sentence in sentences) == read_as


@pytest.mark.parametrize(
    "tags", ["B-,O", "B-PER,X|O,O", "NOUN,VERB", "B-PER,person-thing-x,O", "S-PER,PER,O", "_,_|_", "-"]
)
def test_what_no_option_reads_has_no_remedy_but_a_list_of_the_tags(
    write: Write, tmp_path: Path, tags: str
) -> None:
    write("aa/test.iob2", to_text(tags))
    with pytest.raises(DataError, match=r"test.iob2:\d: tag .* is not IOB2: .*The corpus has '") as error:
        read(tmp_path)
    assert remedy_in(str(error.value)) == {}


@pytest.mark.parametrize(
    ("source", "target", "read_as"),
    [
        ("B-PER,O", "B-PERSON,I-PERSON", "B-PER,I-PER"),
        ("B-per,O", "B-PER,O", "B-per,O"),
        ("B-LOC,B-ORG", "B-location,B-Organisation", "B-LOC,B-ORG"),
        ("B-PER,O", "B-MISC,B-PER", "O,B-PER"),
    ],
)
def test_a_remedy_for_types_that_a_source_lacks_gives_it_those_that_it_has(
    write: Write, tmp_path: Path, source: str, target: str, read_as: str
) -> None:
    write("aa/test.iob2", to_text(source))
    write("bb/test.iob2", to_text(target))
    ner = NER
    labels = ner.label_set(read(tmp_path).sentences)
    with pytest.raises(LabelError, match="labels that the source does not have") as error:
        ner.check(read(tmp_path, language="bb").sentences, labels, "bb")
    mended = read(tmp_path, remedy_in(str(error.value)), "bb")
    ner.check(mended.sentences, labels, "bb")
    assert ",".join(mended.sentences[0].entities) == read_as
    assert (": none" in str(error.value) or " as none" in str(error.value)) == ("MISC" in target)


@pytest.mark.parametrize(
    ("labels", "read_as"),
    [
        (["Entailment", "contradictory"], ["entailment", "contradiction"]),
        (["0", "2"], ["entailment", "contradiction"]),
        (["neutral ", "entailment"], ["neutral", "entailment"]),
        (["1", "2", "3"], None),
        (["neutral", "-"], None),
        (["-1"], None),
    ],
)
def test_a_remedy_for_labels_of_pairs_gives_every_label_one_of_its_own(
    write: Write, tmp_path: Path, labels: list[str], read_as: list[str] | None
) -> None:
    rows = "".join(f"mira {label}\ttola\t{label}\n" for label in labels)
    write("aa/test.tsv", f"premise\thypothesis\tlabel\n{rows}")
    xnli = XNLI
    with pytest.raises((DataError, LabelError), match="label") as error:
        xnli.check(read_pairs(tmp_path).sentences, xnli.labels, "aa")
    remedy = remedy_in(str(error.value))
    assert bool(remedy) == (read_as is not None), error.value
    if read_as is not None:
        pairs = read_pairs(tmp_path, remedy).sentences
        xnli.check(pairs, xnli.labels, "aa")
        assert [pair.label for pair in pairs] == read_as


def test_labels_that_would_become_one_have_no_remedy() -> None:
    with pytest.raises(LabelError, match=r"does not have: YES \(1\), Yes \(1\); it has no, yes$"):
        Pairs("own").check([Pair("a", "b", "Yes"), Pair("a", "b", "YES")], ("no", "yes"), "x")


def test_no_other_module_proposes_an_option_of_the_data() -> None:
    """A message with a remedy comes from the module that tries it."""
    package = Path(layerlab.__file__).parent
    proposing = set()
    for path in package.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documented = {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        }
        texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
        if any(
            isinstance(text, str) and re.search(r"(tag_map|stray_tags): ", text)
            for text in texts
            if text not in documented
        ):
            proposing.add(path.relative_to(package).as_posix())
    assert proposing == {"data/remedies.py"}
