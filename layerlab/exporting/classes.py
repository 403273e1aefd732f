"""The Hugging Face class of a fit, with weights by which it gives the fit's own logits.

A fit's head is a linear layer on last states. Classes that classify words have just that, but for
ModernBERT's; those that classify pairs have a dense layer with an activation in between. It is given weights
with which it passes states on: so small that the activation is linear there, or shifted to where it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification, PreTrainedModel

from layerlab.errors import ArchitectureError
from layerlab.finetuning.model import TaskModel, encoder_inputs
from layerlab.models.anatomy import anatomy_of
from layerlab.tasks.heads.linear import PairHead
from layerlab.tasks.heads.words import MeanOfPieces

#: The largest difference of logits, by the largest logit, with which a class stands for a fit.
TOLERANCE: Final = 1e-4
#: What states are multiplied by to be where an activation is linear: powers of two, which change no digit.
#: tanh(x) = x - x³/3, GELU(x) = x/2 + 0.4 x²
_TANH, _GELU = 2.0**-12, 2.0**-24
# So that the epsilon of a second norm does not count.
_NORM: Final = 2.0**10
_N_PROBES: Final = 6

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Between:
    """What a class has between the last states and the linear layer that gives logits.

    Attributes:
        dense: Path of the dense layer.
        pass_on: Gives the dense layer, and what follows it, weights that pass states on; returns the factor
            and the shift, ``(hidden,)`` or a number, that the states come out with.
        last: Path of the linear layer that gives logits.
        settings: What the configuration must say.
    """

    dense: str
    pass_on: Callable[[PreTrainedModel, nn.Linear], tuple[float, Tensor | float]]
    last: str = "classifier"
    settings: Settings = field(default_factory=dict)


def _scaled(factor: float, out: float) -> Callable[[PreTrainedModel, nn.Linear], tuple[float, float]]:
    """Return what makes a dense layer multiply by ``factor``; its activation gives ``out`` times a state."""

    def pass_on(model: PreTrainedModel, dense: nn.Linear) -> tuple[float, float]:
        _set_dense(dense, torch.full((dense.in_features,), factor))
        return out, 0.0

    return pass_on


def _lifted(model: PreTrainedModel, dense: nn.Linear) -> tuple[float, Tensor]:
    """Shift states above zero, where ReLU is linear: a norm bounds how far below they can be."""
    layers: Any = model.base_model.get_submodule(anatomy_of(model.config.model_type).layers)
    norm: nn.LayerNorm = layers[-1].output_layer_norm
    shift = norm.weight.detach().abs() * math.sqrt(dense.in_features) + norm.bias.detach().abs()
    _set_dense(dense, torch.ones(dense.in_features), shift)
    return 1.0, shift


def _normed_again(model: PreTrainedModel, dense: nn.Linear) -> tuple[float, float]:
    """Take a norm's own weights off, so that a second norm with the same weights gives the same states."""
    first: Any = model.base_model.get_submodule("final_norm")
    second = model.get_submodule("head.norm")
    weight, bias = first.weight.detach(), first.bias
    if bool((weight == 0).any()):
        raise ArchitectureError("its final norm has weights that are zero, which no second norm gives back")
    _set_dense(dense, _NORM / weight, None if bias is None else -_NORM * bias.detach() / weight)
    second.load_state_dict(first.state_dict())
    return 1.0, 0.0


_MODERN = Between(
    "head.dense", _normed_again, settings={"classifier_activation": "linear", "classifier_pooling": "cls"}
)
#: By architecture; one that is not here has nothing in between.
WORDS: Final[Mapping[str, Between]] = {"modernbert": _MODERN}
_ROBERTA = Between("classifier.dense", _scaled(_TANH, _TANH), "classifier.out_proj")
#: By architecture; others are refused.
PAIRS: Final[Mapping[str, Between]] = {
    "bert": Between("bert.pooler.dense", _scaled(_TANH, _TANH)),
    "rembert": Between("rembert.pooler.dense", _scaled(_TANH, _TANH)),
    "xlm-roberta": _ROBERTA,
    "roberta": _ROBERTA,
    "camembert": _ROBERTA,
    "electra": Between("classifier.dense", _scaled(_GELU, _GELU / 2), "classifier.out_proj"),
    "distilbert": Between("pre_classifier", _lifted),
    "deberta-v2": Between("pooler.dense", _scaled(1.0, 1.0), settings={"pooler_hidden_act": "linear"}),
    "modernbert": _MODERN,
    "eurobert": Between("dense", _scaled(_GELU, _GELU / 2), settings={"classifier_pooling": "bos"}),
}


