"""Results and published records that cannot be read."""

from __future__ import annotations

from layerlab.analysis.records.columns import COLUMNS
from tests.malformed.place import Case, Command, write

HEADER = ",".join(COLUMNS) + "\n"
ROW = "s,r,f,m,upos,none,none,none,,,,,aa,aa,test,0,accuracy,,0.5,10,,[],True\n"
TABLE: Command = ("table", "results")
RUN: Command = ("run", "study.yaml", "--results", "results", "--workers", "0")
STATUS: Command = ("status", "study.yaml", "--results", "results")


def published(*words: str, data: bytes | str, command: Command = TABLE) -> Case:
    """Return a case of a published study."""
    return Case(write("results/records.csv", data), words, command)


def manifest(*words: str, data: str, command: Command) -> Case:
    """Return a case of a store's manifest."""
    return Case(write("results/manifest.json", data), ("manifest.json", *words), command)


STORES = {
    "no results": Case(lambda place: None, ("results does not exist; expected a store",), TABLE),
    "results without records": Case(
        write("results/notes.txt", "a"), ("holds no records: expected manifest.json",), TABLE
    ),
    "results that are a file": Case(
        write("results", "a"), ("results is a file; expected a directory that can be written",), STATUS
    ),
    "records of an unknown kind": Case(
        write("records.json", "{}"),
        ("unknown suffix '.json'", "Known: .csv, .parquet"),
        ("table", "records.json"),
    ),
    "records that are empty": published("cannot read results/records.csv", data=""),
    "records in Latin-1": published("cannot read results/records.csv", data=b"study\n\xe9\n"),
    "records that lack columns": published(
        "lack the columns run_id, fit_id", "it has others: runs", data="study,runs\n"
    ),
    "records with cells too many": published(
        "cannot read results/records.csv", "line 3", data=HEADER + ROW + "x," * 30
    ),
    "a value in words": published(
        "column value holds 'half'", "expected a number", data=HEADER + ROW.replace("0.5", "half")
    ),
    "a seed in words": published(
        "column seed holds 'one'", "expected a number", data=HEADER + ROW.replace("test,0", "test,one")
    ),
    "a seed beyond 64 bits": published(
        "column seed holds", "expected an integer", data=HEADER + ROW.replace("test,0", "test," + "9" * 30)
    ),
    "a seed that is a fraction": published(
        "column seed holds '0.5', expected an integer", data=HEADER + ROW.replace("test,0", "test,0.5")
    ),
    "a row with two values": published(
        "has two different rows for target aa", data=HEADER + ROW + ROW.replace("0.5", "0.6")
    ),
    "parquet that is none": Case(
        write("records.parquet", b"PAR1nope"), ("cannot read records.parquet",), ("table", "records.parquet")
    ),
    "a manifest that was cut off": manifest("cannot read", data='{"study": "sm', command=TABLE),
    "a manifest of lists": manifest("expected an object", data="[]", command=TABLE),
    "a manifest of lists in lists": manifest("cannot read", data="[" * 100_000, command=TABLE),
    "a manifest with ids that are none": manifest(
        "nodes.run", data='{"study": "s", "nodes": {"run": 3}}', command=TABLE
    ),
    "another study's results": Case(
        write("results/manifest.json", '{"study": "other", "nodes": {}}'),
        ("results holds study 'other', not 'small'; choose another directory",),
        RUN,
    ),
}
