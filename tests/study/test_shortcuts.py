"""One study with everything in it gives the same records by every shortcut at once as in the plain way."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Freeze, Rate, Reset, Scale, Skip, Swap, Unfreeze
from layerlab.ablation.sweep import sweep
from layerlab.analysis.records.tidy import load_records
from layerlab.study.study import Study
from layerlab.training.shortcuts.shortcut import SHORTCUTS
from tests.fixtures.encoders import build, make_config
from tests.fixtures.studies import make_study, run
from tests.fixtures.treebanks import LEXICON

ROWS = 170  # of the embedding matrix, of which the treebanks touch a few dozen
KEY = ["run_id", "target", "split", "metric", "layer"]

ABLATIONS: tuple[Any, ...] = (
    Ablation.none(),
    *sweep("before", Reset, windows=2),
    Ablation(name="fresh embeddings", before=(Reset("embeddings"),)),
    *(
        Ablation(name=f"frozen {layers}", before=(Freeze(layers, dropout=False),))
        for layers in ("embeddings", "embeddings,0", "embeddings,0-2")
    ),
    Ablation(name="frozen with dropout", before=(Freeze("embeddings,0-1"),)),
    Ablation(name="frozen fresh", before=(Reset("0"), Freeze("embeddings,0", dropout=False))),
    Ablation(name="skipped and frozen", before=(Skip("1"), Freeze("embeddings,0-1", dropout=False))),
    Ablation(
        name="thawed",
        before=(Freeze("embeddings,0-1", dropout=False),),
        during=(Timed(0.5, Unfreeze("embeddings,0-1")),),
    ),
    Ablation(name="slow", before=(Rate("0-1", factor=0.1),)),
    Ablation(name="changed", during=(Timed(0.3, Reset("2")), Timed(0.6, Scale("embeddings", factor=0.9)))),
    *sweep("after", Reset, windows=1, to="pretrained"),
    *sweep("after", Skip, windows=1),
    Ablation(name="graft", after=(Swap("0-1", donor=FitDonor(ablation="slow")),)),
    Ablation(name="old words", after=(Reset("embeddings", to="pretrained"), Skip("3"))),
)


@pytest.fixture(scope="module")
def wide_encoder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT with many more rows than pieces."""
    from layerlab.models.tokenizers import load_tokenizer

    folder = tmp_path_factory.mktemp("wide") / "wide"
    build(make_config("bert", vocab_size=ROWS, max_position_embeddings=64)).save_pretrained(folder)
    load_tokenizer(str(tiny_encoder)).save_pretrained(folder)
    return folder


def parallel(folder: Path) -> Path:
    """Write parallel sentences of the invented languages."""
    stream, rows = random.Random(0), ["\t".join(LEXICON)]
    for _ in range(24):
        chosen = [(tag, stream.randrange(3)) for tag in ("NOUN", "VERB", "NOUN", "NOUN")]
        sides = ([words[tag][n % len(words[tag])] for tag, n in chosen] for words in LEXICON.values())
        rows.append("\t".join(" ".join(side) for side in sides))
    file = folder / "parallel.tsv"
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


def taken_in(folder: Path) -> set[str]:
    """Return the shortcuts that fits and runs say they took."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*/*/record.json")]
    notes = [note for record in records for note in record["node"]["shortcuts"].items()]
    return {name for name, what in notes if not what.startswith("refused")}


def _records(study: Study, folder: Path, shortcuts: str) -> pd.DataFrame:
    run(study, folder, device="cpu", shortcuts=shortcuts, checkpoint_seconds=1e9)
    return load_records(folder)


def test_records_by_all_shortcuts_are_those_of_the_plain_way(
    treebanks: Path, wide_encoder: Path, tmp_path: Path
) -> None:
    study = make_study(
        treebanks,
        wide_encoder,
        sources=["aa"],
        seeds=[0],
        ablations=ABLATIONS,
        training={"epochs": 2, "learning_rate": 1e-3, "batch_size": 8, "weight_decay": 0.1},
        measures={"names": ["cka", "change"], "parallel": str(parallel(tmp_path)), "languages": ["cc"]},
    )
    plain, fast = (
        _records(study, tmp_path / name, way) for name, way in (("plain", "none"), ("fast", "all"))
    )
    assert taken_in(tmp_path / "plain") == set()
    # Fits are stacked on a GPU alone.
    assert taken_in(tmp_path / "fast") == set(SHORTCUTS) - {"cohorts"}
    both = plain.merge(fast, on=KEY, how="outer", suffixes=("", "_fast"), indicator=True)
    assert set(both["_merge"]) == {"both"}
    scores = both["split"] == "test"
    unlike = both[scores & (both["value"] != both["value_fast"])]
    # One word may be read otherwise where two labels are equally likely; such a word is rare.
    assert len(unlike) <= 2, unlike[[*KEY, "ablation", "value", "value_fast"]]
    np.testing.assert_allclose(both["value"], both["value_fast"], atol=0.02)
    measured = both[~scores]
    np.testing.assert_allclose(measured["value"], measured["value_fast"], atol=1e-3)
    assert (both["n"] == both["n_fast"]).all()