@dataclass(frozen=True)
class Exported:
    """A fit as a Hugging Face class.

    Attributes:
        model: The class with its weights, in evaluation mode on the CPU.
        difference: Largest difference of its logits from the fit's, by the largest logit, on inputs drawn
            from the vocabulary.
    """

    model: PreTrainedModel
    difference: float


def as_hugging_face(
    model: TaskModel, labels: Sequence[str], dropout: float, skipped: Sequence[int] = ()
) -> Exported:
    """Return the class that classifies words, or pairs of sentences, as a fit does.

    Args:
        model: Encoder and head, as they are evaluated.
        labels: In the order of the head's outputs.
        dropout: Before the head, for those who go on training.
        skipped: Layers that are passed by, which the class does not have.

    Raises:
        ArchitectureError: transformers has no such class, its logits would be others, or the head is none
            of these, such as a parser's.
    """
    head = model.head.head if isinstance(model.head, MeanOfPieces) else model.head
    is_pairs, linear = _read_head(head)
    name = str(model.encoder.config.model_type)
    between = PAIRS.get(name) if is_pairs else WORDS.get(name)
    if is_pairs and between is None:
        raise ArchitectureError(
            f"{name!r}: how its class for pairs passes states on to its last layer is not known; known: "
            f"{', '.join(sorted(PAIRS))}"
        )
    config = _configure(model.encoder.config, labels, dropout, between, skipped)
    auto: Any = AutoModelForSequenceClassification if is_pairs else AutoModelForTokenClassification
    with torch.random.fork_rng(devices=[]):
        try:
            made: PreTrainedModel = auto.from_config(config)
        except ValueError as error:
            raise ArchitectureError(f"transformers has no {auto.__name__} of {name!r}") from error
    nn.Module.to(made, torch.float32).train(False)
    _copy_encoder(model.encoder, made, skipped)
    _copy_head(linear, made, between)
    return Exported(made, _compare(model, head, made))


def _read_head(head: nn.Module) -> tuple[bool, nn.Linear]:
    """Return whether a head classifies pairs, and its linear layer."""
    if isinstance(head, PairHead):
        return True, head.linear
    if isinstance(head, nn.Sequential) and isinstance(head[-1], nn.Linear):
        return False, head[-1]
    raise ArchitectureError(
        f"transformers has no class with a head like {type(head).__name__} (a parser's, or one of your own); "
        "expected a task that classifies words (upos, ner) or pairs (nli, xnli, pawsx)"
    )


def _configure(
    config: Any, labels: Sequence[str], dropout: float, between: Between | None, skipped: Sequence[int]
) -> Any:
    config = deepcopy(config)
    config.id2label, config.label2id = dict(enumerate(labels)), {name: n for n, name in enumerate(labels)}
    config.problem_type = "single_label_classification"
    for name in ("classifier_dropout", "classifier_dropout_prob", "seq_classif_dropout", "pooler_dropout"):
        if hasattr(config, name):
            setattr(config, name, dropout)
    for name, value in (between.settings if between else {}).items():
        setattr(config, name, value)
    if between is _MODERN:
        config.classifier_bias = config.norm_bias
    if skipped:
        kinds = getattr(config, "layer_types", None)
        if kinds is not None:
            config.layer_types = [kind for index, kind in enumerate(kinds) if index not in skipped]
        config.num_hidden_layers -= len(skipped)
    return config


