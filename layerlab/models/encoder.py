"""A view of a transformers model as embeddings, layers and what is around them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from torch import nn
from transformers import PretrainedConfig, PreTrainedModel

from layerlab.errors import ArchitectureError, SelectionError, unknown
from layerlab.models.anatomy import COMPONENTS, Anatomy, Component, anatomy_of
from layerlab.models.by_language.manifest import language_for
from layerlab.models.by_language.views import Views
from layerlab.models.description import Description, Part
from layerlab.models.layers import Layers
from layerlab.models.parts import assign_components, assign_parts, find_layers, find_module, name_own


class Encoder:
    """A view of a model's encoder; owns no weights, so changes to one show in the other.

    Attributes:
        model: The model as given, with its head if it has one.
        base: The encoder inside it (``model.base_model``).
        anatomy: Where the architecture keeps its parts.
        layers: The layers, in order.
        n_layers: Their number.
        views: The models of all languages, this one among them, where some parts are by language; else None.
        language: The one whose parts it has; empty where all languages share all parts.
        own: Names of the parameters that the language has of its own.
        is_narrow: Whether its ``parameters`` are those that the language has of its own, and no others.

    Raises:
        ArchitectureError: The architecture is unknown or refused, or the model is not built as its anatomy
            says: another depth, or a parameter that belongs to no part or to several.
    """

    def __init__(self, model: PreTrainedModel, views: Views | None = None, language: str = "") -> None:
        base = model.base_model
        self.views: Views | None = views
        self.language: str = language
        self.own: frozenset[str] = frozenset() if views is None else views.own_of_base
        self.is_narrow: bool = False
        self.model: PreTrainedModel = model
        self.base: PreTrainedModel = base  # type: ignore[assignment]
        self.anatomy: Anatomy = anatomy_of(model.config.model_type)
        self.layers: tuple[nn.Module, ...] = find_layers(self.base, self.anatomy)
        self.n_layers: int = len(self.layers)
        # Part of each base parameter: a layer's index, or "embeddings", "shared", "top".
        self.part_of: dict[str, int | str] = assign_parts(self.base, self.anatomy, self.n_layers)
        # Component of each layer parameter by its name relative to the layer; layers may differ in theirs.
        self.component_of: dict[str, Component] = assign_components(self.layers, self.anatomy)

    def __repr__(self) -> str:
        return f"Encoder({type(self.base).__name__}, n_layers={self.n_layers})"

    @classmethod
    def from_pretrained(
        cls, name: str, *, revision: str | None = None, language: str | None = None, **options: Any
    ) -> Encoder:
        """Load an encoder without head, in float32, from a folder or the Hub.

        Args:
            name: Folder, Hub id, or ``id@revision``.
            revision: Branch, tag or commit of a Hub model.
            language: Whose parts it has, where the checkpoint has parts by language; :meth:`speaking` gives
                those of another one. ``any`` for the first one, of an encoder that is always asked to speak.
            options: Passed on to ``AutoModel.from_pretrained``.

        Raises:
            CheckpointError: There is no such checkpoint, it lacks tensors of the encoder, or it has parts by
                language and not for this one.
            ArchitectureError: The architecture is unknown or refused.
        """
        from layerlab.models.loading import load_base, load_views

        views = load_views(name, revision=revision, language=language, **options)
        if views is None:
            return cls(load_base(name, revision=revision, **options))
        first = cls.of_views(views)
        return first if language in (None, "any") else first.speaking(language)

    @classmethod
    def of_views(cls, views: Views) -> Encoder:
        """Return the encoder of the first of several languages, which speaks the others too."""
        return cls(views.first, views, next(iter(views.models)))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that have parts of their own; none where all languages share all parts."""
        return () if self.views is None else tuple(self.views.models)

    def speaking(self, target: str) -> Encoder:
        """Return the encoder with the parts of a target's language; itself if all languages share all parts.

        Args:
            target: A language, perhaps with a treebank (``en:GUM``) or domain (``avin-news``).

        Raises:
            CheckpointError: The encoder has parts by language, and none for this one.
        """
        if self.views is None:
            return self
        language = language_for(target, self.languages, str(self.base.config.name_or_path))
        return self.of_language(language)

    def of_language(self, language: str) -> Encoder:
        """Return the encoder with the parts of one of its languages, on the device that it is on.

        Raises:
            SelectionError: It has no parts by language, or none of this one.
        """
        if self.views is None:
            raise SelectionError(
                f"{type(self.base).__name__} has no parts of a language {language!r}: all languages share "
                f"all of it; select its layers without `{language}:`"
            )
        if language not in self.views.models:
            raise SelectionError(unknown("language", language, self.languages))
        if language == self.language:
            return self
        model: Any = self.views.models[language]
        return Encoder(model.to(self.base.device), self.views, language)

    def narrowed(self) -> Encoder:
        """Return the encoder with ``parameters`` that are those of its language alone."""
        found = Encoder(self.model, self.views, self.language)
        found.is_narrow = True
        return found

    def every_own(self) -> Iterator[tuple[str, str, nn.Parameter]]:
        """Yield what every language has of its own: language, name and parameter."""
        for language in self.languages:
            for name, parameter in self.of_language(language).base.named_parameters():
                if name in self.own:
                    yield language, name, parameter

    def others(self) -> Iterator[tuple[str, str, nn.Parameter]]:
        """Yield what every other language has of its own: language, name and parameter."""
        return (one for one in self.every_own() if one[0] != self.language)

    def freeze_own(self) -> None:
        """Let what each language has of its own learn nothing, as in fine-tuning, where the rest is tuned."""
        for _, _, parameter in self.every_own():
            parameter.requires_grad_(False)

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
            SelectionError: A layer or part does not exist, components of what is no layer are selected, or a
                language has not all of it of its own.
            ArchitectureError: The anatomy does not say where the components are.
        """
        selection = Layers.parse(layers)
        if selection.language not in ("", self.language):
            return self.of_language(selection.language).parameters(selection, components)
        wanted, parts = self.check_components(components, selection), self._parts(selection)
        found = {}
        for name, parameter in self.base.named_parameters():
            part = self.part_of[name]
            if part in parts and (not wanted or self.component_of[self.inside_layer(name)] in wanted):
                found[name] = parameter
        if selection.language and (shared := [name for name in found if name not in self.own]):
            raise SelectionError(
                f"selection {selection.text!r}: {shared[0]} is shared by all languages; each has of its own: "
                f"{name_own(self.own, self.part_of, self.component_of, self.anatomy.layers)}"
            )
        return {name: one for name, one in found.items() if not self.is_narrow or name in self.own}

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
            if part in parts and (module := find_module(self.base, path)) is not None
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
