"""What interventions change: an encoder, in all of its languages, and the head on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from torch import Tensor, nn

from layerlab.ablation.interventions import Edit, HeadEdit, Intervention, Standing, kind_of
from layerlab.ablation.interventions.donors import Donors
from layerlab.ablation.interventions.protocols import Undo
from layerlab.ablation.interventions.weights import check_shapes, new_values
from layerlab.errors import DonorError, NoEffectError
from layerlab.models.encoder import Encoder

#: Begins the names of a task head's parameters.
HEAD: Final = "head."


@dataclass(frozen=True)
class Place:
    """What interventions change.

    Of an encoder with parts by language, an intervention acts on what its languages share once, and on the
    parts of each: with that language's weights of a donor, and with random numbers of its own. Names of
    parameters that another language has of its own begin with it, as in ``fr:embeddings...``.

    Attributes:
        encoder: The encoder, in the language that it is trained on.
        head: The head, where it is given.
    """

    encoder: Encoder
    head: nn.Module | None = None

    def parameters(self) -> dict[str, nn.Parameter]:
        """Return every parameter by the name that receipts have."""
        found = dict(self.encoder.base.named_parameters())
        found |= {f"{language}:{name}": parameter for language, name, parameter in self.encoder.others()}
        if self.head is not None:
            found |= {f"{HEAD}{name}": parameter for name, parameter in self.head.named_parameters()}
        return found

    def modules(self) -> Iterator[nn.Module]:
        """Yield every module of the encoder, in all languages."""
        yield from self.encoder.model.modules()
        for _, view in self._others():
            yield from view.model.modules()

    def encoder_values(self, item: Edit, donors: Donors) -> dict[str, Tensor]:
        """Return what an edit gives of the encoder by name.

        Raises:
            DonorError: Weights are not there or do not fit; names them.
            SelectionError: A layer does not exist, or is not what a language has of its own.
        """
        values: dict[str, Tensor] = {}
        for prefix, view in self._governed(item):
            # A layer is copied whole, and what is not the language's is left out.
            whole = self.encoder.of_language(view.language) if prefix else self.encoder
            given = new_values(item, whole, donors)
            values |= {
                f"{prefix}{name}": one for name, one in given.items() if not prefix or name in view.own
            }
        return values

    def values(self, item: Edit, donors: Donors) -> dict[str, Tensor]:
        """Return what an edit gives by name, of the head under names that begin with ``HEAD``.

        Raises:
            DonorError: Weights are not there or do not fit; names them.
            SelectionError: A layer does not exist, or is not what a language has of its own.
        """
        values = self.encoder_values(item, donors)
        if isinstance(item, HeadEdit):
            if self.head is None:
                raise DonorError(f"{kind_of(item)} changes the task head too; give it: head=")
            found = item.head_weights(self.head, donors)
            check_shapes(found, dict(self.head.named_parameters()))
            values |= {f"{HEAD}{name}": value for name, value in found.items()}
        return values

    def selected(self, item: Intervention) -> dict[str, nn.Parameter]:
        """Return the parameters that a standing intervention governs by name."""
        components = getattr(item, "components", ())
        return {
            f"{prefix}{name}": parameter
            for prefix, view in self._governed(item)
            for name, parameter in view.parameters(item.layers, components).items()
        }

    def hold(self, item: Standing) -> Undo:
        """Install a standing intervention in every language that it is for; return what undoes it.

        What a language has of its own and does not learn, stays as it is.

        Raises:
            NoEffectError: It would change nothing.
        """
        frozen = [parameter for *_, parameter in self.encoder.every_own() if not parameter.requires_grad]
        undos: list[Undo] = []

        def undo() -> None:
            while undos:
                undos.pop()()
            _freeze(frozen)

        reasons = []
        try:
            for _, view in self._governed(item):
                try:
                    undos.append(item.hold(view))
                except NoEffectError as error:
                    reasons.append(error)
            _freeze(frozen)
        except BaseException:
            undo()
            raise
        if not undos:
            raise reasons[0]
        return undo

    def _governed(self, item: Intervention) -> Iterator[tuple[str, Encoder]]:
        """Yield the encoders that an intervention acts on, each with how names of its parameters begin.

        All but the one that stands for what is shared have the parameters of their language alone.
        """
        language = item.layers.language
        if not language:
            yield "", self.encoder
            yield from self._others()
            return
        view = self.encoder.of_language(language)
        yield "" if view is self.encoder else f"{language}:", view.narrowed()

    def _others(self) -> Iterator[tuple[str, Encoder]]:
        for language in self.encoder.languages:
            if language != self.encoder.language:
                yield f"{language}:", self.encoder.of_language(language).narrowed()


def bare(name: str) -> str:
    """Return a parameter's name without the language that it is of.

    >>> bare("fr:embeddings.norm.weight")
    'embeddings.norm.weight'
    """
    return name.rpartition(":")[2]


def _freeze(parameters: list[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.requires_grad_(False)
