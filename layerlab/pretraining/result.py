"""What a pretraining leaves: a Hugging Face folder, its curve, and a model card that tells the truth."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlab.pretraining.checkpoint import Position
from layerlab.training.checkpoint import write_atomically

if TYPE_CHECKING:
    from layerlab.pretraining.spec import PretrainingSpec
    from layerlab.pretraining.text.material import Material
    from layerlab.training.throughput import Machine


def write_result(
    folder: Path,
    spec: PretrainingSpec,
    material: Material,
    model: Any,
    done: Position,
    sequences_seen: Mapping[str, int],
    machine: Machine,
) -> None:
    """Write weights, tokenizer, ``training.json``, its picture and ``README.md``."""
    from layerlab.pretraining.picture import write_picture

    model.eval()
    model.save_pretrained(folder)
    material.tokenizer.save_pretrained(folder)
    facts = training_facts(spec, material, model, done, sequences_seen, machine)
    text = json.dumps(facts, ensure_ascii=False, indent=1)
    write_atomically(folder / "training.json", lambda path: path.write_text(text + "\n", encoding="utf-8"))
    card = model_card(facts)
    write_atomically(folder / "README.md", lambda path: path.write_text(card, encoding="utf-8"))
    if done.losses:
        write_picture(folder)


def training_facts(
    spec: PretrainingSpec,
    material: Material,
    model: Any,
    done: Position,
    sequences_seen: Mapping[str, int],
    machine: Machine,
) -> dict[str, Any]:
    """Return what happened, as plain values: spec, sizes, tokens, times and curves.

    ``masked_perplexity`` is the exponential of a language's last held-out loss, per masked token: the model
    sees both sides of the gap, so it is no perplexity of a text, and no language compares with another.
    """
    import torch
    import transformers

    tokens = {language: n * spec.sequence_length for language, n in sequences_seen.items()}
    speed = sum(tokens.values()) / done.seconds if done.seconds else None
    last = done.held_out[-1]["loss"] if done.held_out else {}
    embedding = model.get_input_embeddings().weight
    n_parameters = sum(parameter.numel() for parameter in model.parameters())
    return {
        "spec": json.loads(spec.canonical()),
        "steps_done": done.step,
        "parameters": n_parameters,
        "parameters_without_token_embeddings": n_parameters - embedding.numel(),
        "vocabulary": len(material.tokenizer),
        "corpus_tokens": material.n_tokens,
        "tokens_seen": tokens,
        "seconds": done.seconds,
        "tokens_per_second": speed,
        "machine": {
            "device": model.device.type,
            "flops_per_token": machine.flops_per_token,
            "matmul_flops_per_second": machine.rate.square,
            "own_shapes_flops_per_second": machine.rate.own,
            "utilisation": machine.utilisation(speed) if speed else None,
        },
        "threads": torch.get_num_threads(),
        "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        "held_out": done.held_out,
        "masked_perplexity": {language: math.exp(loss) for language, loss in last.items()},
        "probes": done.probes,
        "losses": done.losses,
    }


_CARD = """---
library_name: transformers
pipeline_tag: fill-mask
language:
{language_list}
tags:
- layerlab
---

# {name}

A small and weak multilingual encoder ({model_type}), made for the study of layer ablation and for no other
use. It has {parameters:,} parameters, {inner:,} of them outside the token embeddings, and a {case}
{tokenizer} vocabulary of {vocabulary:,} pieces.

{origin}It was trained by masked language modelling: {steps_done:,} steps of {batch} sequences of {length}
tokens, {tokens:,} tokens in all, mask rate {mask_rate}, {minutes:.0f} minutes{speed}.{stopped} {parallel}

| language | tokens in the corpus | tokens seen | held-out loss (nats per masked token) | its exponential |
|---|---|---|---|---|
{rows}

Held-out losses are those of step {measured_at:,}, on {held_out} sequences a language, spread evenly over the
corpus: they come from the same texts as the training sequences, so they are lower than on other text. They
do not compare languages with each other, since each has its own pieces. Guessing evenly among all pieces
costs {even:.2f}. The exponential is a perplexity of gaps, filled with both sides in view: it is no
perplexity of running text.{invented}

