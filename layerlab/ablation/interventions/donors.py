"""Where weights come from: a fresh initialisation, the pretrained checkpoint, another fit."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors.torch import load_file
from torch import Tensor

from layerlab.ablation.interventions.notation import FitDonor
from layerlab.errors import DonorError, unknown
from layerlab.models.encoder import Encoder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Weights = Mapping[str, Tensor]


class Donors:
    """Gives weights by parameter name relative to the base model; each source is loaded once.

    Args:
        pretrained: Folder, Hub id or ``id@revision`` of the pretrained checkpoint; where the model came
            from if None.
        revision: Branch, tag or commit of the pretrained checkpoint, if it is on the Hub.
        seed: For interventions that have none of their own.
        fits: Checkpoint folders of a study's fits, by id.
        labels: Those of the own head, in the order of its outputs, which the head of a donor must have.
        load: Gives the weights of a folder or Hub id, its revision and a language; :func:`load_weights` if
            None.
    """

    def __init__(
        self,
        pretrained: str | Path | None = None,
        revision: str | None = None,
        seed: int | None = None,
        fits: Mapping[str, Path] | None = None,
        labels: Sequence[str] | None = None,
        load: Callable[[str, str | None, str], Weights] | None = None,
    ) -> None:
        self._pretrained = pretrained
        self._revision = revision
        self._seed = seed
        self._fits = dict(fits or {})
        self._labels = None if labels is None else tuple(labels)
        self._load_weights = load or load_weights
        self._cache: dict[tuple[str, ...], Weights] = {}

    def seed_of(self, seed: int | None) -> int:
        """Return an intervention's seed, or the run's.

        Raises:
            DonorError: There is neither.
        """
        found = self._seed if seed is None else seed
        if found is None:
            raise DonorError(
                "random weights need a seed: give seed= to the intervention, or Donors(seed=...)"
            )
        return found

    def fresh(
        self, encoder: Encoder, init: Literal["library", "torch"] = "library", seed: int | None = None
    ) -> Weights:
        """Return the weights of a newly initialised model of the same class and configuration.

        A model that was loaded cannot be re-initialised in place: transformers marks loaded tensors and
        its initialisers then leave them as they are, silently. Hence a model of its own, drawn on the CPU
        under a generator of its own. What a language has of its own is drawn for it alone.

        Raises:
            DonorError: Neither the intervention nor the run has a seed.
        """
        found = self.seed_of(seed)
        if encoder.language:
            own = self._drawn(encoder, init, _seed_of_language(found, encoder.language))
            return {
                name: (own[name] if name in encoder.own else value)
                for name, value in self._drawn(encoder, init, found).items()
            }
        return self._drawn(encoder, init, found)

    def _drawn(self, encoder: Encoder, init: Literal["library", "torch"], found: int) -> Weights:
        base = encoder.base
        key = ("fresh", init, str(found), type(base).__qualname__, base.config.to_json_string(use_diff=False))
        if key not in self._cache:
            self._cache[key] = weights_of(draw_encoder(base, init, found))
        return self._cache[key]

    def pretrained(self, encoder: Encoder) -> Weights:
        """Return the weights of the pretrained checkpoint.

        Raises:
            DonorError: The model came from no checkpoint and none was named.
            CheckpointError: The checkpoint is not there.
        """
        return self._load(*self.origin(encoder), encoder)

    def origin(self, encoder: Encoder) -> tuple[str, str | None]:
        """Return the pretrained checkpoint, folder or Hub id, and its revision.

        Raises:
            DonorError: The model came from no checkpoint and none was named.
        """
        if self._pretrained is not None:
            return str(self._pretrained), self._revision
        config = encoder.base.config
        name = getattr(config, "_name_or_path", "")
        if not name:
            raise DonorError(
                "the model was not loaded from a checkpoint; name the pretrained one: Donors(pretrained=...)"
            )
        commit = None if Path(name).is_dir() else getattr(config, "_commit_hash", None)
        return name, self._revision or commit

    def load(self, donor: str | FitDonor, encoder: Encoder) -> Weights:
        """Return the weights of a folder, a Hub id, ``id@revision``, ``"pretrained"``, or a fit of the study.

        Raises:
            DonorError: A fit that is not known here.
            CheckpointError: The checkpoint is not there.
        """
        if isinstance(donor, FitDonor):
            return self._load(str(self._find_fit(donor)), None, encoder)
        return self.pretrained(encoder) if donor == "pretrained" else self._load(donor, None, encoder)

    def head(self, donor: FitDonor) -> Weights:
        """Return the weights of the head of a fit of the study.

        Raises:
            DonorError: The fit is not known here, or its labels are others.
        """
        folder = self._find_fit(donor).parent
        key = ("head", str(folder))
        if key not in self._cache:
            found = tuple(json.loads((folder / "labels.json").read_text(encoding="utf-8"))["labels"])
            if self._labels is not None and found != self._labels:
                raise DonorError(unlike_labels(self._labels, found))
            self._cache[key] = load_file(folder / "head.safetensors")
        return self._cache[key]

    def _find_fit(self, donor: FitDonor) -> Path:
        if donor.fit is None:
            raise DonorError(
                f"donor {donor} names a fit by coordinates, which only a study finds; give a folder"
            )
        if donor.fit not in self._fits:
            raise DonorError(unknown("fit", donor.fit, self._fits))
        return self._fits[donor.fit]

    def _load(self, name: str, revision: str | None, encoder: Encoder) -> Weights:
        key = ("load", name, revision or "", encoder.language)
        if key not in self._cache:
            self._cache[key] = self._load_weights(name, revision, encoder.language)
        return self._cache[key]


def unlike_labels(own: Sequence[str], donors: Sequence[str]) -> str:
    """Say how the labels of a fit and of a donor differ, whose heads therefore have no common weights.

    >>> unlike_labels(["O", "B-PER"], ["O", "B-LOC"])
    "the donor's head has other labels: it has B-LOC besides and lacks B-PER"
    """
    besides = [label for label in donors if label not in own]
    lacking = [label for label in own if label not in donors]
    said = [f"has {', '.join(besides)} besides"] * bool(besides)
    said += [f"lacks {', '.join(lacking)}"] * bool(lacking)
    return f"the donor's head has other labels: it {' and '.join(said) or 'has them in another order'}"


def load_weights(name: str, revision: str | None = None, language: str = "") -> Weights:
    """Return the weights of a checkpoint's encoder, with the parts of a language where it has some.

    Raises:
        CheckpointError: The checkpoint is not there, or has parts by language and none for this one.
    """
    from layerlab.models.loading import load_base

    return weights_of(Encoder(load_base(name, revision=revision, language=language or None)))


def _seed_of_language(seed: int, language: str) -> int:
    """Return the seed of what a language has of its own."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{language}".encode()).digest()[:8], "big") >> 1


def weights_of(encoder: Encoder) -> Weights:
    """Return an encoder's weights by name relative to the base model; they are not copied."""
    return {name: parameter.detach() for name, parameter in encoder.base.named_parameters()}


def draw_encoder(base: PreTrainedModel, init: str, seed: int) -> Encoder:
    """Build an encoder like another with fresh weights; the caller's generators stay as they were.

    Args:
        base: Gives class and configuration.
        init: ``library`` or ``torch``, as in :class:`layerlab.ablation.interventions.Reset`.
        seed: Of the weights.
    """
    with torch.random.fork_rng(devices=[]), torch.device("cpu"):
        # Not torch.manual_seed, which would seed the accelerators' generators too.
        torch.default_generator.manual_seed(seed)
        model = type(base)(copy.deepcopy(base.config))
        if init == "torch":
            for module in model.modules():
                reset: Any = getattr(module, "reset_parameters", None)
                if callable(reset) and not list(module.children()):
                    reset()
    return Encoder(model)
