"""The freshly initialised masked-LM model of a spec."""

from __future__ import annotations

from typing import Any

import torch

from layerlab.errors import ArchitectureError, unknown
from layerlab.models.by_language.views import Views, tie
from layerlab.models.stored.folders import fault_of_sizes
from layerlab.pretraining.budget import sizes_for
from layerlab.pretraining.factors.growth import check_growth, grow
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.pretraining.text.unigram import SPECIAL_TOKENS
from layerlab.training.streams import derive_seed

# Accepted by a config without standing in it.
_UNLISTED = {"modernbert": ("global_attn_every_n_layers", "global_rope_theta", "local_rope_theta")}

_SPECIAL_IDS = {
    f"{role}_token_id": SPECIAL_TOKENS.index(token)
    for role, token in {
        "pad": "[PAD]",
        "bos": "[CLS]",
        "eos": "[SEP]",
        "cls": "[CLS]",
        "sep": "[SEP]",
    }.items()
}


def check_architecture(spec: PretrainingSpec) -> Any:
    """Check, before any text is read, that the architecture can be made.

    Returns:
        Its config, with the spec's size of the vocabulary; that of the tokenizer may be smaller.

    Raises:
        ArchitectureError: Not a masked-LM architecture, or options that its config does not have or that
            do not fit together.
        SelectionError: Layers that it does not have are to be separate.
    """
    from transformers import AutoModelForMaskedLM

    config = _config(spec, spec.vocab_size)
    longest = getattr(config, "max_position_embeddings", spec.sequence_length)
    if longest < spec.sequence_length:
        raise ArchitectureError(
            f"sequence_length is {spec.sequence_length}, but max_position_embeddings is {longest}; "
            "expected at most as many tokens as positions"
        )
    if spec.grown_from is not None:
        check_growth(spec.grown_from, config)
    try:
        with torch.device("meta"):
            model = AutoModelForMaskedLM.from_config(config)  # type: ignore[no-untyped-call]
    except Exception as error:  # a KeyError of an activation, a ZeroDivisionError of a size
        raise _cannot_be_made(spec, error) from error
    if spec.separate is not None:
        spec.separate.own_parameters(model)
    return config


def build_model(spec: PretrainingSpec, vocab_size: int) -> Any:
    """Make the model under the spec's seed, or grow it from another; the caller forks torch's generator."""
    return _build(spec, vocab_size, spec.seed)


def build_views(spec: PretrainingSpec, vocab_size: int) -> Views | None:
    """Make the model of each language, where some parts are separate; None where all languages share all.

    The first language's is the plain model; what the others have of their own is drawn for them.
    """
    if spec.separate is None:
        return None
    first, *others = spec.corpora
    models = {first: build_model(spec, vocab_size)}
    for language in others:
        models[language] = _build(spec, vocab_size, derive_seed(spec.seed, "language", language))
    return tie(models, spec.separate.own_parameters(models[first]))


def outline_views(spec: PretrainingSpec) -> Views | None:
    """Make the models of all languages as :func:`build_views` does, by names and shapes, without values."""
    with torch.device("meta"):
        return build_views(spec.model_copy(update={"grown_from": None}), spec.vocab_size)


def _build(spec: PretrainingSpec, vocab_size: int, seed: int) -> Any:
    from transformers import AutoModelForMaskedLM

    torch.manual_seed(seed)
    model = AutoModelForMaskedLM.from_config(_config(spec, vocab_size))  # type: ignore[no-untyped-call]
    if spec.grown_from is not None:
        grow(model, spec.grown_from, spec.growth)
    return model


def _config(spec: PretrainingSpec, vocab_size: int) -> Any:
    from transformers import AutoConfig

    kind, options = spec.architecture.model_type, spec.architecture.options
    try:
        default = AutoConfig.for_model(kind)
    except ValueError as error:
        raise ArchitectureError(
            f"unknown architecture {kind!r}; expected a model_type of transformers, such as bert"
        ) from error
    from_tokenizer = {"vocab_size": vocab_size, **_SPECIAL_IDS}
    known = {*default.to_dict(), *default.attribute_map, *_UNLISTED.get(kind, ())} - {"model_type"}
    for option in options:
        if option in from_tokenizer:
            raise ArchitectureError(f"architecture.options: {option} comes from the tokenizer; leave it out")
        if option not in known:
            raise ArchitectureError(f"architecture.options: {unknown(f'{kind} option', option, known)}")
    if fault := fault_of_sizes(options):
        raise ArchitectureError(f"architecture.options: {fault}")
    if spec.architecture.layer_parameters is not None:
        options = options | sizes_for(kind, options, spec.architecture.layer_parameters)
    taken = {key: value for key, value in from_tokenizer.items() if key in known}
    try:
        return AutoConfig.for_model(kind, **taken, **options)
    except Exception as error:  # each library of types has errors of its own
        raise _cannot_be_made(spec, error) from error


def _cannot_be_made(spec: PretrainingSpec, error: Exception) -> ArchitectureError:
    said = " ".join(line.strip() for line in str(error).splitlines()[:2])
    if not isinstance(error, ValueError | RuntimeError | TypeError):
        said = f"{type(error).__name__}: {said}"
    return ArchitectureError(
        f"no masked-LM model can be made of {spec.architecture.model_type!r} with "
        f"{spec.architecture.options}: {said}"
    )
