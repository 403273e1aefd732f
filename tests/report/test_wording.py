from __future__ import annotations

import pytest

from layerlab.report.style.wording import sweep_words, task_words


@pytest.mark.parametrize(
    ("sweep", "words"),
    [
        ("reset@before", "RANDOM-INIT before fine-tuning"),
        ("reset(init=torch, seed=3)@before", "RANDOM-INIT before fine-tuning (init torch, seed 3)"),
        (
            "reset(components=attention+ffn)@before",
            "RANDOM-INIT before fine-tuning (attention and ffn)",
        ),
        ("reset(to=pretrained)@before", "reset to the pretrained weights before fine-tuning"),
        ("reset@after", "re-randomised after fine-tuning"),
        ("reset(to=random)@after", "re-randomised after fine-tuning"),
        ("reset(to=pretrained)@after", "rewind after fine-tuning"),
        ("reset(to=pretrained)@during:0.5", "rewind after 50% of fine-tuning"),
        ("freeze@before", "frozen"),
        ("freeze(dropout=False)@before", "frozen without dropout"),
        ("freeze@during:0.25", "frozen after 25% of fine-tuning"),
        ("skip@after", "skipped after fine-tuning"),
        ("swap(donor=google/mbert)@after", "swapped after fine-tuning (donor google/mbert)"),
        (
            "swap(donor=fit(source=ru, seed=1))@after",
            "swapped after fine-tuning (donor fit of source ru, seed 1)",
        ),
        ("permute(order=2+0+1)@after", "permuted after fine-tuning (order 2 0 1)"),
        ("scale(factor=0.5)@before", "scaled before fine-tuning (factor 0.5)"),
        ("reset@before + freeze@before", "RANDOM-INIT before fine-tuning, then frozen"),
        ("add_noise@after", "add noise after fine-tuning"),
        ("rewind", "rewind"),
        ("deep + wide", "deep + wide"),
        ("named ablations", "named ablations"),
    ],
)
def test_sweeps_are_called_what_the_field_calls_them(sweep: str, words: str) -> None:
    assert sweep_words(sweep) == words


def test_only_abbreviations_of_tasks_are_changed() -> None:
    assert [task_words(task) for task in ("upos", "ner", "parsing", "my_task")] == [
        "UPOS", "NER", "parsing", "my_task",
    ]  # fmt: skip
