"""Losses and scores of small pretrainings and fits, which no change of the code may move.

``python tests/training/recorded.py FILE`` writes them anew; ``recorded.json`` holds those of version 0.1.0.
Only the public API is called, so that any version that has shortcuts, which are off here, can run it.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import layerlab as ll

WORDS = {
    "aa": {"NOUN": ["mira", "tola", "pesa"], "VERB": ["gati", "leki"], "DET": ["o"], "PROPN": ["Bela"]},
    "bb": {"NOUN": ["миро", "толо", "песо"], "VERB": ["гату", "леку"], "DET": ["ос"], "PROPN": ["Бело"]},
}
ORDER = {"aa": ("DET", "NOUN", "VERB", "DET", "PROPN"), "bb": ("DET", "NOUN", "DET", "PROPN", "VERB")}
HEAD = {"NOUN": "VERB", "PROPN": "VERB", "DET": "NOUN"}
SIZES = {"train": 48, "dev": 16, "test": 16}
LABELS = ("entailment", "neutral", "contradiction")
TRAINING = {"epochs": 2, "learning_rate": 2e-3, "batch_size": 8, "accumulate": 2, "weight_decay": 0.1}
FITS: dict[str, dict[str, Any]] = {
    "upos": {
        "tasks": ["upos"],
        "training": {**TRAINING, "epochs": 3, "head_learning_rate": 5e-3},
        "ablations": [
            {
                "name": "timed",
                "before": [{"reset": {"layers": "1", "to": "random"}}],
                "during": [
                    {"at": 0.2, "freeze": {"layers": "embeddings,0"}},
                    {"at": 0.4, "reset": {"layers": "1", "to": "pretrained"}},
                    {"at": 0.7, "unfreeze": {"layers": "0"}},
                ],
            }
        ],
    },
    "parsing": {"tasks": ["parsing"], "training": {**TRAINING, "max_grad_norm": None, "accumulate": 1}},
    "ner": {
        "tasks": ["ner"],
        "training": {**TRAINING, "epochs": 4, "learning_rate": 1e-2, "select": "last", "warmup": 0.3},
    },
    "nli": {"tasks": ["nli"], "training": {**TRAINING, "accumulate": 3}},
}


def record(folder: Path) -> dict[str, Any]:
    """Return losses and scores of every pretraining and fit, made in a folder."""
    for language in WORDS:
        _write_language(folder / language, language)
    first, second = _specs(folder)
    pretrained = {
        "factors": _pretraining(first, folder / "first"),
        "grown": _pretraining(second, folder / "second"),
    }
    fits = {name: _fit(name, changes, folder) for name, changes in FITS.items()}
    return {"pretrainings": pretrained, "fits": fits}


def _specs(folder: Path) -> tuple[ll.PretrainingSpec, ll.PretrainingSpec]:
    files = {language: str(folder / language / "parallel.tsv") for language in WORDS}
    plain: dict[str, Any] = {
        "name": "small",
        "architecture": {
            "model_type": "bert",
            "options": {
                "num_hidden_layers": 2,
                "hidden_size": 16,
                "num_attention_heads": 2,
                "intermediate_size": 32,
                "max_position_embeddings": 64,
            },
        },
        "corpora": {language: str(folder / language / "text.txt") for language in WORDS},
        "vocab_size": 90,
        "sequence_length": 16,
        "batch_sequences": 8,
        "learning_rate": 5e-3,
        "warmup_steps": 3,
        "steps": 12,
        "held_out_sequences": 4,
        "evaluate_every": 6,
        "accumulate": 3,
        "parallel": {"corpora": files, "share": 0.25, "mask_rate": 0.4},
        "anchors": {"share": 0.25, "rate": 0.5},
        "probes": {"files": files, "pair_with": "aa", "every": 5, "sentences": 12},
        "seed": 3,
    }
    options = {**plain["architecture"]["options"], "num_hidden_layers": 4}
    grown = {
        **{key: plain[key] for key in plain if key not in {"parallel", "anchors", "probes", "accumulate"}},
        "architecture": {"model_type": "bert", "options": options},
        "grown_from": str(folder / "first"),
        "steps": 6,
    }
    return ll.PretrainingSpec.model_validate(plain), ll.PretrainingSpec.model_validate(grown)


def _pretraining(spec: ll.PretrainingSpec, folder: Path) -> dict[str, Any]:
    ll.pretrain(spec, folder, threads=1, device="cpu")
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return {key: facts[key] for key in ("losses", "held_out", "probes", "tokens_seen")}


def _fit(name: str, changes: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    fields = {
        "name": name,
        "models": [str(folder / "first")],
        "data": {"root": str(folder)},
        "sources": ["aa"],
        "targets": ["aa", "bb"],
        "ablations": ["none"],
        "seeds": [1],
        **changes,
    }
    file, results = folder / f"{name}.yaml", folder / f"results-{name}"
    file.write_text(json.dumps(fields), encoding="utf-8")  # JSON is YAML
    outcome = (
        ll.Study.from_yaml(file)
        .plan()
        .run(results, workers=0, device="cpu", progress=False, shortcuts="none")
    )
    if not outcome.good:
        raise RuntimeError(f"{name}: {outcome.status.failures}")
    (fit,) = (json.loads(path.read_text(encoding="utf-8")) for path in results.glob("fits/*/record.json"))
    scores = ll.load_records(results)
    keyed = {f"{row.target} {row.metric}": row.value for row in scores.itertuples()}
    history = [{key: epoch[key] for key in ("epoch", "loss", "dev")} for epoch in fit["node"]["history"]]
    return {"history": history, "scores": keyed}


def _write_language(folder: Path, language: str) -> None:
    folder.mkdir(parents=True)
    for split, size in SIZES.items():
        stream = random.Random(f"{language}-{split}")
        sentences = [_sentence(language, stream) for _ in range(size)]
        trees, entities, pairs = [], [], ["sentence1\tsentence2\tlabel"]
        for number, rows in enumerate(sentences):
            name = f"# sent_id = {split}-{number}"
            trees.append("\n".join([name, *_tree(rows), ""]))
            marked = [f"{word}\t{'B-PER' if tag == 'PROPN' else 'O'}" for word, tag in rows]
            entities.append("\n".join([name, *marked, ""]))
            other = " ".join(word for word, _ in stream.choice(sentences))
            label = LABELS[stream.randrange(3) if number % 4 else len(rows) % 3]
            pairs.append(f"{' '.join(word for word, _ in rows)}\t{other}\t{label}")
        (folder / f"{split}.conllu").write_text("\n".join(trees) + "\n", encoding="utf-8")
        (folder / f"{split}.iob2").write_text("\n".join(entities) + "\n", encoding="utf-8")
        (folder / f"{split}.tsv").write_text("\n".join(pairs) + "\n", encoding="utf-8")
    # One choice of words for all languages, so that equal numbers are translations.
    stream = random.Random("text")
    draws = [{tag: stream.random() for tag in HEAD | {"VERB": ""}} for _ in range(160)]
    lines = [
        " ".join(WORDS[language][tag][int(draw[tag] * len(WORDS[language][tag]))] for tag in ORDER[language])
        for draw in draws
    ]
    (folder / "text.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    verses = [f"{number}\t{line}" for number, line in enumerate(lines)]
    (folder / "parallel.tsv").write_text("\n".join(verses) + "\n", encoding="utf-8")


def _sentence(language: str, stream: random.Random) -> list[tuple[str, str]]:
    """Return words with their tags; an article may be missing, and any noun may be a name."""
    tags = [tag for tag in ORDER[language] if tag != "DET" or stream.random() < 0.8]
    nouns = {"NOUN": ("NOUN", "PROPN"), "PROPN": ("NOUN", "PROPN")}
    drawn = [stream.choice(nouns.get(tag, (tag,))) for tag in tags]
    return [(stream.choice(WORDS[language][tag]), tag) for tag in drawn]


def _tree(rows: list[tuple[str, str]]) -> list[str]:
    """Return the lines of a sentence whose verb is the root and whose articles belong to the next word."""
    root = next(number for number, (_, tag) in enumerate(rows, 1) if tag == "VERB")
    lines = []
    for number, (word, tag) in enumerate(rows, 1):
        head, relation = {"VERB": (0, "root"), "DET": (number + 1, "det")}.get(tag, (root, "nsubj"))
        lines.append(f"{number}\t{word}\t_\t{tag}\t_\t_\t{head}\t{relation}\t_\t_")
    return lines


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        text = json.dumps(record(Path(made)), ensure_ascii=False, indent=1)
    Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")
