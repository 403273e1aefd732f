"""A view of a transformers model as embeddings, layers and what is around them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from layerlab.errors import ArchitectureError, SelectionError, unknown
from layerlab.models.anatomy import COMPONENTS, Anatomy, Component, anatomy_of
from layerlab.models.description import Description, Part
from layerlab.models.layers import Layers


class Encoder:
    """A view of a model's encoder; owns no weights, so changes to one show in the other.

    Attributes:
        model: The model as given, with its head if it has one.
        base: The encoder inside it (``model.base_model``).
        anatomy: Where the architecture keeps its parts.
        layers: The layers, in order.
        n_layers: Their number.

    Raises:
        ArchitectureError: The architecture is unknown or refused, or the model is not built as its anatomy
            says: another depth, or a parameter that belongs to no part or to several.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        base = model.base_model
        self.model: PreTrainedModel = model
        self.base: PreTrainedModel = base  # type: ignore[assignment]
        self.anatomy: Anatomy = anatomy_of(model.config.model_type)
        self.layers: tuple[nn.Module, ...] = _find_layers(self.base, self.anatomy)
        self.n_layers: int = len(self.layers)
        # Part of each base parameter: a layer's index, or "embeddings", "shared", "top".
        self.part_of: dict[str, int | str] = _assign_parts(self.base, self.anatomy, self.n_layers)
        # Component of each layer parameter by its name relative to the layer; layers may differ in theirs.
        self.component_of: dict[str, Component] = _assign_components(self.layers, self.anatomy)

    def __repr__(self) -> str:
        return f"Encoder({type(self.base).__name__}, n_layers={self.n_layers})"

    @classmethod
    def from_pretrained(cls, name: str, *, revision: str | None = None, **options: Any) -> Encoder:
        """Load an encoder without head, in float32, from a folder or the Hub.

        Args:
            name: Folder, Hub id, or ``id@revision``.
            revision: Branch, tag or commit of a Hub model.
            options: Passed on to ``AutoModel.from_pretrained``.

        Raises:
            CheckpointError: There is no such checkpoint, or it lacks tensors of the encoder.
            ArchitectureError: The architecture is unknown or refused.
        """
        from layerlab.models.loading import load_base

        return cls(load_base(name, revision=revision, **options))

    @classmethod
    def without_weights(cls, config: PretrainedConfig) -> Encoder:
        """Build the encoder of a transformers configuration on the meta device: names and shapes, no values.

        Raises:
            ArchitectureError: The architecture is unknown or refused.
        """
        import torch
        from transformers import AutoModel

        with torch.device("meta"):
            return cls(AutoModel.from_config(config))  # type: ignore[no-untyped-call]

    def parameters(
        self, layers: Layers | str | int, components: Component | Iterable[Component] = ()
    ) -> dict[str, nn.Parameter]:
        """Return the parameters of a selection by name relative to the base model, in model order.

        Args:
            layers: The selection.
            components: Narrows it to parts of each layer; empty for whole layers.

        Raises:
            SelectionError: A layer or part does not exist, or components of what is no layer are selected.
            ArchitectureError: The anatomy does not say where the components are.
        """
        selection = Layers.parse(layers)
        wanted, parts = self.check_components(components, selection), self._parts(selection)
        found = {}
        for name, parameter in self.base.named_parameters():
            part = self.part_of[name]
            if part in parts and (not wanted or self.component_of[self.inside_layer(name)] in wanted):
                found[name] = parameter
        return found

    def modules(
        self, layers: Layers | str | int, components: Component | Iterable[Component] = ()
    ) -> tuple[nn.Module, ...]:
        """Return the modules of a selection: layers, modules of other parts, or sub-blocks of layers.

        Norms have no module of their own here: they are inside the others.
        """
        selection = Layers.parse(layers)
        wanted, parts = self.check_components(components, selection), self._parts(selection)
        found = [
            module
            for part in ("embeddings", "shared", "top")
            for path in getattr(self.anatomy, part)
            if part in parts and (module := _find(self.base, path)) is not None
        ]
        for index in selection.indices(self.n_layers):
            layer = self.layers[index]
            if not wanted:
                found.append(layer)
                continue
            paths = [path for c in wanted if c != "norm" for path in getattr(self.anatomy, c)]
            found.extend(layer.get_submodule(path) for path in paths)
        return tuple(found)

    def _parts(self, selection: Layers) -> set[int | str]:
        """Return the parts that a selection takes, as ``part_of`` has them; what it names must exist."""
        parts: set[int | str] = set(selection.indices(self.n_layers))
        there = set(self.part_of.values())
        for part in ("shared", "top"):
            if part in selection.beside and part not in there:
                others = [name for name in ("embeddings", "shared", "top") if name in there]
                raise SelectionError(
                    f"{type(self.base).__name__} has no part {part!r} (selection {selection.text!r}); "
                    f"there are layers 0-{self.n_layers - 1}, {', '.join(others)}; `rest` and `everything` "
                    "take what there is"
                )
        named = {"embeddings": selection.embeddings, "shared": selection.shared, "top": selection.top}
        return parts | {part for part, wanted in named.items() if wanted and part in there}

    def inside_layer(self, name: str) -> str:
        """Return a layer parameter's name relative to its layer."""
        return name.removeprefix(f"{self.anatomy.layers}.").partition(".")[2]

    def check_components(
        self, components: Component | Iterable[Component], selection: Layers
    ) -> tuple[Component, ...]:
        """Return components as a tuple, once it is known that the selection and the anatomy have them.

        Raises:
            SelectionError: A component does not exist, or a part is selected that has none.
            ArchitectureError: The anatomy does not say where the components are.
        """
        wanted: tuple[Component, ...] = (components,) if isinstance(components, str) else tuple(components)
        for component in wanted:
            if component not in COMPONENTS:
                raise SelectionError(unknown("component", component, COMPONENTS))
        if wanted and selection.beside:
            raise SelectionError(
                f"components {wanted} are parts of layers; select {' and '.join(selection.beside)} without "
                "components"
            )
        if wanted and not self.component_of:
            raise ArchitectureError(
                f"the anatomy of {self.model.config.model_type!r} names no attention and ffn; "
                f"register it with them"
            )
        return wanted

    def describe(self) -> Description:
        """Return the parts with their paths and numbers of parameters; prints as a table."""
        anatomy = self.anatomy
        paths: dict[int | str, str] = {"embeddings": ", ".join(anatomy.embeddings)}
        paths.update({index: f"{anatomy.layers}.{index}" for index in range(self.n_layers)})
        paths.update(shared=", ".join(anatomy.shared), top=", ".join(anatomy.top))
        counts: dict[int | str, int] = dict.fromkeys(paths, 0)
        for name, parameter in self.base.named_parameters():
            counts[self.part_of[name]] += parameter.numel()
        parts = tuple(
            Part(f"layer {key}" if isinstance(key, int) else key, path, counts[key])
            for key, path in paths.items()
            if counts[key]
        )
        return Description(type(self.base).__name__, self.n_layers, parts)


