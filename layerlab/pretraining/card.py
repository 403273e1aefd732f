"""The model card of a pretraining: what the encoder is, and what it is not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from layerlab.pretraining.spec import PretrainingSpec

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


def model_card(facts: Mapping[str, Any], made: PretrainingSpec) -> str:
    """Return the model card as Markdown."""
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
        parallel=_on_factors(made),
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
        if any(isinstance(text, Mapping) and {"controlled", "artificial"} & set(text) for text in texts)
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


def _on_factors(spec: PretrainingSpec) -> str:
    around = spec.surroundings()
    streaming = around.streaming
    adding = {name: factor for name, factor in streaming.items() if factor.streams()}
    rest = [one.describe(around) for name, one in around.factors.items() if name not in adding]
    if not adding:
        return "\n".join(["No parallel text was\nused as such: a sequence is in one language.", *rest])
    taught = any(factor.mixes_languages for factor in adding.values())
    so = "So alignment between languages was taught, not only found; the" if taught else "The"
    described = "; ".join(factor.describe(around) for factor in adding.values())
    return "\n".join([f"Of the sequences,\n{described}.\n{so} other sequences are in one language.", *rest])
