"""Hand-written files of invented sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str, str], Path]


def conllu_line(index: str, form: str, upos: str = "NOUN", head: str = "0", relation: str = "root") -> str:
    return "\t".join([index, form, "_", upos, "_", "_", head, relation, "_", "_"])


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below a temporary folder and return its path."""

    def write_file(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


@pytest.fixture
def tree_text() -> str:
    """Two sentences with a multiword token, an empty node, a form with a space and three scripts."""
    return "\n".join(
        [
            "# newdoc id = zoo",
            "# sent_id = zoo-1",
            "# text = Des loutres ont 10 000 амиго.",
            "1-2\tDes\t_\t_\t_\t_\t_\t_\t_\t_",
            conllu_line("1", "De", "ADP", "3", "case"),
            conllu_line("2", "les", "DET", "3", "det"),
            conllu_line("3", "loutres", "NOUN", "4", "nsubj:pass"),
            conllu_line("4", "ont", "VERB", "0", "root"),
            "4.1\tvu\t_\tVERB\t_\t_\t_\t_\t4:conj\t_",
            conllu_line("5", "10 000", "NUM", "6", "nummod"),
            conllu_line("6", "амиго", "NOUN", "4", "obj"),
            "",
            "# sent_id = zoo-2",
            conllu_line("1", "猫", "NOUN", "3", "nsubj"),
            conllu_line("2", "が", "ADP", "1", "case"),
            conllu_line("3", "飛ぶ", "VERB", "0", "root"),
            "",
            "",
        ]
    )
