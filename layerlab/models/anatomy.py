"""Where each architecture keeps its parts, as paths below the base model; nothing is loaded."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from typing import Literal

from layerlab.errors import ArchitectureError, unknown

Component = Literal["attention", "ffn", "norm"]
COMPONENTS: tuple[Component, ...] = ("attention", "ffn", "norm")
ENTRY_POINTS = "layerlab.anatomies"


@dataclass(frozen=True)
class Anatomy:
    """Where an architecture keeps its parts.

    Paths are dotted. Those of the first four fields are relative to the base model (``model.base_model``
    of a transformers model) and may be absent from a given model, as a pooler is; those of the others
    are relative to one layer, and may be left out if components are not needed.

    Attributes:
        layers: The list of layers.
        embeddings: Everything before layer 0.
        shared: What several layers use.
        top: Everything after the last layer.
        attention: Parts of a layer that are its attention sub-block.
        ffn: Parts of a layer that are its feed-forward sub-block.
        attention_output: The module whose output attention adds to the residual stream.
        ffn_output: The module whose output the feed-forward adds to the residual stream.
    """

    layers: str
    embeddings: tuple[str, ...] = ("embeddings",)
    shared: tuple[str, ...] = ()
    top: tuple[str, ...] = ()
    attention: tuple[str, ...] = field(default=(), kw_only=True)
    ffn: tuple[str, ...] = field(default=(), kw_only=True)
    attention_output: str = field(default="", kw_only=True)
    ffn_output: str = field(default="", kw_only=True)


def _bert_like(
    embeddings: tuple[str, ...] = ("embeddings",), shared: tuple[str, ...] = (), top: tuple[str, ...] = ()
) -> Anatomy:
    """BERT's names, which many architectures keep."""
    return Anatomy(
        "encoder.layer",
        embeddings,
        shared,
        top,
        attention=("attention",),
        ffn=("intermediate", "output"),
        attention_output="attention.output.dense",
        ffn_output="output.dense",
    )


_ANATOMIES: dict[str, Anatomy] = {
    "bert": _bert_like(top=("pooler",)),
    "xlm-roberta": _bert_like(top=("pooler",)),
    "roberta": _bert_like(top=("pooler",)),
    "camembert": _bert_like(top=("pooler",)),
    "electra": _bert_like(embeddings=("embeddings", "embeddings_project")),
    "rembert": _bert_like(embeddings=("embeddings", "encoder.embedding_hidden_mapping_in"), top=("pooler",)),
    "deberta-v2": _bert_like(shared=("encoder.rel_embeddings", "encoder.LayerNorm", "encoder.conv")),
    "distilbert": Anatomy(
        "transformer.layer",
        attention=("attention",),
        ffn=("ffn",),
        attention_output="attention.out_lin",
        ffn_output="ffn.lin2",
    ),
    "modernbert": Anatomy(
        "layers",
        top=("final_norm",),
        attention=("attn",),
        ffn=("mlp",),
        attention_output="attn.Wo",
        ffn_output="mlp.Wo",
    ),
    "eurobert": Anatomy(
        "layers",
        embeddings=("embed_tokens",),
        top=("norm",),
        attention=("self_attn",),
        ffn=("mlp",),
        attention_output="self_attn.o_proj",
        ffn_output="mlp.down_proj",
    ),
}

_REFUSED = {
    "albert": "its layers share one set of weights, so that no layer can be changed without all the others",
    "xlm": "it keeps a layer's parts in parallel lists, so that there is no module that is a layer",
}


def register_anatomy(model_type: str, anatomy: Anatomy) -> None:
    """Make an architecture known by the ``model_type`` of its configuration.

    Packages may do the same by an entry point of the group ``layerlab.anatomies`` that is named after the
    ``model_type`` and refers to an :class:`Anatomy`.

    Raises:
        ArchitectureError: The type has another anatomy already.

    >>> register_anatomy("my-bert", Anatomy("encoder.layer", top=("pooler",)))
    """
    if _ANATOMIES.get(model_type, anatomy) != anatomy:
        raise ArchitectureError(
            f"model type {model_type!r} has another anatomy already: {_ANATOMIES[model_type]}; "
            f"give your architecture a model_type of its own"
        )
    _ANATOMIES[model_type] = anatomy


def anatomy_of(model_type: str) -> Anatomy:
    """Return where an architecture keeps its parts.

    Raises:
        ArchitectureError: The architecture is unknown, or refused because its layers are not separate.

    >>> anatomy_of("distilbert").layers
    'transformer.layer'
    """
    _load_entry_points()
    if model_type in _ANATOMIES:
        return _ANATOMIES[model_type]
    if model_type in _REFUSED:
        raise ArchitectureError(
            f"{model_type!r} cannot be ablated by layer: {_REFUSED[model_type]}. "
            f"Known: {', '.join(known_types())}"
        )
    raise ArchitectureError(
        f"{unknown('model type', model_type, known_types())}. To add it: layerlab.register_anatomy("
        f"{model_type!r}, Anatomy(layers='path.to.layers', embeddings=('embeddings',)))"
    )


def known_types() -> tuple[str, ...]:
    """Return the ``model_type`` of every known architecture, sorted."""
    _load_entry_points()
    return tuple(sorted(_ANATOMIES))


@functools.cache
def _load_entry_points() -> None:
    """Register the anatomies that installed packages offer, once."""
    for entry in entry_points(group=ENTRY_POINTS):
        anatomy = entry.load()
        if not isinstance(anatomy, Anatomy):
            raise ArchitectureError(
                f"entry point {entry.name!r} of {ENTRY_POINTS} is no Anatomy: {anatomy!r}"
            )
        register_anatomy(entry.name, anatomy)
