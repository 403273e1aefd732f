"""Study files that cannot be read, or that ask for what cannot be."""

from __future__ import annotations

from tests.malformed.place import Case, all_of, change, write

HEAD = "name: a\nmodels: [encoder]\ntasks: [upos]\nsources: [aa]\ndata: {root: data}\n"


def lines(text: str) -> Case:
    """Return a case without its words: the head of a study file, and lines after it."""
    return Case(write("study.yaml", HEAD + text), ())


def said(text: str, *words: str) -> Case:
    """Return a case of lines after the head of a study file."""
    return Case(lines(text).break_it, words)


def changed(*words: str, **changes: object) -> Case:
    """Return a case of changed keys."""
    return Case(change(**changes), words)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED_BOMB = "a: &a {x: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{','.join([f'*{old}'] * 9)}], y{new}: 1}}\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
DIGITS = "9" * 5000

YAML = {
    "aliases of aliases": said(BOMB, "line 6", "stand for more than 100,000 values"),
    "merged aliases": said(MERGED_BOMB, "stand for more than 100,000 values"),
    "lists in lists": said("x:\n " + "[" * 150, "line 7", "nested too deeply", "at most 100"),
    "mappings in mappings": said("x: " + "{a: " * 150, "line 6", "nested too deeply", "at most 100"),
    "blocks in blocks": said(
        "x:\n" + "".join(" " * depth + "a:\n" for depth in range(1, 150)), "nested too deeply"
    ),
    "a list that holds itself": said("nodes: &x [*x]\n", "line 6", "that it is in itself"),
    "an unknown alias": said("seeds: *x\n", "line 6", "undefined alias 'x'"),
    "an object of Python": said(
        "x: !!python/object/apply:os.system ['true']\n", "line 6", "!!python/object/apply:os.system"
    ),
    "a tagged list": said("seeds: !langs [1, 2]\n", "line 6", "!langs is not known"),
    "a set": said("targets: !!set {aa}\n", "line 6", "!!set is not known"),
    "bytes": said("description: !!binary aGk=\n", "line 6", "!!binary is not known"),
    "a merge of a list": said("training: {<<: [1]}\n", "line 6", "expected a mapping to merge, got 1"),
    "a merge of a misspelt key": said(
        "training: {<<: {epoch: 1}}\n", "training.epoch: unknown key", "did you mean 'epochs'"
    ),
    "a list as key": said("? [1]\n: 2\n", "line 6", "no key; expected text"),
    "a key given twice": said("name: b\n", "line 6", "there twice; first on line 1"),
    "a tab": said("\tx: 1\n", "line 6", "not YAML"),
    "a bracket left open": said("seeds: [1\ntargets: 2", "not YAML"),
    "two documents": said("---\nname: b\n", "line 6", "another document"),
    "nothing": Case(write("study.yaml", ""), ("holds `key: value` pairs", "got nothing")),
    "a list of studies": Case(write("study.yaml", "- a\n"), ("holds `key: value` pairs", "got a list")),
    "a NUL": said("description: \0\n", "study.yaml:6", "holds a NUL character", "expected text in UTF-8"),
    "half a character": said('description: "\\ud83d"\n', "line 6", "expected whole characters"),
    "Latin-1": Case(
        write("study.yaml", (HEAD + "description: é\n").encode("latin-1")), ("study.yaml:6", "not UTF-8")
    ),
    "UTF-16": Case(write("study.yaml", HEAD.encode("utf-16")), ("UTF-16 text; expected UTF-8",)),
    "an integer of 5,000 digits": said(f"seeds: [{DIGITS}]\n", "line 6: seeds[0]", "cannot be read as int"),
    "an integer of 3,000 digits": said(
        f"seeds: [{DIGITS[:3000]}]\n", "line 6: seeds[0]", "below 2^63; got one of 3000 digits"
    ),
}

VALUES = {
    "a seed of 64 bits": changed("seeds[0]", "below 2^63; got 9223372036854775808", seeds=[2**63]),
    "a negative seed of 65 bits": changed("seeds[0]", "below 2^63", seeds=[-(2**64)]),
    "a seed that is no integer": changed("seeds[0]: expected a whole number, got 1.5", seeds=[1.5]),
    "epochs without number": changed("training.epochs", "below 2^63", training={"epochs": 10**30}),
    "an infinite rate": said("training: {learning_rate: .inf}\n", "line 6: training.learning_rate", "finite"),
    "a rate too large for a float": said("training: {learning_rate: 1e999}\n", "finite number", "got 1e999"),
    "a dropout that is no number": said("training: {dropout: .nan}\n", "training.dropout", "got .nan"),
    "a clip that is infinite": said(
        "training: {max_grad_norm: -.inf}\n", "training.max_grad_norm", "or null where there may be no limit"
    ),
    "a clock that is no number": said(
        "ablations: [none, {name: x, during: [{at: .nan, freeze: {layers: 0}}]}]\n",
        "ablations[1].during[0].at",
        "got .nan",
    ),
    "a name of 300 characters": changed("name: expected at most 200 characters", name="a" * 300),
    "a name that climbs out": changed("name: expected text of the form", "got '../x'", name="../x"),
    "an absolute name": changed("name: expected text of the form", "got '/tmp/x'", name="/tmp/x"),
    "a misspelt key": said(
        "seed: [1]\n", "line 6: seed: unknown key 'seed'", "did you mean 'seeds'", "Known:"
    ),
    "a misspelt task": changed("unknown task 'upso'", "did you mean 'upos'", "Known:", tasks=["upso"]),
    "no task": changed("tasks: expected at least 1 of them, got []", tasks=[]),
    "a layer that is not there": changed(
        "ablations[1]", "2-9", "0-3", ablations=["none", {"before": [{"reset": {"layers": "2-9"}}]}]
    ),
    "a language without data": changed("unknown language 'zz'", "Known: aa, bb, cc", targets=["zz"]),
    "a language that climbs out": changed(
        "unknown language '../../etc'", "Known: aa, bb", sources=["../../etc"]
    ),
    "no such data": changed("no such data folder: nowhere", data={"root": "nowhere"}),
    "data in a file": changed("no such data folder: parallel.tsv", data={"root": "parallel.tsv"}),
    "an unknown kind of node": changed("unknown kind of node 'x'", "Known: ", nodes={"x": {}}),
    "a module that ends the program": Case(
        all_of(write("quits.py", "raise SystemExit(3)\n"), change(imports=["quits"])),
        ("cannot import 'quits': SystemExit: it ends the program (3)",),
    ),
    "a module with a mistake": Case(
        all_of(write("mistaken.py", "def\n"), change(imports=["mistaken"])),
        ("cannot import 'mistaken': SyntaxError",),
    ),
    "a module that is not there": changed("cannot import 'nowhere': ModuleNotFound", imports=["nowhere"]),
}

STUDIES = {**YAML, **VALUES}
