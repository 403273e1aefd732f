"""Retrieval against scikit-learn's neighbours and CSLS written out."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics.pairwise import cosine_similarity
from sklearn.neighbors import NearestNeighbors

from layerlab.errors import DataError
from layerlab.measures import retrieval
from layerlab.measures.retrieval import Retrieval, precision_at_one, retrieve

Matrix = NDArray[np.float64]


def noisy_pair(n: int, seed: int = 0) -> tuple[Matrix, Matrix]:
    stream = np.random.default_rng(seed)
    x = stream.normal(size=(n, 6)) + 1
    return x, x + stream.normal(size=(n, 6)) - stream.normal(size=6)


@pytest.mark.parametrize("centre", [False, True])
def test_cosine_finds_what_scikit_learn_finds(centre: bool) -> None:
    x, y = noisy_pair(80)
    got = retrieve(x, y, centre=centre)
    if centre:
        x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    forward = NearestNeighbors(n_neighbors=1, metric="cosine").fit(y).kneighbors(x)[1][:, 0]
    backward = NearestNeighbors(n_neighbors=1, metric="cosine").fit(x).kneighbors(y)[1][:, 0]
    assert got.forward == np.mean(forward == np.arange(80))
    assert got.backward == np.mean(backward == np.arange(80))
    assert got.n == 80
    assert 0.1 < got.mean < 0.9


@pytest.mark.parametrize("neighbours", [1, 5, 10])
def test_csls_finds_what_its_definition_says(neighbours: int) -> None:
    x, y = noisy_pair(60, seed=1)
    cosines = cosine_similarity(x, y)
    to_target = np.sort(cosines, axis=1)[:, -neighbours:].mean(axis=1)
    to_source = np.sort(cosines, axis=0)[-neighbours:].mean(axis=0)
    csls = 2 * cosines - to_target[:, None] - to_source[None, :]
    got = retrieve(x, y, "csls", neighbours=neighbours)
    assert got.forward == np.mean(csls.argmax(axis=1) == np.arange(60))
    assert got.backward == np.mean(csls.argmax(axis=0) == np.arange(60))


def test_csls_takes_hubs_away() -> None:
    stream = np.random.default_rng(3)
    x = stream.normal(size=(50, 20))
    y = x + 0.3 * stream.normal(size=(50, 20))
    y[0] = x.mean(axis=0) * 100  # near everything
    x += 4 * x.mean(axis=0)
    assert retrieve(x, y, "csls").forward >= retrieve(x, y).forward


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = noisy_pair(50)
    whole = [retrieve(x, y, name) for name in ("cosine", "csls")]
    monkeypatch.setattr(retrieval, "_ROWS_AT_ONCE", 7)
    assert [retrieve(x, y, name) for name in ("cosine", "csls")] == whole


def test_perfect_shifted_and_collapsed_states_have_their_known_accuracy() -> None:
    x, _ = noisy_pair(40)
    assert retrieve(x, 2 * x) == Retrieval(1.0, 1.0, 40)
    assert retrieve(x, np.roll(x, 1, axis=0)) == Retrieval(0.0, 0.0, 40)
    assert retrieve(np.ones((40, 3)), np.ones((40, 3))) == Retrieval(1 / 40, 1 / 40, 40)
    assert retrieve(x, x - 50).mean < 0.5
    assert retrieve(x, x - 50, centre=True).mean == 1


def test_fewer_sentences_than_neighbours_are_all_neighbours() -> None:
    x, y = noisy_pair(5)
    assert retrieve(x, y, "csls") == retrieve(x, y, "csls", neighbours=5)


def test_what_can_not_be_compared_is_refused() -> None:
    with pytest.raises(DataError, match=r"shapes \(3, 2\) and \(4, 2\)"):
        retrieve(np.ones((3, 2)), np.ones((4, 2)))
    with pytest.raises(DataError, match="1 sentences are too few; expected at least 2"):
        retrieve(np.ones((1, 2)), np.ones((1, 2)))
    with pytest.raises(DataError, match="did you mean 'cosine'"):
        retrieve(np.eye(3), np.eye(3), "cosinus")  # type: ignore[arg-type]


@pytest.mark.parametrize("neighbours", [1, 4, 100])
def test_translation_of_words_is_what_csls_says_among_all_words(neighbours: int) -> None:
    x, y = noisy_pair(40, seed=2)
    y = np.concatenate([y, y[:10] + 0.1])  # with words that translate none
    queries, right = np.arange(0, 40, 3), [{index, 40 + index} for index in range(0, 40, 3)]
    cosines = cosine_similarity(x, y)
    hubness = np.sort(cosines, axis=0)[-neighbours:].mean(axis=0)
    best = (2 * cosines - hubness[None, :])[queries].argmax(axis=1)
    expected = np.mean([one in some for one, some in zip(best, right, strict=True)])
    got = precision_at_one(x[queries], y, right, crowd=x, neighbours=neighbours)
    assert got == expected
    assert 0.1 < got < 1


def test_translation_without_a_query_is_refused() -> None:
    with pytest.raises(DataError, match="at least one query"):
        precision_at_one(np.zeros((0, 3)), np.eye(3), [])
