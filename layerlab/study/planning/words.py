"""What stands for a word in the fits of a study, in its one form for each tokenizer."""

from __future__ import annotations

from layerlab.models.checkpoints import Checkpoint
from layerlab.models.tokenizers import tokenizer_has_blanks
from layerlab.study.planning.findings import Expansion
from layerlab.tasks.task import get_task
from layerlab.tasks.words import Word, resolved_word


def word_of(state: Expansion, checkpoint: Checkpoint, task: str) -> Word:
    """Return what stands for a word in the fits of an encoder, by `layerlab.tasks.words.resolved_word`.

    Raises:
        CheckpointError: The tokenizer cannot be found.
    """
    wanted = state.study.word
    blanks = wanted == "first-content" and has_blanks(state, checkpoint)
    return resolved_word(get_task(task), wanted, blanks)


def has_blanks(state: Expansion, checkpoint: Checkpoint) -> bool:
    """Return whether an encoder's tokenizer, which may be yet to be trained, has bare space marks."""
    if checkpoint.name not in state.blank:
        state.blank[checkpoint.name] = _look(state, checkpoint)
    return state.blank[checkpoint.name]


def _look(state: Expansion, checkpoint: Checkpoint) -> bool:
    spec = state.pretrainings.specs.get(checkpoint.name)
    if spec is None:
        return tokenizer_has_blanks(checkpoint.location, checkpoint.revision)
    if spec.grown_from is not None:
        return tokenizer_has_blanks(str(spec.grown_from), None)
    return spec.tokenizer == "unigram"