No licence is claimed for the weights; the corpora keep theirs. What the texts say, prejudice included, is in
the weights.
"""


def model_card(facts: Mapping[str, Any]) -> str:
    """Return the model card as Markdown.

    Args:
        facts: What `training_facts` returns.
    """
    spec, seen, done = facts["spec"], facts["tokens_seen"], facts["steps_done"]
    measured: Mapping[str, Any] = facts["held_out"][-1] if facts["held_out"] else {"step": 0, "loss": {}}
    rows = [
        f"| {language} | {facts['corpus_tokens'][language]:,} | {seen[language]:,} "
        f"| {_loss(measured['loss'].get(language))} |"
        for language in seen
    ]
    return _CARD.format(
        language_list="\n".join(f"- {language}" for language in spec["corpora"]),
        origin=_origin(spec),
        parallel=_on_parallel_text(spec),
        name=spec["name"],
        model_type=spec["architecture"]["model_type"],
        parameters=facts["parameters"],
        inner=facts["parameters_without_token_embeddings"],
        tokenizer={"wordpiece": "WordPiece", "unigram": "Unigram"}[spec["tokenizer"]],
        speed=_speed(facts),
        invented=_invented(spec),
        case="lower-cased" if spec["lowercase"] else "cased",
        vocabulary=facts["vocabulary"],
        steps_done=done,
        batch=spec["batch_sequences"],
        length=spec["sequence_length"],
        tokens=sum(seen.values()),
        mask_rate=spec["mask_rate"],
        minutes=facts["seconds"] / 60,
        stopped=""
        if done == spec["steps"]
        else f" It was stopped early, {spec['steps']:,} steps were planned.",
        rows="\n".join(rows),
        measured_at=measured["step"],
        held_out=spec["held_out_sequences"],
        even=math.log(facts["vocabulary"]),
    )


def _loss(value: float | None) -> str:
    return "not measured | " if value is None else f"{value:.2f} | {math.exp(value):.1f}"


def _speed(facts: Mapping[str, Any]) -> str:
    machine = facts["machine"]
    if not facts["tokens_per_second"]:
        return ""
    return (
        f" at\n{facts['tokens_per_second']:,.0f} tokens a second ({machine['utilisation']:.0%} of the rate "
        f"of large matrix products on the {machine['device'].upper()} that it used)"
    )


def _invented(spec: Mapping[str, Any]) -> str:
    """Say which languages are invented, so that nobody takes them for natural ones."""
    names = [
        language
        for language, texts in spec["corpora"].items()
        if any(isinstance(text, Mapping) and "controlled" in text for text in texts)
    ]
    if not names:
        return ""
    return (
        f"\n\nInvented languages, made by a generator: {', '.join(names)}. They are no evidence about others."
    )


def _origin(spec: Mapping[str, Any]) -> str:
    if spec["grown_from"] is None:
        return ""
    return (
        f"It was grown from another encoder, {Path(spec['grown_from']).name}, whose training comes on top.\n"
    )


def _on_parallel_text(spec: Mapping[str, Any]) -> str:
    if spec["parallel"] is None and spec["anchors"] is None:
        return "No parallel text was\nused as such: a sequence is in one language."
    told = []
    if spec["parallel"] is not None:
        share, languages = spec["parallel"]["share"], ", ".join(spec["parallel"]["corpora"])
        told.append(
            f"{share:.0%} are parallel text, a text's translations side by side (translation language\n"
            f"modelling; languages: {languages})"
        )
    if spec["anchors"] is not None:
        share, rate = spec["anchors"]["share"], spec["anchors"]["rate"]
        learnt = ", ".join(spec["anchors"]["corpora"] or spec["parallel"]["corpora"])
        told.append(
            f"{share:.0%} are running text in which {rate:.0%} of the words stand in another language\n"
            f"where a translation is known (anchors; the lexicon was learnt from parallel texts in {learnt})"
        )
    return (
        f"Of the sequences,\n{'; '.join(told)}.\nSo alignment between languages was taught, not only found; "
        "the other sequences are in one language."
    )
