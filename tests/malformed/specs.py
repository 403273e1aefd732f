"""Pretraining specs that cannot be read, or that ask for what cannot be made."""

from __future__ import annotations

import gzip
import lzma
from typing import Any

from tests.fixtures.pretrainings import TINY_BERT
from tests.malformed.place import Case, Place, all_of, change, change_spec, cut, write

TEXT = "lomir tasin vekor petak .\n" * 200
MODEL = change(models=["spec.yaml"])


def changed(*words: str, **changes: Any) -> Case:
    """Return a case of changed keys of a spec that is the model of a study."""
    return Case(all_of(MODEL, change_spec(**changes)), words)


def option(*words: str, **options: Any) -> Case:
    """Return a case of changed options of the architecture."""
    whole = {**TINY_BERT["options"], **options}  # type: ignore[dict-item]
    return changed(*words, architecture={"model_type": "bert", "options": whole})


def text(*words: str, name: str = "xa.txt", data: bytes | str) -> Case:
    """Return a case of another text."""
    return Case(all_of(MODEL, write(name, data), change_spec(corpora={"xa": name})), words)


def say_infinite(place: Place) -> None:
    """JSON has no infinite numbers, YAML does."""
    write("spec.yaml", "name: a\nsteps: 3\nlearning_rate: .inf\n")(place)


SPECS = {
    "no layers": option("num_hidden_layers is 0; expected a whole number of at least 1", num_hidden_layers=0),
    "layers below zero": option("num_hidden_layers is -1; expected a whole number", num_hidden_layers=-1),
    "layers in words": option("num_hidden_layers is 'two'; expected a whole", num_hidden_layers="two"),
    "half a layer": option("num_hidden_layers is 2.5; expected a whole number", num_hidden_layers=2.5),
    "a million layers": option(
        "num_hidden_layers is 1000000; expected at most 1,000", num_hidden_layers=10**6
    ),
    "no width": option("hidden_size is 0; expected a whole number of at least 1", hidden_size=0),
    "no heads": option("num_attention_heads is 0; expected a whole number", num_attention_heads=0),
    "heads that do not divide": option(
        "not a multiple of the number of attention heads", num_attention_heads=3
    ),
    "a dropout in words": option(
        "no masked-LM model can be made", "hidden_dropout_prob", hidden_dropout_prob="x"
    ),
    "an unknown activation": option("no masked-LM model can be made", "KeyError: 'gleu'", hidden_act="gleu"),
    "an unknown option": option(
        "unknown bert option 'hiden_size'", "did you mean 'hidden_size'", hiden_size=3
    ),
    "an option of the tokenizer": option("vocab_size comes from the tokenizer; leave it out", vocab_size=3),
    "sequences beyond the positions": changed(
        "sequence_length is 128", "max_position_embeddings is 64", sequence_length=128
    ),
    "an unknown architecture": changed("unknown architecture 'brt'", architecture={"model_type": "brt"}),
    "no corpora": changed("corpora: expected at least 1 of them, got {}", corpora={}),
    "a corpus that is not there": changed("no such file", "did you mean 'xb.txt'", corpora={"xa": "xc.txt"}),
    "a corpus of an unknown kind": changed("expected .txt, .txt.xz, .tsv", corpora={"xa": "spec.yaml"}),
    "a compressed corpus of another kind": text(
        "expected .txt, .txt.xz, .tsv", name="xa.txt.gz", data=gzip.compress(TEXT.encode())
    ),
    "a corpus in Latin-1": text(
        "xa.txt: not UTF-8 (byte 0xe9", "expected UTF-8", data="é \n".encode("latin-1")
    ),
    "a compressed corpus in Latin-1": text(
        "xa.txt.xz: not UTF-8", name="xa.txt.xz", data=lzma.compress("é \n".encode("latin-1"))
    ),
    "a corpus that is no .xz": text("not a whole .xz file", name="xa.txt.xz", data=b"no"),
    "a corpus that was cut off": text(
        "not a whole .xz file", "was it cut off?", name="xa.txt.xz", data=lzma.compress(TEXT.encode())[:-30]
    ),
    "an empty corpus": text("xa: no text in", data=""),
    "a corpus of blanks": text("xa: no text in", data="\n \n"),
    "a corpus of too many columns": text(
        "xa.tsv:1: expected id TAB text, got 3 columns", name="xa.tsv", data="a\tb\tc\n"
    ),
    "too much held out": changed(
        "too few to hold out 1,000,000", "expected at least twice as many", held_out_sequences=10**6
    ),
    "a name that climbs out": changed("expected a name that becomes a folder", "got '../x'", name="../x"),
    "an absolute name": changed("expected a name that becomes a folder", name="/tmp/x"),
    "a language that climbs out": changed("language '../../xa'", corpora={"../../xa": "xa.txt"}),
    "a language without name": changed("language ''", corpora={"": "xa.txt"}),
    "no steps": changed("steps: expected at least 1, got 0", steps=0),
    "steps without end": changed("steps: expected at most 1e+09, got", steps=10**12),
    "a seed of 60 bits": changed("seed: expected less than", seed=2**60),
    "an infinite rate": Case(
        all_of(MODEL, say_infinite), ("line 3: learning_rate: expected a finite number",)
    ),
    "an encoder to grow that is not there": changed("grown_from: no encoder in", grown_from="nowhere"),
    "an encoder to grow that was cut off": Case(
        all_of(MODEL, change_spec(grown_from="encoder"), cut("encoder/model.safetensors", -40)),
        ("model.safetensors: it was cut off", "expected"),
    ),
    "a kind of text that is none": changed(
        "corpora.xa: expected a file, {hub: ...} or {controlled: ...}", corpora={"xa": {"hbu": "x"}}
    ),
    "a spec that is not there": Case(change(models=["no.yaml"]), ("no such pretraining spec: no.yaml",)),
}
