"""What a pretraining leaves: a Hugging Face folder with its curve and a model card."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from layerlab.disk import open_up
from layerlab.files import write_text
from layerlab.models.by_language.manifest import FOLDER
from layerlab.models.by_language.tokenizers import copy_tokenizers
from layerlab.models.by_language.views import save_views
from layerlab.pretraining.card import model_card
from layerlab.pretraining.checkpoint import Position
from layerlab.pretraining.picture import write_picture
from layerlab.pretraining.steps import Parts
from layerlab.training.throughput import Machine


def write_result(folder: Path, state: Path, parts: Parts, done: Position, machine: Machine) -> None:
    """Write weights, tokenizers, ``training.json``, its picture and ``README.md``."""
    write_encoder(folder, state, parts)
    facts = training_facts(parts, done, machine)
    write_text(folder / "training.json", json.dumps(facts, ensure_ascii=False, indent=1) + "\n")
    write_text(folder / "README.md", model_card(facts, parts.spec))
    if done.losses:
        write_picture(folder)


def write_encoder(folder: Path, state: Path, parts: Parts) -> None:
    """Write the encoder as it is, with its tokenizers, which are in ``state``."""
    parts.trained.eval()
    if parts.speakers is None:
        parts.model.save_pretrained(folder)
    else:
        save_views(folder, parts.speakers.views)
    parts.material.tokenizer.save_pretrained(folder)
    copy_tokenizers(state, folder)
    for path in (*folder.glob("*.safetensors"), *(folder / FOLDER).rglob("*.safetensors")):
        open_up(path)


def training_facts(parts: Parts, done: Position, machine: Machine) -> dict[str, Any]:
    """Return what happened, as plain values: spec, sizes, tokens, times and curves.

    ``masked_perplexity`` is the exponential of a language's last held-out loss, per masked token: the model
    sees both sides of the gap, so it is no perplexity of a text, and no language compares with another.
    """
    import torch
    import transformers

    spec, material, model = parts.spec, parts.material, parts.model
    seen = parts.order.sequences_seen(done.step)
    tokens = {language: n * spec.sequence_length for language, n in seen.items()}
    speed = sum(tokens.values()) / done.seconds if done.seconds else None
    last = done.held_out[-1]["loss"] if done.held_out else {}
    models = [model] if parts.speakers is None else parts.speakers.views.models.values()
    embeddings = {id(weight): weight for one in models for weight in one.get_input_embeddings().parameters()}
    n_parameters = sum(parameter.numel() for parameter in parts.trained.parameters())
    return {
        "spec": json.loads(spec.canonical()),
        "steps_done": done.step,
        "parameters": n_parameters,
        "parameters_without_token_embeddings": n_parameters
        - sum(weight.numel() for weight in embeddings.values()),
        "vocabulary": len(material.tokenizer),
        "corpus_tokens": material.n_tokens,
        "tokens_seen": tokens,
        "seconds": done.seconds,
        "tokens_per_second": speed,
        "machine": {
            "device": model.device.type,
            "flops_per_token": machine.flops_per_token,
            "matmul_flops_per_second": machine.square,
            "own_shapes_flops_per_second": machine.own,
            "utilisation": machine.utilisation(speed) if speed else None,
        },
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "held_out": done.held_out,
        "masked_perplexity": {language: math.exp(loss) for language, loss in last.items()},
        "probes": done.probes,
        "losses": done.losses,
    }
