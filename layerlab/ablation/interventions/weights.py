"""New values for weights, checked against the places that they go to; nothing here changes a weight."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from layerlab.errors import DonorError
from layerlab.models.layers import Layers

if TYPE_CHECKING:
    from torch import Tensor

    from layerlab.ablation.interventions.donors import Donors
    from layerlab.ablation.interventions.protocols import Edit
    from layerlab.models.anatomy import Component
    from layerlab.models.encoder import Encoder


def new_values(item: Edit, encoder: Encoder, donors: Donors) -> Mapping[str, Tensor]:
    """Return the values that an edit gives, once it is known that they fit; nothing is written.

    On an encoder without weights, with donors without weights, this checks whether the edit can be made.

    Raises:
        DonorError: Weights are not there or do not fit; names them.
        SelectionError: A layer does not exist.
    """
    values = item.weights(encoder, donors)
    check_shapes(values, dict(encoder.base.named_parameters()))
    return values


def copy_from(
    source: Mapping[str, Tensor],
    encoder: Encoder,
    layers: Layers,
    components: Collection[Component] = (),
    places: Mapping[int, int] | None = None,
) -> dict[str, Tensor]:
    """Return a source's values for the selected parameters.

    Args:
        source: Values by parameter name relative to the base model.
        encoder: The encoder whose parameters are meant; it is not changed.
        layers: The selection.
        components: Parts of each layer; empty for whole layers.
        places: For each selected layer, the layer of the source to copy from; the same layers if None.

    Raises:
        DonorError: A parameter has no counterpart, or a layer of the source holds more than its place.
    """
    names = encoder.parameters(layers, components)
    stack = encoder.anatomy.layers
    for here in layers.indices(encoder.n_layers):
        there = here if places is None else places[here]
        _check_alike(f"{stack}.{here}.", f"{stack}.{there}.", names, source, encoder, components)
    values, lacking = {}, []
    for name in names:
        part = encoder.part_of[name]
        origin = name
        if places is not None and isinstance(part, int):
            origin = f"{stack}.{places[part]}.{encoder.inside_layer(name)}"
        if origin in source:
            values[name] = source[origin]
        else:
            lacking.append(origin)
    if lacking:
        raise DonorError(f"the donor lacks {_listed(lacking)}")
    return values


def check_shapes(values: Mapping[str, Tensor], parameters: Mapping[str, Tensor]) -> None:
    """Refuse values that do not fit their place.

    Raises:
        DonorError: A name does not exist or a shape differs; names them.
    """
    strange = [name for name in values if name not in parameters]
    if strange:
        raise DonorError(f"the encoder has no parameter {_listed(strange)}")
    unlike = [
        f"{name} is {tuple(parameters[name].shape)}, the donor's is {tuple(value.shape)}"
        for name, value in values.items()
        if value.shape != parameters[name].shape
    ]
    if unlike:
        raise DonorError(f"shapes differ: {'; '.join(unlike[:5])}{'; ...' if len(unlike) > 5 else ''}")


def _check_alike(
    here: str,
    there: str,
    names: Collection[str],
    source: Mapping[str, Tensor],
    encoder: Encoder,
    components: Collection[Component],
) -> None:
    """Refuse to copy between layers that hold different parameters; layers are given as name prefixes."""
    wanted = {name.removeprefix(here) for name in names if name.startswith(here)}
    offered = {name.removeprefix(there) for name in source if name.startswith(there)}
    if components:
        # Names that no layer of this encoder has count as extra.
        offered = {name for name in offered if encoder.component_of.get(name) in (*components, None)}
    missing, extra = sorted(wanted - offered), sorted(offered - wanted)
    if missing or extra:
        said = [f"lacks {_listed([there + name for name in missing])}"] if missing else []
        said += [f"has {_listed([there + name for name in extra])} besides"] if extra else []
        raise DonorError(
            f"layer {there.rstrip('.')} of the donor does not fit {here.rstrip('.')}: it {' and '.join(said)}"
        )


def _listed(names: Collection[str]) -> str:
    shown = list(names)[:5]
    return ", ".join(shown) + (f", ... ({len(names)} in all)" if len(names) > 5 else "")
