from __future__ import annotations

import json

import pytest

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Freeze, Intervention, Permute, Reset, Scale, Skip, Swap
from layerlab.ablation.sweep import Sweep, Swept
from layerlab.analysis.effects.sweeps import NAMED
from layerlab.names import entry_words, metric_name, register_name, task_name
from layerlab.report.style.wording import sweep_words


@pytest.mark.parametrize(
    ("phase", "item", "words"),
    [
        ("before", Reset("0"), "RANDOM-INIT before fine-tuning"),
        ("before", Reset("0", init="torch", seed=3), "RANDOM-INIT before fine-tuning (init torch, seed 3)"),
        (
            "before",
            Reset("0", components=["attention", "ffn"]),
            "RANDOM-INIT before fine-tuning (attention and ffn)",
        ),
        ("before", Reset("0", to="pretrained"), "reset to the pretrained weights before fine-tuning"),
        ("after", Reset("0"), "re-randomised after fine-tuning"),
        ("after", Reset("0", to="pretrained"), "rewind after fine-tuning"),
        ("before", Freeze("0"), "frozen"),
        ("before", Freeze("0", dropout=False), "frozen without dropout"),
        ("after", Skip("0"), "skipped after fine-tuning"),
        ("after", Swap("0", donor="google/mbert"), "swapped after fine-tuning (donor google/mbert)"),
        (
            "after",
            Swap("0", donor=FitDonor(source="ru", seed=1)),
            "swapped after fine-tuning (donor fit of source ru, seed 1)",
        ),
        ("after", Permute("0-2", order=(2, 0, 1)), "permuted after fine-tuning (order 2 0 1)"),
        ("before", Scale("0", factor=0.5), "scaled before fine-tuning (factor 0.5)"),
    ],
)
def test_what_is_done_is_said_in_the_words_of_the_field(phase: str, item: Intervention, words: str) -> None:
    ablation = Ablation(before=(item,)) if phase == "before" else Ablation(after=(item,))
    assert sweep_words(ablation.sweep, [ablation.options]) == words


def test_several_interventions_are_said_in_their_order() -> None:
    during = (Timed(0.25, Freeze("0")), Timed(0.5, Reset("0", to="pretrained")))
    ablation = Ablation(before=(Reset("1"), Freeze("1")), during=during)
    assert sweep_words(ablation.sweep, [ablation.options]) == (
        "RANDOM-INIT before fine-tuning, then frozen, then frozen after 25% of fine-tuning, then rewind "
        "after 50% of fine-tuning"
    )


def test_what_stays_the_same_throughout_a_sweep_shows_its_layers() -> None:
    kept = Sweep(entries=(Swept("before", "freeze", {"layers": "0-1"}), Swept("after", "reset")))
    ablation = kept.expand(6)[3]
    assert sweep_words(ablation.sweep, [ablation.options]) == (
        "frozen (layers 0-1), then re-randomised after fine-tuning"
    )


@pytest.mark.parametrize("name", ["rewind", "deep + wide", "reset(to=pretrained)@after", NAMED, "a|b(0-1)"])
def test_a_name_is_never_read_whatever_it_looks_like(name: str) -> None:
    frozen = Ablation(name, before=(Freeze("0-1"),))
    assert sweep_words(name, [frozen.options]) == name
    assert sweep_words(name, [""]) == name


def test_names_may_be_registered_and_what_has_none_is_called_by_its_key() -> None:
    assert [task_name(task) for task in ("upos", "ner", "parsing", "my_task")] == [
        "UPOS", "NER", "parsing", "my_task",
    ]  # fmt: skip
    assert metric_name("my_metric") == "my_metric"
    entry = json.loads('{"phase": "after", "kind": "add_noise", "layers": "0"}')
    assert entry_words(entry) == "add noise after fine-tuning"
    register_name("intervention", "add_noise_here", "made noisy")
    assert entry_words(entry | {"kind": "add_noise_here"}) == "made noisy after fine-tuning"
