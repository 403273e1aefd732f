"""What a process that trained a fit keeps in memory of it, so that its runs need not load it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.files import write_json
from layerlab.nodes.kinds.training.encoding import Encoding
from layerlab.nodes.kinds.training.origin import save_encoder
from layerlab.nodes.node import Work
from layerlab.nodes.sharing import is_shared

if TYPE_CHECKING:
    from layerlab.finetuning.model import TaskModel

NAME = "warm-fits"


@dataclass(frozen=True)
class Trained:
    """A fit as its training left it.

    Attributes:
        model: Encoder and head with the weights of the selected epoch; freezes, skips and rates of the fit
            are in place.
        encoding: Encodes corpora for it.
        labels: In the order of the head's outputs.
    """

    model: TaskModel
    encoding: Encoding
    labels: tuple[str, ...]

    @property
    def n_bytes(self) -> int:
        """Bytes of the model."""
        return bytes_of(self.model)

    def write(self, folder: Path, *, encoder: bool) -> None:
        """Write the head and the labels, and the encoder with its tokenizers if that is wanted."""
        from safetensors.torch import save_file

        if encoder:
            save_encoder(folder / "model", self.model.layers)
            self.encoding.save(folder / "model")
        head = self.model.head.state_dict().items()
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in head}, folder / "head.safetensors"
        )
        write_json(folder / "labels.json", {"labels": list(self.labels)})


def keep_trained(work: Work, fit_id: str, trained: Trained) -> bool:
    """Keep a fit for the runs to come; return whether it is kept.

    It is not where the shortcut is switched off, where several processes share the fit, or where there is
    no room for it.
    """
    if NAME not in work.settings.shortcuts or is_shared():
        return False
    trained.model.zero_grad(set_to_none=True)
    trained.model.eval()
    return work.kept.put(fit_id, trained, trained.n_bytes)


def take_trained(work: Work, fit_id: str) -> Trained | None:
    """Return a fit that this process trained, if it is kept, and keep it no longer."""
    found = work.kept.look(fit_id)
    if not isinstance(found, Trained):
        return None
    work.kept.drop(fit_id)
    return found


def bytes_of(model: TaskModel) -> int:
    """Return the bytes of a model's parameters and buffers, shared ones once."""
    tensors = {tensor.data_ptr(): tensor for tensor in (*model.parameters(), *model.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
