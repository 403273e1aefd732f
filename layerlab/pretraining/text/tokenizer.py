"""One vocabulary for all languages of a spec: WordPiece or Unigram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from layerlab.pretraining.text.unigram import SPECIAL_TOKENS, frame, frequent_characters, train_unigram

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast


def spread(texts: Sequence[str], n_chars: int) -> list[str]:
    """Return paragraphs evenly spread over ``texts`` with about ``n_chars`` characters in all.

    >>> spread(["aaaa", "bbbb", "cccc", "dddd"], 8)
    ['aaaa', 'cccc']
    """
    total = sum(map(len, texts))
    stride = max(1.0, total / n_chars)
    return [texts[int(place * stride)] for place in range(int(len(texts) / stride))]


def thinned(texts: Sequence[str], fraction: float) -> list[str]:
    """Return a fraction of the texts, at least one, evenly spread over them.

    >>> thinned(["a", "b", "c", "d"], 0.5)
    ['a', 'c']
    """
    n = max(1, round(len(texts) * fraction))
    return [texts[place * len(texts) // n] for place in range(n)]


def train_tokenizer(
    texts: Mapping[str, Sequence[str]],
    vocab_size: int,
    *,
    alphabet: int,
    lowercase: bool = False,
    max_length: int = 512,
    kind: Literal["wordpiece", "unigram"] = "wordpiece",
) -> PreTrainedTokenizerFast:
    """Train a joint tokenizer, cased by default.

    With WordPiece, ideographs stand alone, as in BERT; text without spaces such as kana is cut by the
    vocabulary alone. The sizes of the texts are the languages' weights. ``vocab_size`` counts special tokens
    too; ``alphabet`` is how many characters get a piece, and words with others become ``[UNK]``.

    Reference:
        Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers"; Kudo 2018, "Subword
        Regularization" (Unigram).
    """
    from transformers import PreTrainedTokenizerFast

    every = [text for language in texts for text in texts[language]]
    if kind == "unigram":
        tokenizer = train_unigram(every, vocab_size, alphabet, lowercase)
    else:
        tokenizer = _with_vocabulary(_train_vocabulary(every, vocab_size, alphabet, lowercase), lowercase)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
        unk_token="[UNK]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        mask_token="[MASK]",
    )


def _train_vocabulary(
    texts: Sequence[str], vocab_size: int, alphabet: int, lowercase: bool
) -> dict[str, int]:
    from tokenizers import trainers

    tokenizer = _with_vocabulary({}, lowercase)
    normalised = [tokenizer.normalizer.normalize_str(text) for text in texts]
    characters = frequent_characters(normalised, alphabet)
    chunks = sorted({chunk for text in normalised for chunk in text.split()})
    words = tokenizer.pre_tokenizer.pre_tokenize_str(" ".join(chunks))
    inner = sorted({char for word, _ in words for char in word[1:]} & set(characters))
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        # The trainer numbers the inner characters in the order of a hash table and breaks ties between merges
        # by number, so two trainings would differ; announced as special tokens, they have fixed numbers.
        special_tokens=[*SPECIAL_TOKENS, *(f"##{char}" for char in inner)],
        initial_alphabet=characters,
        limit_alphabet=len(characters),
        continuing_subword_prefix="##",
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    vocabulary: dict[str, int] = tokenizer.get_vocab()
    return vocabulary


def _with_vocabulary(vocabulary: dict[str, int], lowercase: bool) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=lowercase, lowercase=lowercase
    )
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(prefix="##")
    if vocabulary:
        frame(tokenizer)
    return tokenizer
