"""The forward pass of an encoder that stops after any layer, and goes on from there.

The model's own ``forward`` runs, so that masks, positions and what stands between layers are its own. Layers
that are not to be computed are replaced, for the length of the call, by stand-ins that pass states by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from layerlab.errors import ArchitectureError, SelectionError
from layerlab.models.encoder import Encoder, as_encoder

#: What a batch holds for an encoder; what else it holds is for a head.
ENCODER_INPUTS: Final = ("input_ids", "attention_mask", "token_type_ids")

Inputs = Mapping[str, Tensor]


class ResumableForward:
    """A forward pass through some consecutive layers of an encoder.

    The states of level 0 are the output of the embeddings, those of level ``i + 1`` the output of layer
    ``i``; the last level's are the last hidden states, after whatever norm stands on top. Gradients reach
    the layers that are computed, and their hooks run, those of skipped and frozen layers among them. Nothing
    of the model is changed once a call has ended.

    Args:
        model: An encoder, or a transformers model, with or without head.

    >>> from layerlab.models.stored.bundled import bundled_folder
    >>> encoder = Encoder.from_pretrained(str(bundled_folder("minimbert")))
    >>> inputs = {name: torch.ones(1, 5, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    >>> forward = ResumableForward(encoder)
    >>> middle = forward.run(inputs, stop=6)
    >>> last = forward.run(inputs, middle, start=6)
    >>> bool((last - encoder.base(**inputs).last_hidden_state).abs().max() < 1e-6)
    True
    """

    def __init__(self, model: PreTrainedModel | Encoder) -> None:
        self.encoder: Encoder = as_encoder(model)
        self._n_outputs: int | None = None

    def run(
        self, inputs: Inputs, states: Tensor | None = None, *, start: int = 0, stop: int | None = None
    ) -> Tensor:
        """Return the states at level ``stop``, from those at level ``start``.

        Args:
            inputs: What the model reads, as its ``forward`` names it: ``input_ids``, ``attention_mask`` and,
                for an encoder with types, ``token_type_ids``, each ``(batch, tokens)``.
            states: Those at level ``start``, ``(batch, tokens, hidden)``; None to begin with the embeddings.
            start: Layers from this one on are computed; the embeddings too if there are no ``states``.
            stop: Layers from this one on are not; None computes all of them and what is on top.

        Returns:
            States of shape ``(batch, tokens, hidden)``.

        Raises:
            SelectionError: Levels that do not exist, or states that are missing for ``start``.
        """
        stop = self._check(states, start, stop)
        if states is not None and start == stop:
            return states
        with self._passing(states, start, stop) as above:
            last: Tensor = self.encoder.base(**inputs).last_hidden_state
        return last if above is None else above.seen[0]

    def levels(
        self, inputs: Inputs, states: Tensor | None = None, *, start: int = 0, stop: int | None = None
    ) -> Sequence[Tensor]:
        """Return the states at every level from ``start`` to ``stop``, each ``(batch, tokens, hidden)``.

        Arguments and errors are those of :meth:`run`.

        Raises:
            ArchitectureError: The model gives another number of levels than its configuration says.
        """
        end, n_layers = self._check(states, start, stop), self.encoder.n_layers
        if states is not None and start == end:
            return (states,)
        with self._passing(states, start, end) as above:
            hidden = self.encoder.base(**inputs, output_hidden_states=True).hidden_states
        if start == end:
            return (above.seen[0],) if above is not None else (hidden[0],)
        # Some architectures record what stand-ins pass by, others do not.
        if len(hidden) not in {n_layers + 1, end - start + 1}:
            raise ArchitectureError(
                f"{type(self.encoder.base).__name__} gave {len(hidden)} hidden states, expected "
                f"{n_layers + 1}: the embeddings and every layer"
            )
        first = start if len(hidden) == n_layers + 1 else 0
        between = hidden[first + 1 : first + end - start]
        last = hidden[first + end - start] if above is None else above.seen[0]
        return (hidden[first] if states is None else states, *between, last)

    def _check(self, states: Tensor | None, start: int, stop: int | None) -> int:
        n_layers = self.encoder.n_layers
        end = n_layers if stop is None else stop
        if not 0 <= start <= end <= n_layers:
            raise SelectionError(
                f"expected levels 0 <= start <= stop <= {n_layers}, got start={start}, stop={end}"
            )
        if states is None and start > 0:
            raise SelectionError(f"start={start} needs the states at that level: give states")
        return end

    @contextmanager
    def _passing(self, states: Tensor | None, start: int, stop: int) -> Iterator[_StandIn | None]:
        """Put stand-ins for what is not computed; yield the first one above, which sees the states."""
        encoder = self.encoder
        if self._n_outputs is None and (start, stop) != (0, encoder.n_layers):
            self._n_outputs = _count_outputs(encoder)
        stack = encoder.base.get_submodule(encoder.anatomy.layers)
        above = None
        with ExitStack() as undone:
            for index, layer in enumerate(encoder.layers):
                if start <= index < stop:
                    continue
                stand_in = _StandIn(layer, self._n_outputs or 0)
                above = stand_in if index == stop else above
                undone.callback(stack.__setattr__, str(index), layer)
                setattr(stack, str(index), stand_in)
            if states is not None:
                for path in encoder.anatomy.embeddings:
                    _stand_in_for(encoder.base, path, states, undone)
                # What stands between lower layers, such as a convolution, sees what is passed by.
                hook = _entering(states)
                handle = encoder.layers[start].register_forward_pre_hook(hook, with_kwargs=True)
                undone.callback(handle.remove)
            yield above


class _StandIn(nn.Module):
    """Passes states by in the form of a layer's output, and has the attributes of the layer."""

    def __init__(self, layer: nn.Module, n_outputs: int) -> None:
        super().__init__()
        self._layer = (layer,)  # in a tuple, so that its parameters are not the stand-in's
        self._n_outputs = n_outputs
        self.seen: list[Tensor] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_layer"][0], name)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what comes in."""
        states = args[0] if args else kwargs["hidden_states"]
        self.seen.append(states)
        return (states, *[None] * (self._n_outputs - 1)) if self._n_outputs else states


class _Given(nn.Module):
    """Gives the same states whatever comes in, and has the attributes of the module that it stands for."""

    def __init__(self, module: nn.Module, states: Tensor) -> None:
        super().__init__()
        self._module = (module,)
        self._states = states

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_module"][0], name)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the states."""
        return self._states


def _stand_in_for(base: nn.Module, path: str, states: Tensor, undone: ExitStack) -> None:
    """Let a module that is part of the embeddings give the states; it may be absent."""
    home, _, name = path.rpartition(".")
    try:
        parent, module = base.get_submodule(home), base.get_submodule(path)
    except AttributeError:
        return
    undone.callback(setattr, parent, name, module)
    setattr(parent, name, _Given(module, states))


def _entering(states: Tensor) -> Any:
    """Return a hook that gives a layer states in place of its input."""

    def enter(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        if args:
            return (states, *args[1:]), kwargs
        return args, {**kwargs, "hidden_states": states}

    return enter


def _count_outputs(encoder: Encoder) -> int:
    """Run one token; return how many things a layer returns in a tuple, 0 if it returns states alone."""
    seen: list[int] = []

    def look(module: nn.Module, args: Any, output: Any) -> None:
        seen.append(len(output) if isinstance(output, tuple) else 0)

    base = encoder.base
    token = torch.ones(1, 1, dtype=torch.long, device=base.device)
    states = torch.zeros(1, 1, int(base.config.hidden_size), device=base.device)
    training = [module for module in base.modules() if module.training]
    with ExitStack() as undone, torch.no_grad():
        for path in encoder.anatomy.embeddings:
            _stand_in_for(base, path, states, undone)
        undone.callback(encoder.layers[0].register_forward_hook(look).remove)
        undone.callback(_train, training)
        base.eval()  # type: ignore[no-untyped-call]  # dropout would draw random numbers
        # The states of all levels are asked for, since what records them settles on layers the first time.
        base(input_ids=token, attention_mask=token, output_hidden_states=True)
    return seen[0]


def _train(modules: Sequence[nn.Module]) -> None:
    for module in modules:
        module.training = True
