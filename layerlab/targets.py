"""What a study's languages are called.

A target is a language, or a language and one of its treebanks as in ``en:GUM``. A source is one of these, or
several that a fit is trained on together, as in ``en+fr``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

SEPARATOR = ":"
TOGETHER = "+"


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


def sources_of(source: str) -> tuple[str, ...]:
    """Return the languages of a source, in the order in which they are written.

    >>> sources_of("en+fr"), sources_of("en:GUM")
    (('en', 'fr'), ('en:GUM',))
    """
    return tuple(source.split(TOGETHER))


def misnamed_source(source: str) -> str:
    """Say what is wrong with the name of a source; empty if nothing is.

    >>> misnamed_source("en+fr+en")
    "source 'en+fr+en' has en twice; expected each language once"
    >>> misnamed_source("en+fr")
    ''
    """
    names = sources_of(source)
    if "" in names:
        return f"source {source!r} lacks a language beside its +; expected names such as en+fr"
    twice = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    if twice:
        return f"source {source!r} has {', '.join(twice)} twice; expected each language once"
    return ""


def own_targets(targets: Collection[str], source: str) -> list[str]:
    """Return the targets that a source is: its languages, or none of them unless all are there.

    The score on a source of several languages is the mean of their scores.

    >>> own_targets(["de", "en", "fr"], "en+fr"), own_targets(["de", "en"], "en+fr")
    (['en', 'fr'], [])
    """
    if source in targets:
        return [source]
    names = list(sources_of(source))
    return names if all(name in targets for name in names) else []


def is_own(target: str, source: str) -> bool:
    """Return whether a target is the source, or one of its languages.

    >>> is_own("fr", "en+fr"), is_own("fr:GSD", "en+fr")
    (True, False)
    """
    return target == source or target in sources_of(source)


def domain_targets(targets: Iterable[str], source: str) -> list[str]:
    """Return the targets that differ from the source in domain alone: other corpora of its languages.

    >>> domain_targets(["de", "en", "en:GUM", "en:LinES"], "en")
    ['en:GUM', 'en:LinES']
    >>> domain_targets(["de", "en", "en:GUM", "fr"], "en+fr")
    ['en:GUM']
    """
    spoken = _languages(source)
    return [one for one in targets if not is_own(one, source) and language_of(one) in spoken]


def zero_shot_targets(targets: Iterable[str], source: str) -> list[str]:
    """Return the targets in other languages than the source's, which means are over.

    A treebank of a language that is a target itself is left out, so that no language counts twice.

    >>> zero_shot_targets(["de", "en", "en:GUM", "ru:Taiga"], "en")
    ['de', 'ru:Taiga']
    >>> zero_shot_targets(["de", "en", "en:GUM"], "de")
    ['en']
    >>> zero_shot_targets(["de", "en", "fr"], "en+fr")
    ['de']
    """
    spoken = _languages(source)
    others = [one for one in targets if not is_own(one, source) and language_of(one) not in spoken]
    return [one for one in others if language_of(one) == one or language_of(one) not in others]


def _languages(source: str) -> set[str]:
    return {language_of(name) for name in sources_of(source)}


def treebank_config(target: str) -> str:
    """Return what data sets of Universal Dependencies call the configuration of a treebank; else nothing.

    >>> treebank_config("en:GUM"), treebank_config("en")
    ('en_gum', '')
    """
    language, treebank = split_target(target)
    return f"{language}_{treebank.lower()}" if treebank else ""