def as_encoder(model: PreTrainedModel | Encoder) -> Encoder:
    """Return a model's encoder, or the encoder itself.

    Raises:
        ArchitectureError: It is neither, or its architecture is unknown or refused.
    """
    if isinstance(model, Encoder):
        return model
    if isinstance(model, PreTrainedModel):
        return Encoder(model)
    raise ArchitectureError(
        f"expected a transformers PreTrainedModel or an Encoder, got {type(model).__name__}; "
        f"give the encoder that is inside it"
    )


def _find(module: nn.Module, path: str) -> nn.Module | None:
    """Return the submodule at a path, or None where it is absent."""
    try:
        return module.get_submodule(path)
    except AttributeError:
        return None


def _find_layers(base: PreTrainedModel, anatomy: Anatomy) -> tuple[nn.Module, ...]:
    stack = _find(base, anatomy.layers)
    if stack is None:
        raise ArchitectureError(
            f"{type(base).__name__} has no module {anatomy.layers!r}, where its anatomy has layers"
        )
    layers = tuple(stack.children())
    depth = int(base.config.num_hidden_layers)
    if len(layers) != depth:
        raise ArchitectureError(
            f"{type(base).__name__} has {len(layers)} modules under {anatomy.layers!r}, "
            f"its configuration says {depth}"
        )
    return layers


def _assign_parts(base: PreTrainedModel, anatomy: Anatomy, n_layers: int) -> dict[str, int | str]:
    """Say for each parameter which part owns it; every one must have exactly one owner."""
    owners: list[tuple[str, int | str]] = [(f"{anatomy.layers}.{index}", index) for index in range(n_layers)]
    for part in ("embeddings", "shared", "top"):
        owners.extend((path, part) for path in getattr(anatomy, part))
    found: dict[str, int | str] = {}
    for name, _ in base.named_parameters():
        parts = [part for path, part in owners if name.startswith(f"{path}.") or name == path]
        if len(parts) != 1:
            said = f"belongs to {' and '.join(map(str, parts))}" if parts else "belongs to no part"
            raise ArchitectureError(f"{name} of {type(base).__name__} {said} of its anatomy {anatomy}")
        found[name] = parts[0]
    return found


def _assign_components(layers: tuple[nn.Module, ...], anatomy: Anatomy) -> dict[str, Component]:
    """Say for each parameter of any layer, by its name inside the layer, which component it belongs to."""
    if not (anatomy.attention and anatomy.ffn):
        return {}
    found: dict[str, Component] = {}
    for layer in layers:
        for name, _ in layer.named_parameters():
            home = layer.get_submodule(name.rpartition(".")[0])
            if "Norm" in type(home).__name__:
                found[name] = "norm"
                continue
            for component in COMPONENTS[:2]:
                if any(name.startswith(f"{path}.") for path in getattr(anatomy, component)):
                    found[name] = component
            if name not in found:
                raise ArchitectureError(
                    f"{name} of a layer is neither attention nor ffn nor norm in {anatomy}"
                )
    return found