def _copy_encoder(encoder: PreTrainedModel, made: PreTrainedModel, skipped: Sequence[int]) -> None:
    """Copy the encoder's weights, without the layers that are passed by."""
    prefix = f"{anatomy_of(encoder.config.model_type).layers}."
    kept = [index for index in range(encoder.config.num_hidden_layers) if index not in skipped]
    places = {str(old): str(new) for new, old in enumerate(kept)}
    weights = {}
    for name, tensor in encoder.state_dict().items():
        number, _, rest = name.removeprefix(prefix).partition(".")
        if not name.startswith(prefix):
            weights[name] = tensor
        elif number in places:
            weights[f"{prefix}{places[number]}.{rest}"] = tensor
    try:
        missing, unexpected = made.base_model.load_state_dict(weights, strict=False)
    except RuntimeError as error:
        raise ArchitectureError(
            f"{type(made).__name__} cannot take the encoder's weights: {error}"
        ) from error
    # A pooler's weights were never trained here, and are set where the class has one.
    other = [name for name in (*unexpected, *missing) if not name.startswith("pooler.")]
    if other:
        raise ArchitectureError(
            f"{type(made).__name__} has other weights than the encoder: {', '.join(other[:5])}"
        )


@torch.no_grad()
def _copy_head(linear: nn.Linear, made: PreTrainedModel, between: Between | None) -> None:
    weight, bias = (tensor.detach().cpu().double() for tensor in (linear.weight, linear.bias))
    last: Any = made.get_submodule(between.last if between else "classifier")
    if between is not None:
        dense: Any = made.get_submodule(between.dense)
        factor, shift = between.pass_on(made, dense)
        moved = shift.double() if isinstance(shift, Tensor) else torch.tensor(shift).double()
        weight = weight / factor
        bias = bias - (weight * moved).sum(dim=1)
    last.weight.copy_(weight)
    last.bias.copy_(bias)


@torch.no_grad()
def _set_dense(dense: nn.Linear, diagonal: Tensor, bias: Tensor | None = None) -> None:
    dense.weight.copy_(torch.diag(diagonal))
    if dense.bias is not None:
        dense.bias.copy_(torch.zeros_like(dense.bias) if bias is None else bias)


def _compare(model: TaskModel, head: nn.Module, made: PreTrainedModel) -> float:
    """Return by how much logits differ on inputs that are drawn from the vocabulary.

    Raises:
        ArchitectureError: They are not the fit's.
    """
    model.eval()
    device = next(model.parameters()).device
    inputs = _draw(made.config)
    with torch.inference_mode():
        there = {name: tensor.to(device) for name, tensor in inputs.items()}
        states = model.encoder(**encoder_inputs(model.encoder, there)).last_hidden_state
        wanted = head(states).float().cpu()
        found = made(**encoder_inputs(made, inputs)).logits
    if found.ndim == 3:
        read = inputs["attention_mask"].bool()
        wanted, found = wanted[read], found[read]
    difference = float((wanted - found).abs().max() / wanted.abs().max().clamp(min=1e-6))
    if not difference <= TOLERANCE:
        raise ArchitectureError(
            f"the logits of {type(made).__name__} differ by {difference:.1e} from the fit's (relative; at "
            f"most {TOLERANCE:.0e} is allowed): an intervention that stands during evaluation, or an encoder "
            "of your own, that this class has no place for"
        )
    return difference


def _draw(config: Any) -> dict[str, Tensor]:
    """Return inputs of several lengths, padded at the end."""
    generator = torch.Generator().manual_seed(0)
    longest = min(24, int(getattr(config, "max_position_embeddings", 24) or 24) - 4)
    lengths = [max(2, longest - 3 * n) for n in range(_N_PROBES)]
    pad = int(config.pad_token_id or 0)
    ids = torch.full((len(lengths), longest), pad)
    for row, length in enumerate(lengths):
        drawn = torch.randint(0, int(config.vocab_size), (length,), generator=generator)
        ids[row, :length] = drawn.where(drawn != pad, (pad + 1) % int(config.vocab_size))
    mask = (torch.arange(longest)[None] < torch.tensor(lengths)[:, None]).long()
    return {"input_ids": ids, "attention_mask": mask}
