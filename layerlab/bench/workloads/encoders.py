"""Encoders without fine-tuning: (f) alignment measures on parallel text, (g) masked-LM pretraining."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from layerlab.bench.corpora import CONTROLLED, FAMILY, write_treebanks
from layerlab.bench.settings import BenchSettings, layerlab, program
from layerlab.bench.workload import Contender, Outcome, Workload
from layerlab.bench.workloads.inputs import study_encoder
from layerlab.files import write_json

_LANGUAGES: Final = 20
SENTENCES: Final[Mapping[str, int]] = MappingProxyType({"small": 10, "default": 300, "full": 1000})
#: Depth, width, sequences of a step and steps of a pretraining.
PRETRAINED: Final[Mapping[str, tuple[int, int, int, int]]] = MappingProxyType(
    {"small": (2, 16, 2, 3), "default": (12, 256, 16, 20), "full": (12, 256, 32, 200)}
)
_LENGTH: Final = 128


def alignment(settings: BenchSettings) -> Workload:
    """Return (f): CKA and retrieval of English, or the first controlled language, with the others."""
    parallel = _parallel(settings)
    natural = parallel is not None
    place = parallel or settings.work / "f" / "parallel"
    n_sentences = SENTENCES[settings.scale]
    if natural:
        found = sorted(path.stem for path in place.glob("*.conllu"))
        pair_with, others = "en", [name for name in found if name != "en"][: _LANGUAGES - 1]
    else:
        pair_with, *others = CONTROLLED

    def prepare() -> None:
        if not natural:
            write_treebanks(place, None, CONTROLLED, {"test": n_sentences})

    def command(folder: Path) -> list[str]:
        languages = ("--languages", ",".join(others), "--pair-with", pair_with)
        text = ("--parallel", place, *languages, "--sentences", n_sentences)
        return layerlab("measure", study_encoder(settings), *text, "--output", folder / "alignment")

    text = "Parallel UD" if natural else "controlled languages"
    return Workload(
        "f",
        f"CKA and retrieval of {len(others) + 1} languages, layer by layer, {study_encoder(settings)}",
        f"{n_sentences} sentences of {text} in each language",
        (Contender("layerlab", command, seconds=30),),
        prepare=prepare,
        flops=program(
            "flops", "measure", study_encoder(settings), place, pair_with, ",".join(others), n_sentences
        ),
    )


def pretraining(settings: BenchSettings) -> Workload:
    """Return (g): masked-LM pretraining on controlled text."""
    n_layers, width, sequences, steps = PRETRAINED[settings.scale]
    spec = settings.work / "g" / "spec.yaml"
    threads = () if settings.threads is None else ("--threads", settings.threads)

    def command(folder: Path) -> list[str]:
        return layerlab("pretrain", spec, folder / "encoder", *threads)

    return Workload(
        "g",
        f"masked-LM pretraining of a BERT {n_layers} x {width}",
        f"{steps} steps of {sequences} sequences of {_LENGTH} tokens; tokens a second are those of the steps",
        (Contender("layerlab", command, read=_read_pretraining, seconds=60),),
        prepare=lambda: write_json(spec, _spec(n_layers, width, sequences, steps)),
    )


def _parallel(settings: BenchSettings) -> Path | None:
    """Return the folder of Parallel UD, beside the treebanks or below ``LAYERLAB_DATA``, or None."""
    named = os.environ.get("LAYERLAB_DATA")
    places = [settings.data.resolve().parent / "pud"] if settings.data is not None else []
    places += [Path(named) / "pud"] if named and settings.data is not None else []
    return next((place for place in places if (place / "en.conllu").is_file()), None)


def _spec(n_layers: int, width: int, sequences: int, steps: int) -> dict[str, Any]:
    text = {name: {"controlled": name, "family": FAMILY, "sentences": 100 * sequences} for name in CONTROLLED}
    return {
        "name": "bench",
        "architecture": {
            "model_type": "bert",
            "options": {
                "num_hidden_layers": n_layers,
                "hidden_size": width,
                "num_attention_heads": 4,
                "intermediate_size": 4 * width,
                "max_position_embeddings": _LENGTH,
            },
        },
        "corpora": text,
        "vocab_size": 900,
        "alphabet": 60,
        "sequence_length": _LENGTH,
        "batch_sequences": sequences,
        "learning_rate": 1e-3,
        "warmup_steps": 1,
        "steps": steps,
        "held_out_sequences": 4,
        "evaluate_every": steps,
    }


def _read_pretraining(folder: Path) -> Outcome:
    facts = json.loads((folder / "encoder" / "training.json").read_text(encoding="utf-8"))
    tokens = sum(facts["tokens_seen"].values())
    needed = tokens * facts["machine"]["flops_per_token"]
    return Outcome(facts["steps_done"], tokens=facts["tokens_per_second"], flops=needed)
