"""How far fine-tuning, or an ablation, moved an encoder's states: CKA of one model with another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from layerlab.errors import DataError, unknown
from layerlab.measures.bitext_alignment import measured_records
from layerlab.measures.cka import cka
from layerlab.measures.options import CHANGES, Estimator, Kernel, Pooling, pooling_of
from layerlab.measures.states import sentence_states

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from layerlab.data.bitext import Texts
    from layerlab.models.encoder import Encoder


def measure_change(
    before: Encoder | PreTrainedModel | str | Path,
    after: Encoder | PreTrainedModel | str | Path,
    texts: Mapping[str, Texts],
    *,
    label: str,
    estimator: Estimator = "debiased",
    kernel: Kernel = "linear",
    pooling: Pooling | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> pd.DataFrame:
    """Measure the CKA of two models on the same sentences, per layer and language.

    1 where nothing moved but by rotation and scale. The sentences need not be parallel.

    Args:
        before: The one model, such as the pretrained encoder.
        after: The other, such as the fine-tuned one, with the same tokenizer and as many layers.
        texts: Language to sentences.
        label: What the pair of models is called in the frame.
        estimator: As in `layerlab.measures.cka.cka`.
        kernel: Likewise.
        pooling: As in `layerlab.measures.states.sentence_states`; None for ``muller`` with the estimator of
            that name, else ``mean``.
        tokenizer: Of both; None loads each model's own.

    Returns:
        Records as ``measure_alignment`` gives them, with the language as source and as target and the metric
        ``change_cka`` (``change_cka_biased``, ``change_cka_rbf``, ``change_cka_muller``, ...).

    Raises:
        DataError: The models have different numbers of layers.

    Reference: Muller et al. (2021), "First Align, then Predict".
    """
    name = _name_of(estimator, kernel)
    how = pooling_of(name, pooling)
    rows = []
    for language, sentences in texts.items():
        x, y = (sentence_states(model, sentences, tokenizer, pooling=how) for model in (before, after))
        if len(x) != len(y):
            raise DataError(f"the models have {len(x) - 1} and {len(y) - 1} layers; expected as many in both")
        for layer in range(len(x)):
            value = cka(x[layer], y[layer], estimator, kernel=kernel)
            rows.append((label, language, language, layer, name, value, len(sentences)))
    return measured_records(rows)


def _name_of(estimator: str, kernel: str) -> str:
    kernel = "rbf" if estimator == "muller" else kernel
    for name, how in CHANGES.items():
        if how == (estimator, kernel):
            return name
    known = [" with ".join(how) for how in CHANGES.values()]
    raise DataError(unknown("CKA estimator and kernel", f"{estimator} with {kernel}", known))
