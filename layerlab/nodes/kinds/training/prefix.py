"""The frozen prefix of a fit, whose states its training and the evaluations of its runs take from a cache."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from layerlab.ablation.interventions import Freeze, Intervention
from layerlab.finetuning.prefix.frozen_prefix import FrozenCase, FrozenPrefix, FrozenStates
from layerlab.finetuning.prefix.kept_states import FOLDER, StateFiles
from layerlab.nodes.node import Work
from layerlab.nodes.sharing import is_shared
from layerlab.training.devices import make_accelerator
from layerlab.training.shortcuts.shortcut import Taken

if TYPE_CHECKING:
    from layerlab.ablation.ablation import Timed
    from layerlab.finetuning.model import TaskModel
    from layerlab.models.encoder import Encoder
    from layerlab.tasks.corpora import EncodedCorpus
    from layerlab.tasks.task import Task


def find_prefix(
    work: Work,
    before: Sequence[Intervention],
    during: Sequence[Timed],
    model: TaskModel,
    encoder: Encoder,
    task: Task,
    taken: Taken,
) -> FrozenPrefix | None:
    """Return the frozen prefix of a fit, if it has one that states may be kept of; why not is noted."""
    if not any(isinstance(item, Freeze) for item in before):
        return None
    case = FrozenCase(before, during, encoder, task, 2 if is_shared() else 1)
    if not taken.may(FrozenStates(), case):
        return None
    model.to(make_accelerator(work.settings.device).device)
    return FrozenPrefix.of(model, case, StateFiles(work.store.cache / FOLDER))


def hold(
    prefix: FrozenPrefix | None, corpora: Iterable[tuple[EncodedCorpus, str]], taken: Taken
) -> FrozenPrefix | None:
    """Let a prefix have the states of corpora, each in a precision; None if there is no room for them."""
    if prefix is None:
        return None
    if not all(prefix.hold(corpus, precision) for corpus, precision in corpora):
        most = f"{prefix.kept.room / 1e9:.0f} GB"
        taken.note(FrozenStates.name, f"refused: its states need more than {most}, or than the disk has")
        return None
    taken.note(FrozenStates.name, f"states after the embeddings and {prefix.level} layers, computed once")
    return prefix
