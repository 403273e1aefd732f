from __future__ import annotations

from layerlab.targets import domain_targets, zero_shot_targets


def test_every_target_is_the_source_another_domain_or_another_language_and_never_two_of_them() -> None:
    targets = ["en", "en:GUM", "en:LinES", "de", "de:PUD", "ru:Taiga", "avin-news"]
    for source in (*targets, "en:EWT"):
        domains, languages = domain_targets(targets, source), zero_shot_targets(targets, source)
        assert not {source} & {*domains, *languages}
        assert not set(domains) & set(languages)
        assert {one.partition(":")[0] for one in domains} <= {source.partition(":")[0]}


def test_a_treebank_may_be_the_source_and_the_language_its_domain() -> None:
    assert domain_targets(["en", "en:GUM", "de"], "en:GUM") == ["en"]


def test_no_language_counts_twice() -> None:
    assert zero_shot_targets(["en", "en:GUM", "de:GSD", "de:PUD"], "ru") == ["en", "de:GSD", "de:PUD"]
    assert zero_shot_targets(["en:GUM"], "ru") == ["en:GUM"]
