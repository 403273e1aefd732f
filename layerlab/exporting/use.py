"""What a model card says about use: code that reads words as the fit did, by ``AutoModel`` alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from layerlab.nodes.kinds.fit import Fit

_WORDS: Final = """```python
import torch
from transformers import AutoModelForTokenClassification, AutoTokenizer

place = "{place}"
tokenizer = AutoTokenizer.from_pretrained(place)
model = AutoModelForTokenClassification.from_pretrained(place).eval()
words = {words}
inputs = tokenizer(words, is_split_into_words=True, return_tensors="pt")
with torch.inference_mode():
    logits = model(**inputs).logits[0]
word_of = inputs.word_ids()
labels = []
for number in range(len(words)):
    pieces = [place for place, word in enumerate(word_of) if word == number]
{read}
    labels.append(model.config.id2label[int(scores.argmax())])
```"""
_READ: Final = {
    "first": "    scores = logits[pieces[0]]",
    "last": "    scores = logits[pieces[-1]]",
    "mean": "    scores = logits[pieces].mean(dim=0)  # as of the mean of states: the head is linear",
    "first-content": (
        "    texts = tokenizer.convert_ids_to_tokens(inputs.input_ids[0, pieces])\n"
        '    filled = [place for place, text in zip(pieces, texts) if text.strip("▁Ġ")]\n'
        "    scores = logits[(filled or pieces)[0]]"
    ),
}
_RULES: Final = {
    "first": 'a word by its first word-piece (`aggregation_strategy="first"` does the same)',
    "last": "a word by its last word-piece, for which `pipeline` has no strategy",
    "mean": "a word by the mean of its word-pieces, for which `pipeline` has no strategy: its `average` is "
    "one of probabilities",
    "first-content": "a word by its first word-piece that is no bare space mark, for which `pipeline` has no "
    "strategy",
}
_PAIRS: Final = """```python
from transformers import pipeline

classify = pipeline("text-classification", model="{place}")
classify({{"text": "{first}", "text_pair": "{second}"}})
```

The fit read the last state of the first special token, without a pooler. This class has a dense layer there,
whose weights pass the state on: train on with layerlab rather than from these weights, and run it in float32
or bfloat16, since float16 has not the range."""


def how_to_use(fit: Fit, is_pairs: bool, n_pieces: int) -> str:
    """Return code and what must be known to run it.

    Args:
        fit: The fit.
        is_pairs: Whether it classifies pairs of sentences.
        n_pieces: Longest input in word-pieces.
    """
    place = "path/or/hub-id"
    if is_pairs:
        code = _PAIRS.format(place=place, first="One sentence .", second="Another sentence .")
        return f"{code} Pairs of more than {n_pieces} word-pieces lose the end of the longer sentence."
    word = fit.spec.word
    rule = _RULES[word]
    code = _WORDS.format(place=place, words='["One", "sentence", "."]', read=_READ[word])
    return (
        f'`pipeline("token-classification", model="{place}")` labels word-pieces. The fit read {rule}. So '
        f"the labels that layerlab scored are these:\n\n{code}\n\nWords are those of the treebanks, with "
        f"punctuation apart. Sentences of more than {n_pieces} word-pieces were read in overlapping windows, "
        "which is left to you here."
    )
