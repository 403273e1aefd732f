"""Random streams stay what they are, since recorded numbers depend on them, and apart from each other."""

from __future__ import annotations

from layerlab.training import streams


def test_streams_differ_by_seed_and_purpose_and_fit_a_generator() -> None:
    purposes = ("head", "order", "dropout")
    seeds = {streams.derive_seed(seed, purpose) for seed in range(10) for purpose in purposes}
    assert len(seeds) == 30
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_derivations_are_those_of_version_0_1_0() -> None:
    assert streams.head_seed(3) == 7_677_134_164_218_931_189
    assert streams.donors_seed(3) == 190_188_370_605_613_166
    assert streams.dropout_seed(3, 5, 1) == 6_269_137_137_988_228_672
    assert streams.order_stream(3, 1).randrange(10**6) == 908_670
    assert streams.pretraining_dropout_seed(3, 5, 1) == 3 * 1_000_003 + 5 + 2**40
    draws = [
        streams.languages_stream(3, 5),
        streams.sequences_stream(3, 1, 2),
        streams.masks_stream(3, 5),
        streams.masks_stream(3, 5, held_out=True),
        streams.translations_stream(3),
    ]
    assert [int(stream.integers(10**6)) for stream in draws] == [736_981, 307_499, 417_039, 586_147, 201_706]
    assert streams.anchors_stream(3, "aa").randrange(10**6) == 97_122
