"""Treebanks, entity files, sentence pairs and parallel text that do not keep their formats."""

from __future__ import annotations

from tests.malformed.place import Breaking, Case, Place, all_of, change, edit, remove, write

TREES, ENTITIES, PAIRS = "data/aa/train.conllu", "data/aa/train.iob2", "pairs/en/train.tsv"
LINES, PARALLEL = "pairs/en/train.jsonl", "parallel.tsv"
NER, PARSING = change(tasks=["ner"]), change(tasks=["parsing"])
NLI = change(tasks=["nli"], data={"root": "pairs"}, sources=["en"], targets=["de"])
MEASURED = all_of(NLI, change(measures={"names": ["cka"], "parallel": PARALLEL}))


def replace_all(name: str, old: str, new: str) -> Breaking:
    """Replace every occurrence of a text in a file."""

    def breaking(place: Place) -> None:
        path = place.root / name
        path.write_text(path.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")

    return breaking


def row(number: int, head: str) -> str:
    """Return a line of a treebank."""
    return f"{number}\tmira\t_\tNOUN\t_\t_\t{head}\tdep\t_\t_\n"


def trees(*words: str, data: str | bytes) -> Case:
    """Return a case of another treebank."""
    return Case(write(TREES, data), (TREES, *words))


TREEBANKS = {
    "a column too few": trees(
        ":1", "expected 10 tab-separated columns, got 9", data="1\ta\tb\tc\td\te\tf\tg\th\n"
    ),
    "an unknown tag": Case(
        edit(TREES, "\tNOUN\t", "\tNOON\t"), (TREES, "'NOON'; did you mean 'NOUN'", "Known:")
    ),
    "a word out of sequence": trees(":2", "expected word number 2, got '3'", data=row(1, "0") + row(3, "1")),
    "a head outside": trees(
        ":2", "head '9' of word 2", "the sentence has 2 words", data=row(1, "0") + row(2, "9")
    ),
    "a head that is no number": trees(
        ":1", "head 'x' of word 1: expected another word, or 0", data=row(1, "x")
    ),
    "a head of 5,000 digits": trees(":1", "of word 1: expected another word, or 0", data=row(1, "9" * 5000)),
    "a head with a superscript": trees(":1", "head '²' of word 1", data=row(1, "²")),
    "a word without form": trees(":1", "the form (column 2) is empty", data=row(1, "0").replace("mira", "")),
    "Latin-1": trees(":1: not UTF-8 (byte 0xe9)", data=row(1, "0").replace("mira", "mé").encode("latin-1")),
    "UTF-16": trees("UTF-16 text; expected UTF-8", data=row(1, "0").encode("utf-16")),
    "a NUL": trees(":1: holds a NUL character; expected text", data=row(1, "0").replace("mira", "mi\0ra")),
    "nothing": trees("the file is empty", data=""),
    "comments alone": trees("no sentence in the file", data="# a\n\n"),
    "a page": trees(":1", "expected 10 tab-separated columns, got 1", data="<!DOCTYPE html>\n<html>\n"),
    "a compressed file": trees("not UTF-8", data=b"\x1f\x8b\x08\x00abc"),
    "a pointer of Git LFS": trees(":1", "got 1", data="version https://git-lfs.github.com/spec/v1\nsize 1\n"),
    "no dev split": Case(
        remove("data/aa/dev.conllu"), ("aa has no dev split: expected", "it has train, test")
    ),
    "a link to itself": Case(
        all_of(remove(TREES), lambda place: (place.root / TREES).symlink_to("train.conllu")),
        ("aa has no train split: expected", "it has dev, test"),
    ),
    "two roots": Case(
        all_of(edit(TREES, "\t1\tdep", "\t0\troot"), PARSING), ("2 roots (words 1, 2)", "expected a tree")
    ),
    "no root": Case(all_of(edit(TREES, "\t0\troot", "\t2\tdep"), PARSING), ("no root", "expected a tree")),
    "words that are withheld": Case(
        write(
            TREES, row(1, "0").replace("mira", "_") + "\n" + (row(1, "0").replace("mira", "_") + "\n") * 19
        ),
        ("20 of 20 words are signs such as '_'", "Expected words"),
    ),
}

IOB = {
    "no tag": Case(
        all_of(edit(ENTITIES, "\tO\t-\t-", ""), NER), (ENTITIES, "is not IOB2: expected O, B-TYPE")
    ),
    "a tag of no form": Case(
        all_of(edit(ENTITIES, "\tO\t", "\tX-PER\t"), NER),
        ("tag 'X-PER' is not IOB2: expected O", "The corpus has"),
    ),
    "a tag without type": Case(
        all_of(edit(ENTITIES, "B-PER", "B-"), NER), ("tag 'B-' is not IOB2: expected",)
    ),
    "a tag with a blank": Case(
        all_of(edit(ENTITIES, "\tO\t", "\tO \t"), NER), ("tag 'O ' is not", "tag_map")
    ),
    "entities that begin inside": Case(
        all_of(replace_all(ENTITIES, "B-PER", "I-PER"), NER), ("not IOB2", "stray_tags: begin reads them")
    ),
    "a type that the source lacks": Case(
        all_of(edit("data/bb/test.iob2", "B-PER", "B-GOD"), NER), ("B-GOD (1); it has O, B-PER", "tag_map")
    ),
    "a word that is empty": Case(
        all_of(write(ENTITIES, "1\t\tO\n"), NER), (f"{ENTITIES}:1: the word is empty",)
    ),
    "columns that vary": Case(
        all_of(write(ENTITIES, "a b c\nd e\n"), NER), (f"{ENTITIES}:1", "expected", "got 3")
    ),
    "nothing, of entities": Case(all_of(write(ENTITIES, ""), NER), ("the file is empty",)),
}


def pairs(*words: str, data: str | bytes) -> Case:
    """Return a case of another file of pairs."""
    return Case(all_of(write(PAIRS, data), NLI), (PAIRS, *words))


def objects(*words: str, data: str) -> Case:
    """Return a case of JSON objects in the place of a table of pairs."""
    return Case(all_of(remove(PAIRS), write(LINES, data), NLI), (LINES, *words))


HEADER, GOOD = "premise\thypothesis\tlabel\n", '{"premise": "a", "hypothesis": "b", "label": "neutral"}\n'
PAIR_FILES = {
    "no such column": pairs(
        ":1", "expected one of premise, sentence1; it has premis", data="premis\thypothesis\tlabel\n"
    ),
    "a column too few, of pairs": pairs(":2", "expected 3", "got 2: 'a", data=HEADER + "a\tb\n"),
    "no label": pairs(":2: label holds ''; expected a label", data=HEADER + "a\tb\t\n"),
    "a label with a blank": pairs(":2: label holds 'neutral '", "tag_map", data=HEADER + "a\tb\tneutral \n"),
    "an unknown label": pairs("neutrall (1); it has entailment", data=HEADER + "a\tb\tneutrall\n"),
    "several languages": pairs(
        "column language holds de, en; expected a file for each",
        data="language\t" + HEADER + "en\ta\tb\tneutral\nde\ta\tb\tneutral\n",
    ),
    "a header alone": pairs("no pair in the file", data=HEADER),
    "an object that was cut off": objects(":2: not JSON (Unterminated string", data=GOOD + '{"premise": "a'),
    "lists in lists, of JSON": objects(":2: not JSON (maximum recursion depth", data=GOOD + "[" * 100_000),
    "objects in objects": objects(":2: not JSON (maximum recursion depth", data=GOOD + '{"a":' * 100_000),
    "a label of 5,000 digits": objects(
        ":1: not JSON (Exceeds the limit", data=GOOD.replace('"neutral"', "9" * 5000)
    ),
    "a list, of JSON": objects(":1: expected a JSON object, got '[1]'", data="[1]\n"),
    "a premise of nothing": objects(
        ":1: premise holds nothing; expected text", data=GOOD.replace('"a"', "null")
    ),
    "half a character, of JSON": objects(
        ":1: premise holds a lone surrogate (U+D83D)", "expected whole", data=GOOD.replace('"a"', '"\\ud83d"')
    ),
    "a label that is no number": objects(
        ":1: label holds nan; expected", data=GOOD.replace('"neutral"', "NaN")
    ),
}


def table(*words: str, data: str | bytes) -> Case:
    """Return a case of another table of translations."""
    return Case(all_of(write(PARALLEL, data), MEASURED), words)


PARALLEL_FILES = {
    "a cell too few": table(":2: expected 2 columns (en, de), none of them empty; got 1", data="en\tde\na\n"),
    "an empty cell": table(
        ":2: expected 2 columns (en, de)", "got 2, 1 of them empty", data="en\tde\na\t \n"
    ),
    "one language": table(":1: expected the languages of at least two columns, got", data="id\ten\n0\ta\n"),
    "the language is not there": table(
        "no parallel sentences in de", "there are en, fr", data="en\tfr\na\tb\n"
    ),
    "too few sentences": table("1 sentence pairs are too few", "at least 8", data="en\tde\na\tb\n"),
    "Latin-1, of translations": table(":2: not UTF-8 (byte 0xe9)", data=b"en\tde\n\xe9\tb\n"),
    "nothing, of translations": table("the file is empty", data=""),
    "no translations": Case(
        all_of(MEASURED, remove(PARALLEL)), ("no parallel sentences at 'parallel.tsv': expected a folder",)
    ),
    "lines that do not correspond": Case(
        all_of(
            write("tatoeba/tatoeba.deu-eng.eng", "a\nb\n"),
            write("tatoeba/tatoeba.deu-eng.deu", "a\n"),
            NLI,
            change(measures={"names": ["cka"], "parallel": "tatoeba"}),
        ),
        ("lines of translations correspond", "has 2", "has 1"),
    ),
    "treebanks without names": Case(
        all_of(
            write("pud/en.conllu", row(1, "0")),
            write("pud/de.conllu", row(1, "0")),
            NLI,
            change(measures={"names": ["cka"], "parallel": "pud"}),
        ),
        ("en.conllu: 1 of 1 sentences have no # sent_id",),
    ),
}

CORPORA = {**TREEBANKS, **IOB, **PAIR_FILES, **PARALLEL_FILES}
