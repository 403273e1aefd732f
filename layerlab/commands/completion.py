"""What shells complete beside verbs, options and files: names that layerlab knows.

Each function gets what was typed so far; what a shell asks for must come at once, so little is imported.
"""

from __future__ import annotations

from collections.abc import Iterable


def models(incomplete: str) -> list[str]:
    """Complete encoders that come with layerlab or with a package; shells complete folders.

    >>> models("minimbert-c")
    ['minimbert-controlled']
    """
    from layerlab.models.packaged.catalogue import packaged_encoders
    from layerlab.models.stored.bundled import bundled_encoders

    return _beginning(incomplete, (*bundled_encoders(), *packaged_encoders()))


def tasks(incomplete: str) -> list[str]:
    """Complete tasks.

    >>> tasks("up")
    ['upos']
    """
    import layerlab.tasks  # noqa: F401 - registers those that come with layerlab
    from layerlab.tasks.task import known_tasks

    return _beginning(incomplete, known_tasks())


def keys(incomplete: str) -> list[str]:
    """Complete keys of a study file.

    >>> keys("training.ep")
    ['training.epochs']
    """
    from layerlab.study.keys import study_keys

    return _beginning(incomplete, study_keys())


def overrides(incomplete: str) -> list[str]:
    """Complete the key of ``PATH=VALUE``.

    >>> overrides("training.ep"), overrides("seeds=")
    (['training.epochs='], [])
    """
    return [] if "=" in incomplete else [f"{key}=" for key in keys(incomplete)]


def layers(incomplete: str) -> list[str]:
    """Complete what stands for windows over all layers."""
    from layerlab.study.draft import WINDOWS

    return _beginning(incomplete, WINDOWS)


def formats(incomplete: str) -> list[str]:
    """Complete formats of tables."""
    return _beginning(incomplete, ("markdown", "latex", "csv"))


def devices(incomplete: str) -> list[str]:
    """Complete devices."""
    return _beginning(incomplete, ("auto", "cpu"))


def kept(incomplete: str) -> list[str]:
    """Complete choices of what is kept."""
    return _beginning(incomplete, ("needed", "all", "none"))


def shortcuts(incomplete: str) -> list[str]:
    """Complete fast paths, and those that are switched off."""
    from layerlab.training.shortcuts.shortcut import SHORTCUTS

    return _beginning(incomplete, ("all", "none", *SHORTCUTS, *(f"-{name}" for name in SHORTCUTS)))


def words(incomplete: str) -> list[str]:
    """Complete what stands for a word."""
    from layerlab.tasks.words import WORDS

    return _beginning(incomplete, WORDS)


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
