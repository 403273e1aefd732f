from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Freeze, Reset, Skip, Swap
from layerlab.ablation.sweep import Sweep, Swept, sweep
from layerlab.errors import SelectionError, StudyError
from layerlab.models.layers import Layers


def test_a_sweep_makes_one_ablation_per_window() -> None:
    ablations = [*sweep("before", Reset, windows=2)]
    assert len(ablations) == 1
    assert ablations[0].expand(4) == (Ablation(before=(Reset("0-1"),)), Ablation(before=(Reset("2-3"),)))
    assert [a.layers for a in sweep("after", Skip)[0].expand(3)] == ["0", "1", "2"]
    assert [a.layers for a in sweep("after", Skip, windows=2, stride=1)[0].expand(4)] == ["0-1", "1-2", "2-3"]


def test_options_and_times_are_passed_on() -> None:
    (rewind,) = sweep("after", Reset, to="pretrained", components=("ffn",))
    assert rewind.expand(1) == (Ablation(after=(Reset("0", to="pretrained", components="ffn"),)),)
    (freeze,) = sweep("during", Freeze, at=0.25)
    assert freeze.expand(1) == (Ablation(during=(Timed(0.25, Freeze("0")),)),)
    (swapped,) = sweep("after", Swap, donor="folder")
    assert swapped.expand(1)[0].interventions == (Swap("0", donor="folder"),)


@pytest.mark.parametrize(
    ("donor", "plain"),
    [(FitDonor(source="de"), {"source": "de"}), (Path("fits/a"), "fits/a"), ("pretrained", "pretrained")],
)
def test_options_are_kept_as_plain_values(donor: Any, plain: Any) -> None:
    (swept,) = sweep("after", Swap, donor=donor, from_layers=Layers("0"), components="ffn")
    assert swept.entries[0].options == {"donor": plain, "from_layers": "0", "components": ["ffn"]}
    assert swept.expand(1)[0].after == (Swap("0", donor=donor, from_layers="0", components="ffn"),)


def test_one_sweep_has_one_form() -> None:
    assert sweep("before", Reset, to="random", seed=None) == sweep("before", Reset)
    assert sweep("during", Freeze, at=0)[0].entries[0].at.__class__ is float


def test_several_interventions_are_swept_together_and_some_may_stay() -> None:
    entries = (
        Swept("before", "reset"),
        Swept("before", "freeze"),
        Swept("after", "skip", {"layers": "last:1"}),
    )
    made = Sweep(2, None, entries, "scrambled").expand(4)
    assert [ablation.name for ablation in made] == ["scrambled(0-1)", "scrambled(2-3)"]
    assert made[1].before == (Reset("2-3"), Freeze("2-3"))
    assert made[1].after == (Skip("last:1"),)


def test_mistakes_show_before_the_sweep_is_expanded() -> None:
    with pytest.raises(StudyError, match="freeze makes no sense after"):
        sweep("after", Freeze)
    with pytest.raises(StudyError, match="unknown key 'sede'; did you mean 'seed'"):
        sweep("before", Reset, sede=1)
    with pytest.raises(StudyError, match="unknown phase 'befor'; did you mean 'before'"):
        sweep("befor", Reset)
    with pytest.raises(StudyError, match=r"expected Timed\(at, intervention\)"):
        sweep("during", Freeze)
    with pytest.raises(StudyError, match="leave out `layers` of at least one entry"):
        sweep("before", Reset, layers="0")
    with pytest.raises(SelectionError, match="window of 5 layers does not fit"):
        sweep("before", Reset, windows=5)[0].expand(4)


def test_its_ablations_say_which_sweep_they_belong_to() -> None:
    automatic = sweep("after", Reset, windows=2, to="pretrained")[0].expand(4)
    assert {one.sweep for one in automatic} == {"reset(to=pretrained)@after"}
    named = Sweep(entries=(Swept("before", "reset"),), name="wipe")
    assert [(one.name, one.sweep) for one in named.expand(2)] == [("wipe(0)", "wipe"), ("wipe(1)", "wipe")]
    kept = Sweep(entries=(Swept("before", "freeze", {"layers": "0-1"}), Swept("after", "reset")))
    assert {one.resolve(4).sweep for one in kept.expand(4)} == {"freeze(0-1)@before + reset@after"}
    assert Ablation("lower half", before=(Reset("0-1"),)).sweep == ""
    assert Ablation.none().sweep == ""
