"""Fits with a frozen prefix that train on states which are computed once."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import Freeze, Reset, Skip, Unfreeze
from layerlab.analysis.records.tidy import load_records
from layerlab.finetuning import step
from layerlab.finetuning.prefix.kept_states import StateFiles
from layerlab.models.forward import ResumableForward
from layerlab.nodes.store.store import Store
from layerlab.study.directory.pruning import prune
from layerlab.study.study import Study
from tests.fixtures.studies import make_study, run

NOTE = "states after the embeddings and {} layers, computed once"


def frozen(layers: str) -> Freeze:
    return Freeze(f"embeddings{layers and ','}{layers}", dropout=False)


ABLATIONS = (
    Ablation("words", before=(frozen(""),)),
    Ablation("lower", before=(frozen("0-1"),)),
    Ablation("lower-rewound", before=(frozen("0-1"),), after=(Reset("2", to="pretrained"),)),
    Ablation("lower-damaged", before=(frozen("0-1"),), after=(Reset("0", seed=4),)),
    Ablation("skipping", before=(frozen("0-2"), Skip("1"))),
    Ablation("all", before=(frozen("all"),)),
)
REFUSED = {
    "noisy": Ablation("noisy", before=(Freeze("embeddings,0-1"),)),
    "embeddings": Ablation("embeddings", before=(Freeze("0-1", dropout=False),)),
    "thawing": Ablation("thawing", before=(frozen("0-1"),), during=(Timed(0.5, Unfreeze("1")),)),
}


def study_of(treebanks: Path, encoder: Path, ablations: tuple[Ablation, ...], **changes: Any) -> Study:
    training = {"epochs": 2, "learning_rate": 5e-3, "batch_size": 8, **changes}
    return make_study(
        treebanks, encoder, ablations=ablations, seeds=[0], targets=["aa", "bb"], training=training
    )


@pytest.fixture(scope="module")
def frozen_study(treebanks: Path, tiny_encoder: Path) -> Study:
    return study_of(treebanks, tiny_encoder, ABLATIONS)


@pytest.fixture(scope="module")
def plain(frozen_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the plain way."""
    folder = tmp_path_factory.mktemp("plain")
    run(frozen_study, folder, shortcuts="none")
    return folder


def records(folder: Path, kind: str) -> dict[str, dict[str, Any]]:
    return {path.parent.name: json.loads(path.read_text()) for path in folder.glob(f"{kind}s/*/record.json")}


def notes(folder: Path, kind: str) -> dict[str, str]:
    """Return what each node says of the shortcut, by its title or ablation."""
    found = records(folder, kind).values()
    return {
        str(one[kind].get("ablation", one[kind].get("title"))): one["node"]["shortcuts"].get("frozen-states")
        for one in found
    }


def same_results(one: Path, other: Path) -> None:
    """Check that fits have the same losses and weights within rounding, and runs the same scores."""
    first, second = records(one, "fit"), records(other, "fit")
    assert first.keys() == second.keys()
    for fit_id, record in first.items():
        here, there = record["node"]["history"], second[fit_id]["node"]["history"]
        assert [epoch["loss"] for epoch in here] == pytest.approx(
            [epoch["loss"] for epoch in there], rel=1e-4
        )
        assert [epoch["dev"] for epoch in here] == [epoch["dev"] for epoch in there]
        files = [folder / "fits" / fit_id / "model" / "model.safetensors" for folder in (one, other)]
        weights, others = map(load_file, files)
        for name, weight in weights.items():
            torch.testing.assert_close(weight, others[name], rtol=1e-3, atol=1e-5)
    pd.testing.assert_frame_equal(load_records(one), load_records(other))


def test_fits_on_kept_states_are_those_of_the_plain_way(
    frozen_study: Study, plain: Path, tmp_path: Path
) -> None:
    run(frozen_study, tmp_path, shortcuts="frozen-states")
    same_results(plain, tmp_path)
    taken = notes(tmp_path, "run")
    assert taken == {
        "words": NOTE.format(0),
        "lower": NOTE.format(2),
        "lower-rewound": NOTE.format(2),
        "lower-damaged": None,
        "skipping": NOTE.format(3),
        "all": NOTE.format(4),
    }
    assert set(notes(tmp_path, "fit").values()) == {NOTE.format(level) for level in (0, 2, 3, 4)}
    assert set(notes(plain, "fit").values()) == {None}


def test_a_fit_on_kept_states_that_is_stopped_goes_on(
    frozen_study: Study, plain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its checkpoint is read with or without the shortcut, and lost states are computed again."""
    take, left = step.take_step, iter(range(15))

    def stop(*given: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt("stopped")
        return take(*given)

    monkeypatch.setattr("layerlab.finetuning.loop.take_step", stop)
    with pytest.raises(KeyboardInterrupt, match="stopped"):
        run(frozen_study, tmp_path, checkpoint_seconds=0)
    monkeypatch.undo()
    assert list(tmp_path.glob("work/*/checkpoint.safetensors"))
    shutil.rmtree(tmp_path / "cache")
    run(frozen_study, tmp_path)
    assert any(one["node"]["resumed_at"] for one in records(tmp_path, "fit").values())
    same_results(plain, tmp_path)


def test_states_are_computed_once_and_from_the_level_below(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces: list[tuple[int, int]] = []
    run_layers = ResumableForward.run

    def note(self: ResumableForward, *given: Any, start: int = 0, stop: int | None = None) -> Any:
        if stop is not None and given[0]["input_ids"].numel() > 15:  # a look at dropout takes a few words
            pieces.append((start, stop))
        return run_layers(self, *given, start=start, stop=stop)

    monkeypatch.setattr(ResumableForward, "run", note)
    study = study_of(treebanks, tiny_encoder, (ABLATIONS[1], ABLATIONS[5]), epochs=1)
    run(study, tmp_path, shortcuts="frozen-states")
    # Train, dev and two tests are a batch each.
    assert pieces == [(0, 2)] * 4 + [(2, 4)] * 4
    for kind in ("fits", "runs"):
        shutil.rmtree(tmp_path / kind)
    pieces.clear()
    run(study, tmp_path, shortcuts="frozen-states")
    assert not pieces
    prune(Store(tmp_path), ())
    assert not (tmp_path / "cache").exists()


def test_what_cannot_be_kept_is_refused_with_the_reason(
    treebanks: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    run(study_of(treebanks, tiny_encoder, tuple(REFUSED.values()), epochs=1), tmp_path)
    assert set(notes(tmp_path, "fit").values()) == {
        "refused: frozen layers keep their dropout; freeze with dropout: false",
        "refused: the embeddings are not frozen",
        "refused: unfreeze 1 changes the frozen layers at 0.5",
    }
    assert not (tmp_path / "cache").exists()


def test_the_longest_unused_states_make_room(tmp_path: Path) -> None:
    kept = StateFiles(tmp_path, room=1150)  # of files of 328 bytes
    for key, when in (("a", 3), ("b", 1), ("c", 2)):
        with kept.writing(key, (10, 5)) as out:
            out[:] = when
        os.utime(tmp_path / f"{key}.npy", (when, when))
    with kept.writing("d", (10, 5)) as out:
        out[:] = 4
    assert [path.stem for path in sorted(tmp_path.iterdir())] == ["a", "c", "d"]
    found = kept.open("a")
    assert found is not None
    assert found.tolist() == [[3.0] * 5] * 10
    with pytest.raises(RuntimeError, match="stopped"), kept.writing("e", (10, 5)):
        raise RuntimeError("stopped")
    assert kept.open("e") is None
