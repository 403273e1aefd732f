"""Copies of weights between layers, checked while a study is planned: by names and shapes, without weights.

An intervention is carried out on an encoder without storage, so that what is refused here is what
:func:`layerlab.ablation.apply.apply` would refuse when the fit starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from layerlab.ablation.interventions import (
    Edit,
    FitDonor,
    Intervention,
    donor_of,
    is_elsewhere,
    is_standing,
    may_not_fit,
    order_depends_on_seed,
)
from layerlab.errors import DonorError, LayerlabError
from layerlab.models.checkpoints import Checkpoint, find_checkpoint
from layerlab.models.loading import load_config
from layerlab.training.streams import donors_seed

if TYPE_CHECKING:
    from layerlab.models.encoder import Encoder
    from layerlab.pretraining.spec import PretrainingSpec


@dataclass
class Copies:
    """Checks copies of weights for one plan.

    Attributes:
        seeds: The study's, by which orders are drawn.
        outlines: Encoders without weights by what loads them; each is made once, when it is needed.
    """

    seeds: Sequence[int]
    outlines: dict[str, Encoder] = field(default_factory=dict)

    def check(self, item: Intervention, checkpoint: Checkpoint, spec: PretrainingSpec | None = None) -> None:
        """Refuse an intervention whose weights will not fit their place.

        Args:
            item: Resolved for the checkpoint's depth. It is tried if it may not fit the encoder.
            checkpoint: Where the fit starts.
            spec: The pretraining that will make it, if it is not there yet.

        Raises:
            DonorError: Layers that exchange weights hold different parameters, or shapes differ; names them.
            SelectionError: A part of the encoder, one of its heads or pieces, or a layer of the donor does
                not exist, or the selections cannot be paired.
            CheckpointError: The donor is not there.
        """
        if {"shared", "top"} & set(item.layers.beside) or item.layers.language:
            self._outline(checkpoint, spec).parameters(item.layers, getattr(item, "components", ()))
        if not may_not_fit(item):
            return
        if is_standing(item):
            item.hold(self._outline(checkpoint, spec))()
            return
        assert isinstance(item, Edit)
        donor = donor_of(item)
        if donor is None and spec is not None and item.layers.embeddings:
            return  # its vocabulary is yet to be made
        if is_elsewhere(donor):
            found = find_donor(str(donor), checkpoint)
            if spec is not None and item.layers.embeddings:
                return  # its vocabulary is yet to be made
            self._outline(found)
            item = replace(item, donor=found.reference)  # type: ignore[type-var]
        elif isinstance(donor, FitDonor):
            # A fit has the names and shapes of the checkpoint that it starts from.
            item = replace(item, donor="pretrained")  # type: ignore[type-var]
        # A drawn order may leave a layer that is unlike the others where it is: each seed is tried.
        drawn = order_depends_on_seed(item)
        for seed in self.seeds if drawn else self.seeds[:1]:
            try:
                self._try(item, checkpoint, spec, seed)
            except DonorError as error:
                if not drawn:
                    raise
                raise DonorError(f"{error}; in the order of seed {seed}") from error

    def _try(self, item: Edit, checkpoint: Checkpoint, spec: PretrainingSpec | None, seed: int) -> None:
        from layerlab.ablation.interventions.donors import Donors, Weights, weights_of
        from layerlab.ablation.place import Place

        def load(name: str, _: str | None, language: str) -> Weights:
            found = self.outlines[name]
            return weights_of(found.speaking(language) if language else found)

        donors = Donors(
            checkpoint.reference,
            seed=donors_seed(seed),
            load=load,
        )
        # A head has the shape of any other one.
        Place(self._outline(checkpoint, spec)).encoder_values(item, donors)

    def _outline(self, checkpoint: Checkpoint, spec: PretrainingSpec | None = None) -> Encoder:
        if checkpoint.reference not in self.outlines:
            self.outlines[checkpoint.reference] = _make_outline(checkpoint, spec)
        return self.outlines[checkpoint.reference]


def find_donor(donor: str, own: Checkpoint) -> Checkpoint:
    """Find a donating checkpoint, once it is known that it can fit.

    Raises:
        CheckpointError: It is not there.
        LayerlabError: It is of another architecture or width.
    """
    found = find_checkpoint(donor)
    if (found.model_type, found.hidden_size) != (own.model_type, own.hidden_size):
        raise LayerlabError(
            f"the donor {donor} is a {found.model_type} of width {found.hidden_size}, "
            f"{own.name} a {own.model_type} of width {own.hidden_size}: their layers do not fit each other"
        )
    return found


def _make_outline(checkpoint: Checkpoint, spec: PretrainingSpec | None) -> Encoder:
    """Return an encoder without weights, in all languages that have parts of their own."""
    from layerlab.models.by_language.manifest import read_manifest
    from layerlab.models.by_language.views import outline_views, own_parameters
    from layerlab.models.encoder import Encoder

    if spec is not None and checkpoint.languages:
        from layerlab.pretraining.model import outline_views as outline_of_spec

        views = outline_of_spec(spec)
        assert views is not None
        return Encoder.of_views(views)
    plain = Encoder.without_weights(_config_of(checkpoint, spec))
    manifest = read_manifest(checkpoint.location) if checkpoint.languages else None
    if manifest is None:
        return plain
    own = own_parameters(plain.base, manifest)
    return Encoder.of_views(outline_views(plain.base, manifest.languages, own))


def _config_of(checkpoint: Checkpoint, spec: PretrainingSpec | None) -> Any:
    if spec is not None:
        from layerlab.pretraining.model import check_architecture

        return check_architecture(spec)
    return load_config(checkpoint.location, revision=checkpoint.revision)
