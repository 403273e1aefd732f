"""A model with parts by language: one plain transformers model a language, over the same shared tensors."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlab.models.by_language.manifest import FOLDER, OWN, SHARED, Manifest, read_manifest, write_manifest

if TYPE_CHECKING:
    from torch import Tensor, nn
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Views:
    """A model by language.

    Each view is a model of transformers' own classes. A parameter that is not in ``own`` is the same object
    in all of them, so that what changes it in one changes it in all.

    Attributes:
        models: Language to its view; the first one stands for what all share.
        own: Names of the parameters that each language has of its own.
    """

    models: Mapping[str, PreTrainedModel]
    own: frozenset[str]

    @property
    def first(self) -> PreTrainedModel:
        """The first view."""
        return next(iter(self.models.values()))

    @property
    def own_of_base(self) -> frozenset[str]:
        """The names of ``own`` that are of the base model, relative to it."""
        prefix = base_prefix(self.first)
        return frozenset(name.removeprefix(prefix) for name in self.own if name.startswith(prefix))

    def of_language(self, language: str) -> dict[str, nn.Parameter]:
        """Return the parameters that a language has of its own, by name."""
        named = named_once(self.models[language])
        return {name: parameter for name, parameter in named.items() if name in self.own}

    def parameters(self) -> Iterator[nn.Parameter]:
        """Yield every parameter once: those of the first view, then what the others have of their own."""
        yield from self.first.parameters()
        for language in list(self.models)[1:]:
            yield from self.of_language(language).values()


def base_prefix(model: PreTrainedModel) -> str:
    """Return how names of a base model's parameters begin in a model around it; nothing if it is the base."""
    return "" if model.base_model is model else f"{model.base_model_prefix}."


def named_once(model: PreTrainedModel) -> dict[str, nn.Parameter]:
    """Return a model's parameters by name; of those that have several, the one in the base model."""
    prefix = base_prefix(model)
    found: dict[int, tuple[str, nn.Parameter]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        known = found.get(id(parameter))
        if known is None or (name.startswith(prefix) and not known[0].startswith(prefix)):
            found[id(parameter)] = name, parameter
    return dict(found.values())


def tie(models: Mapping[str, PreTrainedModel], own: frozenset[str]) -> Views:
    """Let models of one architecture share every parameter of the first one that is not ``own``.

    Modules stay what they are: they hold the first model's parameters in place of theirs.
    """
    first, *others = models.values()
    apart = {id(parameter) for name, parameter in named_once(first).items() if name in own}
    # Tied ones, such as those of a softmax, have several names.
    shared = {
        name: parameter
        for name, parameter in first.named_parameters(remove_duplicate=False)
        if id(parameter) not in apart
    }
    for model in others:
        for name, parameter in shared.items():
            home, _, last = name.rpartition(".")
            setattr(model.get_submodule(home), last, parameter)
    return Views(models, own)


def save_views(folder: Path, views: Views) -> None:
    """Write a checkpoint by language; the tokenizer is the caller's to write.

    What is shared is written once, what a language has of its own below ``languages/``.
    """
    from safetensors.torch import save_file

    first = views.first
    config = copy.deepcopy(first.config)
    config.architectures = [type(first).__name__]
    folder.mkdir(parents=True, exist_ok=True)
    config.save_pretrained(folder)
    about = {"format": "pt"}
    if shared := {name: tensor for name, tensor in _state_of(first).items() if name not in views.own}:
        save_file(shared, folder / SHARED, metadata=about)
    for language in views.models:
        place = folder / FOLDER / language
        place.mkdir(parents=True, exist_ok=True)
        own = {name: one.detach().cpu().contiguous() for name, one in views.of_language(language).items()}
        save_file(own, place / OWN, metadata=about)
    order = [name for name in named_once(first) if name in views.own]
    write_manifest(folder, Manifest(tuple(views.models), tuple(order)))


def _state_of(model: PreTrainedModel) -> dict[str, Tensor]:
    """Return a model's parameters and the buffers of its state, on the CPU; what has two names once."""
    kept = model.state_dict().keys()
    buffers = {name: buffer for name, buffer in model.named_buffers() if name in kept}
    state = {**named_once(model), **buffers}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


def load_view(auto: Any, folder: Path, language: str, **options: Any) -> Any:
    """Load the plain model of one language.

    Args:
        auto: ``AutoModel``, ``AutoModelForMaskedLM`` or another one of transformers.
        folder: A checkpoint by language.
        language: One of its languages.
        options: Passed on to ``from_pretrained``, whose result is returned.
    """
    import torch
    from safetensors.torch import load_file
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    with torch.device("meta"):
        kind = type(auto.from_config(config))
    state: dict[str, Tensor] = load_file(folder / SHARED) if (folder / SHARED).is_file() else {}
    state |= load_file(folder / FOLDER / language / OWN)
    found = kind.from_pretrained(None, config=config, state_dict=state, **options)
    model = found[0] if isinstance(found, tuple) else found
    model.config.name_or_path = str(folder)
    return found


def own_parameters(model: PreTrainedModel, manifest: Manifest) -> frozenset[str]:
    """Return which parameters of a model, whether base or with a head, are by language in a checkpoint."""
    names = named_once(model)
    wanted = set(manifest.parameters)
    prefix = f"{model.base_model_prefix}."
    return frozenset(name for name in names if {name, f"{prefix}{name}", name.removeprefix(prefix)} & wanted)


def outline_views(model: PreTrainedModel, languages: tuple[str, ...], own: frozenset[str]) -> Views:
    """Return views of a model without weights, as many as there are languages."""
    others = {language: copy.deepcopy(model) for language in languages[1:]}
    return tie({languages[0]: model, **others}, own)


def manifest_of(location: str) -> Manifest | None:
    """Return the manifest of a checkpoint whose weights are by language; None for any other one."""
    found = read_manifest(location) if Path(location).is_dir() else None
    return found if found is not None and found.parameters else None
