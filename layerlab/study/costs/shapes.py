"""Sizes of encoders, and what reading costs them; no weights are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any, Final

from layerlab.errors import CheckpointError, unknown
from layerlab.models.loading import load_config
from layerlab.models.stored.remembered import remembered
from layerlab.nodes.kinds.fit import Fit
from layerlab.pretraining.spec import PretrainingSpec
from layerlab.study.costs.loads import Load

# Dimensions of encoders whose cost may be asked for without a download: what differs from the defaults of
# their transformers configuration.
KNOWN: Final[Mapping[str, tuple[str, Mapping[str, int]]]] = MappingProxyType(
    {
        "bert-base-multilingual-cased": ("bert", {"vocab_size": 119_547}),
        "xlm-roberta-base": (
            "xlm-roberta",
            {"vocab_size": 250_002, "max_position_embeddings": 514, "type_vocab_size": 1},
        ),
        "xlm-roberta-large": (
            "xlm-roberta",
            {
                "vocab_size": 250_002,
                "max_position_embeddings": 514,
                "type_vocab_size": 1,
                "hidden_size": 1024,
                "num_hidden_layers": 24,
                "num_attention_heads": 16,
                "intermediate_size": 4096,
            },
        ),
    }
)

#: Bytes of a parameter on disk, and while it is trained: itself, its gradient and Adam's two moments.
STORED: Final = 4
TRAINED: Final = 16


@dataclass(frozen=True)
class Shape:
    """The size of an encoder.

    Attributes:
        name: Short name.
        n_layers: Depth.
        hidden_size: Width.
        layer_parameters: Parameters of all layers, without embeddings and pooler.
        parameters: All parameters.
    """

    name: str
    n_layers: int
    hidden_size: int
    layer_parameters: int
    parameters: int

    def forward_flops(self, load: Load) -> float:
        """Return the floating-point operations of reading a load once.

        Two for each parameter and word-piece, and for attention four (scores, and their use) for each layer,
        unit of width and pair of word-pieces. Embeddings are looked up and cost none; padding, heads and
        local attention are left out. A training step costs three times as much.

        Reference: Kaplan et al. (2020), arXiv:2001.08361, section 2.1; Chowdhery et al. (2022), PaLM,
            arXiv:2204.02311, appendix B, for the term of attention.

        >>> Shape("tiny", 2, 8, 100, 300).forward_flops(Load(10, 50))
        5200.0
        """
        attention = 4 * self.n_layers * self.hidden_size * load.pairs
        return float(2 * self.layer_parameters * load.pieces + attention)


def shape_of(name: str) -> Shape:
    """Return the size of an encoder by a well-known name, folder or Hub id; no weights are loaded.

    Raises:
        CheckpointError: It is none of the known ones and no configuration is found.
    """
    from transformers import AutoConfig

    known = KNOWN.get(name.rpartition("/")[2])
    if known is not None:
        return shape_of_config(name, AutoConfig.for_model(known[0], **known[1]))
    try:
        config = load_config(name)
    except CheckpointError as error:
        raise CheckpointError(f"{unknown('encoder', name, KNOWN)}; or a folder, or a Hub id") from error
    return shape_of_config(name, config)


def shape_of_fit(fit: Fit, specs: Mapping[str, PretrainingSpec]) -> Shape:
    """Return the size of a fit's encoder; what was found once is remembered.

    Args:
        fit: The fit.
        specs: Of pretrainings, by id.

    Raises:
        CheckpointError: Its configuration is not found.
    """
    if fit.pretraining is not None:
        return shape_of_spec(fit.model, specs[fit.pretraining])

    def count() -> dict[str, Any]:
        return asdict(shape_of_config(fit.model, load_config(fit.location, revision=fit.revision)))

    return Shape(**{**remembered("shape", fit.spec.checkpoint, count), "name": fit.model})


def shape_of_spec(name: str, spec: PretrainingSpec) -> Shape:
    """Return the size of an encoder that is yet to be pretrained."""
    from layerlab.pretraining.model import check_architecture

    return shape_of_config(name, check_architecture(spec))


def shape_of_config(name: str, config: Any) -> Shape:
    """Return the size of the encoder that a configuration describes, counted on a model without storage."""
    from layerlab.models.encoder import Encoder

    encoder = Encoder.without_weights(config)
    n_layer_parameters = sum(p.numel() for p in encoder.parameters("all").values())
    total = sum(p.numel() for p in encoder.base.parameters())
    return Shape(name, encoder.n_layers, int(config.hidden_size), n_layer_parameters, total)
