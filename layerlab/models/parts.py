"""Which part and component of an encoder each of its parameters belongs to, by the anatomy."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import nn
from transformers import PreTrainedModel

from layerlab.errors import ArchitectureError
from layerlab.models.anatomy import COMPONENTS, Anatomy, Component
from layerlab.models.layers import Layers


def find_module(module: nn.Module, path: str) -> nn.Module | None:
    """Return the submodule at a path, or None where it is absent."""
    try:
        return module.get_submodule(path)
    except AttributeError:
        return None


def find_layers(base: PreTrainedModel, anatomy: Anatomy) -> tuple[nn.Module, ...]:
    """Return the layers of a model.

    Raises:
        ArchitectureError: They are not where the anatomy has them, or not as many as the configuration says.
    """
    stack = find_module(base, anatomy.layers)
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


def assign_parts(base: PreTrainedModel, anatomy: Anatomy, n_layers: int) -> dict[str, int | str]:
    """Say for each parameter which part owns it.

    Raises:
        ArchitectureError: It has no owner, or several.
    """
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


def assign_components(layers: tuple[nn.Module, ...], anatomy: Anatomy) -> dict[str, Component]:
    """Say for each parameter of any layer, by its name inside the layer, which component it belongs to.

    Raises:
        ArchitectureError: It belongs to none.
    """
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


def name_own(
    own: Collection[str],
    part_of: Mapping[str, int | str],
    component_of: Mapping[str, Component],
    layers: str,
) -> str:
    """Say which parts a language has of its own, and of layers that it has in part which components.

    >>> parts = {"x.a": "embeddings", "layers.0.b": 0, "layers.1.b": 1, "layers.1.c": 1}
    >>> name_own(["x.a", "layers.0.b", "layers.1.c"], parts, {"b": "ffn", "c": "norm"}, "layers")
    'embeddings,0, norm of 1'
    """
    whole, some = [], []
    for part in dict.fromkeys(part_of.values()):
        names = [name for name, of in part_of.items() if of == part]
        mine = [name for name in names if name in own]
        if mine and len(mine) == len(names):
            whole.append(str(part))
        elif mine:
            inside = {component_of.get(name.removeprefix(f"{layers}.{part}."), "") for name in mine}
            some.append(f"{' and '.join(sorted(filter(None, inside))) or 'some'} of {part}")
    numbers = [int(part) for part in whole if part.isdecimal()]
    merged = [str(Layers(",".join(whole)).resolve(max(numbers, default=0) + 1))] if whole else []
    return ", ".join([*merged, *some])
