"""Which fits have a frozen prefix, and why others have none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from transformers import PreTrainedModel

from layerlab.ablation.ablation import Timed
from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Freeze, Intervention, Rate, Reset, Selection, intervention
from layerlab.finetuning.prefix.frozen_prefix import FrozenCase, FrozenStates
from layerlab.finetuning.prefix.kept_states import StateFiles, prefix_parts
from layerlab.models.encoder import Encoder
from layerlab.tasks.task import get_task

WHOLE = Freeze("embeddings,all", dropout=False)
LOWER = Freeze("embeddings,0-1", dropout=False)


def case_of(
    model: PreTrainedModel, before: Sequence[Intervention], during: Sequence[Timed] = (), **changes: Any
) -> FrozenCase:
    for item in before:
        apply(item, model)
    return FrozenCase(before, during, Encoder(model), **{"task": get_task("upos"), **changes})


def test_the_prefix_ends_at_the_first_layer_that_learns(model: PreTrainedModel) -> None:
    case = case_of(model, [Freeze("embeddings,0", dropout=False), Freeze("1,3", dropout=False)])
    assert case.level == 2
    reason = FrozenStates().refuses(case)
    assert bool(reason) == reason.startswith("layers share weights") == bool(case.encoder.anatomy.shared)


def test_the_last_layer_is_computed_below_a_norm_that_learns(
    checkpoint: Callable[..., Path], load: Callable[[Path], PreTrainedModel]
) -> None:
    levels = {name: case_of(load(checkpoint(name)), [WHOLE]).level for name in ("bert", "modernbert")}
    assert levels == {"bert": 4, "modernbert": 3}


def test_reasons(bert: PreTrainedModel) -> None:
    @intervention("rename")
    class Rename:
        layers: Selection

        def weights(self, encoder: Any, donors: Any) -> dict[str, Any]:
            return {}

    class Mean:
        name, head_input = "mean", "all"

    late, refuses = Timed(0.5, Reset("1", to="pretrained")), FrozenStates().refuses
    fine = case_of(bert, [LOWER], [Timed(0.5, Reset("2", to="pretrained")), Timed(0.1, Rate("1", 0.5))])
    assert refuses(fine) == ""
    encoder, task = fine.encoder, fine.task
    assert refuses(FrozenCase([LOWER], [late], encoder, task)) == "reset 1 changes the frozen layers at 0.5"
    assert refuses(FrozenCase([LOWER, Rename("3")], [], encoder, task)) == "Rename may change what is frozen"
    assert "several processes" in refuses(FrozenCase([LOWER], [], encoder, task, 2))
    assert "states of padding" in refuses(FrozenCase([LOWER], [], encoder, Mean()))  # type: ignore[arg-type]
    parts_alone = Freeze("embeddings,0", dropout=False), Freeze("1", dropout=False, components=("ffn",))
    assert FrozenCase(parts_alone, [], encoder, task).level == 1


def test_states_are_told_apart_by_the_weights_below_them(bert: PreTrainedModel) -> None:
    encoder = Encoder(bert)
    before = prefix_parts(encoder, 3)
    apply(Reset("1", seed=0), bert)
    after = prefix_parts(encoder, 3)
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False, True]
    bert.config.name_or_path = "elsewhere"
    assert prefix_parts(encoder, 1) == after[:2]


def test_what_is_too_large_is_not_kept(tmp_path: Path) -> None:
    kept = StateFiles(tmp_path / "not" / "there", room=100)
    assert kept.has_room(100)
    assert not kept.has_room(101)
    assert not StateFiles(tmp_path, room=1 << 60).has_room(1 << 59)
    with pytest.raises(RuntimeError, match="stopped"), kept.writing("a", (2, 2)):
        raise RuntimeError("stopped")
    assert not list(tmp_path.rglob("*.npy"))
