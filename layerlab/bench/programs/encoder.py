"""An encoder with random weights: a BERT of any size, with the tokenizer of another encoder and more pieces.

``python -m layerlab.bench.programs.encoder FOLDER TOKENIZER LAYERS WIDTH ROWS``
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import BertConfig, BertModel

from layerlab.files import publishing
from layerlab.models.tokenizers import load_tokenizer


def make(folder: Path, tokenizer_of: str, n_layers: int, width: int, rows: int) -> None:
    """Make a BERT of some size in a folder, unless it is there."""
    if folder.is_dir():
        return
    tokenizer = load_tokenizer(tokenizer_of, None)
    torch.manual_seed(0)
    model = BertModel(
        BertConfig(
            vocab_size=max(rows, len(tokenizer)),
            hidden_size=width,
            num_hidden_layers=n_layers,
            num_attention_heads=12 if width % 12 == 0 else 4,
            intermediate_size=4 * width,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with publishing(folder) as made:
        model.save_pretrained(made)
        tokenizer.save_pretrained(made)
        _fill(made / "tokenizer.json", model.config.vocab_size)


def _fill(file: Path, rows: int) -> None:
    """Give a WordPiece vocabulary pieces that occur in no text, until every row of the embeddings has one."""
    tokenizer = json.loads(file.read_text(encoding="utf-8"))
    vocabulary = tokenizer["model"]["vocab"]
    # From the private use area, of which no language writes.
    vocabulary |= {f"##\ue000{row}": row for row in range(max(vocabulary.values()) + 1, rows)}
    file.write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    make(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6]))
