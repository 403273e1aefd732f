"""Whether a checkpoint with parts by language speaks what a study reads, looked at before time is spent."""

from __future__ import annotations

from collections.abc import Iterable

from layerlab.errors import LayerlabError
from layerlab.models.by_language.manifest import language_for
from layerlab.models.checkpoints import Checkpoint
from layerlab.study.planning.findings import Expansion
from layerlab.targets import sources_of


def check_languages(state: Expansion, checkpoints: Iterable[Checkpoint]) -> None:
    """Note sources, targets and measured languages that a checkpoint has no parts for."""
    study = state.study
    for checkpoint in (one for one in checkpoints if one.languages):
        name = checkpoint.name
        path = f"models[{list(study.models).index(name)}]"
        read = [language for source in study.sources for language in study.targets_for(source, name)]
        own = [one for (*_, model), one in state.measurements.items() if model == name]
        measured = [language for one in own for language, *_ in one.texts]
        measured += [language for one in own for language in sources_of(one.source) if one.texts]
        for source in study.sources:
            try:
                spoken_source(source, checkpoint)
            except LayerlabError as error:
                state.note(path, error)
        for language in dict.fromkeys([*read, *measured]):
            try:
                language_for(language, checkpoint.languages, name)
            except LayerlabError as error:
                state.note(path, error)


def spoken_source(source: str, checkpoint: Checkpoint) -> str:
    """Return the language whose parts read a source; empty where all languages share all parts.

    Raises:
        LayerlabError: The source is several languages, or one that the checkpoint has no parts for.
    """
    if not checkpoint.languages:
        return ""
    if len(sources_of(source)) > 1:
        raise LayerlabError(
            f"source {source!r}: checkpoint {checkpoint.name!r} has parts of its own for each of its "
            "languages, and a fit reads its batches by those of one; expected a source of one language"
        )
    return language_for(source, checkpoint.languages, checkpoint.name)
