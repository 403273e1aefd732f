"""What a study's targets are called: a language, or a language and one of its treebanks as in ``en:GUM``."""

from __future__ import annotations

from collections.abc import Iterable

SEPARATOR = ":"


def split_target(target: str) -> tuple[str, str]:
    """Return language and treebank, which is empty for a target that is a language.

    >>> split_target("en:GUM"), split_target("de")
    (('en', 'GUM'), ('de', ''))
    """
    language, _, treebank = target.partition(SEPARATOR)
    return language, treebank


def language_of(target: str) -> str:
    """Return the language of a target.

    >>> language_of("en:GUM"), language_of("de")
    ('en', 'de')
    """
    return split_target(target)[0]


def domain_targets(targets: Iterable[str], source: str) -> list[str]:
    """Return the targets that differ from the source in domain alone: other corpora of its language.

    >>> domain_targets(["de", "en", "en:GUM", "en:LinES"], "en")
    ['en:GUM', 'en:LinES']
    """
    return [one for one in targets if one != source and language_of(one) == language_of(source)]


def zero_shot_targets(targets: Iterable[str], source: str) -> list[str]:
    """Return the targets in other languages than the source's, which means are over.

    A treebank of a language that is a target itself is left out, so that no language counts twice.

    >>> zero_shot_targets(["de", "en", "en:GUM", "ru:Taiga"], "en")
    ['de', 'ru:Taiga']
    >>> zero_shot_targets(["de", "en", "en:GUM"], "de")
    ['en']
    """
    others = [one for one in targets if language_of(one) != language_of(source)]
    return [one for one in others if language_of(one) == one or language_of(one) not in others]


def treebank_config(target: str) -> str:
    """Return what data sets of Universal Dependencies call the configuration of a treebank; else nothing.

    >>> treebank_config("en:GUM"), treebank_config("en")
    ('en_gum', '')
    """
    language, treebank = split_target(target)
    return f"{language}_{treebank.lower()}" if treebank else ""
