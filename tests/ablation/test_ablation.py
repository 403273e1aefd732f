from __future__ import annotations

import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Freeze, Reset, Scale, Skip, Swap, Unfreeze
from layerlab.errors import SelectionError, StudyError


@pytest.mark.parametrize(
    ("ablation", "name", "phase", "kind", "layers", "first", "last"),
    [
        (Ablation.none(), "none", "none", "none", "", None, None),
        (Ablation(before=(Reset("0-1"),)), "reset(0-1)@before", "before", "reset", "0-1", 0, 1),
        (
            Ablation(after=(Reset("3", to="pretrained"),)),
            "reset(3, to=pretrained)@after",
            "after",
            "reset",
            "3",
            3,
            3,
        ),
        (
            Ablation(during=(Timed(0.5, Freeze("0-5", dropout=False)),)),
            "freeze(0-5, dropout=False)@during:0.5",
            "during",
            "freeze",
            "0-5",
            0,
            5,
        ),
        (
            Ablation(before=(Reset("embeddings"),)),
            "reset(embeddings)@before",
            "before",
            "reset",
            "embeddings",
            -1,
            -1,
        ),
        (
            Ablation(
                before=(Reset("0-1"), Freeze("1-3")), after=(Skip("7", components=("attention", "ffn")),)
            ),
            "reset(0-1)@before + freeze(1-3)@before + skip(7, components=attention+ffn)@after",
            "mixed",
            "mixed",
            "0-3,7",
            0,
            7,
        ),
        (
            Ablation(after=(Swap("0", donor=FitDonor(source="fr", seed=1)),)),
            "swap(0, donor=fit(source=fr, seed=1))@after",
            "after",
            "swap",
            "0",
            0,
            0,
        ),
        (Ablation("mine", after=(Scale("2", factor=0.5),)), "mine", "after", "scale", "2", 2, 2),
    ],
)
def test_an_ablation_says_what_it_is(
    ablation: Ablation, name: str, phase: str, kind: str, layers: str, first: int | None, last: int | None
) -> None:
    assert (ablation.name, ablation.phase, ablation.kind) == (name, phase, kind)
    assert (ablation.layers, ablation.first_layer, ablation.last_layer) == (layers, first, last)


@pytest.mark.parametrize(
    ("ablation", "donor"),
    [
        (Ablation.none(), ""),
        (Ablation(before=(Reset("0"),)), ""),
        (Ablation(after=(Swap("first:2", donor=FitDonor(source="ru")),)), "0-1: fit(source=ru)"),
        (
            Ablation(
                "mixed",
                before=(Swap("2", donor="pretrained", from_layers="3"),),
                after=(Swap("0", donor=FitDonor(task="ner"), components=("attention", "ffn")),),
            ),
            "2: pretrained, from_layers=3; 0: fit(task=ner), components=attention+ffn",
        ),
        (Ablation(after=(Scale("2", factor=0.5, donor="pretrained"),)), "2: pretrained, factor=0.5"),
    ],
)
def test_an_ablation_says_whose_weights_go_where(ablation: Ablation, donor: str) -> None:
    assert ablation.resolve(4).donor == donor


def test_resolving_makes_selections_canonical_and_keeps_the_name() -> None:
    ablation = Ablation(
        before=(Reset("last:2"),), during=(Timed(0.1, Unfreeze("all")),), after=(Skip("1,0"),)
    )
    resolved = ablation.resolve(4)
    assert (
        resolved.name == ablation.name == "reset(last:2)@before + unfreeze(all)@during:0.1 + skip(1,0)@after"
    )
    assert [str(item.layers) for item in resolved.interventions] == ["2-3", "0-3", "0-1"]
    assert resolved.resolve(4) == resolved
    assert Ablation.none().resolve(4) == Ablation.none()
    with pytest.raises(SelectionError, match="no layer 5"):
        Ablation(before=(Reset("5"),)).resolve(4)


def test_lists_and_single_interventions_are_taken() -> None:
    expected = Ablation(before=(Reset("0"),), during=(Timed(0, Freeze("0")),))
    assert Ablation(before=[Reset("0")], during=Timed(0, Freeze("0"))) == expected  # type: ignore[arg-type]
    assert len({expected, Ablation(before=(Reset("0"),), during=(Timed(0.0, Freeze("0")),))}) == 1


def test_interventions_in_the_wrong_phase_are_refused() -> None:
    with pytest.raises(
        StudyError, match=r"after\[0\]: freeze makes no sense after fine-tuning; it belongs before or"
    ):
        Ablation(after=(Freeze("0"),))
    with pytest.raises(StudyError, match=r"before\[1\]: unfreeze .* it belongs during it"):
        Ablation(before=(Freeze("0"), Unfreeze("0")))
    with pytest.raises(StudyError, match=r"during\[0\]: expected Timed\(at, intervention\), got Freeze"):
        Ablation(during=(Freeze("0"),))  # type: ignore[arg-type]
    with pytest.raises(StudyError, match=r"before\[0\]: only during has a time"):
        Ablation(before=(Timed(0.5, Freeze("0")),))  # type: ignore[arg-type]


def test_a_time_is_one_number_however_it_is_written() -> None:
    whole = Timed(0, Freeze("0"))
    assert type(whole.at) is float
    assert repr(whole) == repr(Timed(0.0, Freeze("0")))


@pytest.mark.parametrize("at", [-0.1, 1.0, 1, "0.5", True, float("nan")])
def test_a_time_is_a_fraction(at: float) -> None:
    with pytest.raises(StudyError, match=r"expected a fraction of the steps in \[0, 1\), got"):
        Timed(at, Freeze("0"))


def test_the_name_none_is_the_baselines_alone() -> None:
    with pytest.raises(StudyError, match="'none' is the baseline"):
        Ablation("none", before=(Reset("0"),))
    with pytest.raises(StudyError, match="'plain' does nothing; the baseline is called 'none'"):
        Ablation("plain")
    assert Ablation() == Ablation.none()
