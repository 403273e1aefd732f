"""The name ``cka_muller`` alone gives what the released code of Muller et al. computes, written anew here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from layerlab.data.bitext import Bitext
from layerlab.measures.bitext_alignment import measure_alignment
from tests.fixtures.treebanks import LEXICON

Matrix = NDArray[np.float64]


def encoded_once_more(model: Path, texts: list[str]) -> list[Matrix]:
    """Encode texts one by one, special tokens written out and added; strip the outer ones; take the mean."""
    tokenizer, encoder = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()
    levels: list[list[Matrix]] = []
    for text in texts:
        written = f"{tokenizer.cls_token} {text} {tokenizer.sep_token}"
        ids = torch.tensor([tokenizer.encode(written, max_length=200, truncation=True)])
        with torch.no_grad():
            hidden = encoder(ids, output_hidden_states=True).hidden_states
        levels.append([one[0, 1:-1].mean(dim=0).double().numpy() for one in hidden])
    return [np.stack(level) for level in zip(*levels, strict=True)]


def rbf(x: Matrix) -> Matrix:
    """Return the kernel matrix whose bandwidth is the median of the squared distances that are not zero."""
    products = x @ x.T
    squared = np.diag(products) - products + (np.diag(products) - products).T
    sigma = np.sqrt(np.median(squared[squared != 0]))
    return np.asarray(np.exp(squared * -0.5 / (sigma * sigma)))


def kernel_hsic(x: Matrix, y: Matrix) -> float:
    """Return the sum of the product of two kernel matrices that are centred by multiplication."""
    centre = np.eye(len(x)) - np.ones((len(x), len(x))) / len(x)
    return float(np.sum((centre @ rbf(x) @ centre) * (centre @ rbf(y) @ centre)))


def test_the_name_alone_gives_the_papers_estimator(tiny_encoder: Path) -> None:
    stream = np.random.default_rng(0)
    known = {name: [word for some in LEXICON[name].values() for word in some] for name in ("aa", "bb")}
    sides = [
        [" ".join(stream.choice(words, stream.integers(2, 6))) for _ in range(24)] for words in known.values()
    ]
    frame = measure_alignment(tiny_encoder, [Bitext("aa", "bb", *sides)], measures=["cka", "cka_muller"])
    found = frame[frame["metric"] == "cka_muller"].set_index("layer")["value"]
    levels = zip(*(encoded_once_more(tiny_encoder, texts) for texts in sides), strict=True)
    for layer, (x, y) in enumerate(levels):
        values = []
        for first in range(4):  # each slice begins one sentence later, not one slice later
            a, b = x[first : first + 6], y[first : first + 6]
            values.append(kernel_hsic(a, b) / np.sqrt(kernel_hsic(a, a) * kernel_hsic(b, b)))
        assert abs(found[layer] - np.mean(values)) < 1e-5
