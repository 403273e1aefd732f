"""What sweeps do, in the field's words, and how texts become names of files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from itertools import product

import pandas as pd

from layerlab.names import ablation_name, entry_words


def sweep_words(sweep: str, options: Iterable[str]) -> str:
    """Describe a sweep in the field's words, from its name and options; one that its author named keeps it.

    >>> options = ['[{"phase": "after", "kind": "reset", "layers": "0-1", "to": "pretrained"}]']
    >>> sweep_words("reset(to=pretrained)@after", options), sweep_words("my own", options)
    ('rewind after fine-tuning', 'my own')
    """
    for one in dict.fromkeys(options):
        entries = json.loads(one or "[]")
        # An intervention that has the same layers throughout shows them in the sweep's name, and in words.
        for shown in product((False, True), repeat=len(entries)):
            if ablation_name(entries, shown) == sweep:
                each = zip(entries, shown, strict=True)
                return ", then ".join(entry_words(entry, with_layers=layers) for entry, layers in each)
    return sweep


def words_of_sweeps(rows: pd.DataFrame) -> dict[str, str]:
    """Describe each sweep of some rows (effects, or records with ``sweep``), in their order."""
    groups = rows.groupby("sweep", sort=False)["options"]
    return {str(sweep): sweep_words(str(sweep), options) for sweep, options in groups}


def pair_words(where: Mapping[str, str]) -> str:
    """Describe two encoders and two languages that are aligned.

    >>> pair_words({"model": "bert-en", "donor": "bert-de", "source": "en", "target": "de"})
    'bert-en and bert-de, en-de'
    """
    return f"{where['model']} and {where['donor']}, {where['source']}-{where['target']}"


def slug(text: str) -> str:
    """Write a text in lower case, digits, hyphens and dots, as names of files and labels are written.

    >>> slug("upos en reset(to=pretrained)@after")
    'upos-en-reset-to-pretrained-after'
    """
    return re.sub(r"[^a-z0-9.]+", "-", text.lower()).strip("-.")
