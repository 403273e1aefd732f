from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from layerlab.report.page.about import About
from layerlab.report.page.study_facts import machine_facts, settings_facts

Make = Callable[..., pd.DataFrame]

NODES = pd.DataFrame(
    {
        "kind": ["fit", "fit", "run", "run"],
        "seconds": ["60", "120", "5.5", "4.5"],
        "device": ["NVIDIA H100", "NVIDIA H100", "NVIDIA H100", ""],
        "n_steps": ["100", "250", "", ""],
        "python": ["3.11.7"] * 4,
        "version_torch": ["2.13.0", "2.13.0", "2.12.0", ""],
        "git_commit": ["abc", "abc", "abc", ""],
    }
)


def test_settings_are_told_from_the_records_and_the_study_file(synthetic: Make) -> None:
    settings = {"training": {"epochs": 3, "learning_rate": 2e-5}, "data": {"root": "data/ud"}}
    frame = synthetic(n_layers=4, targets=("de", "fr"), seeds=(0, 1, 2, 5))
    facts = dict(settings_facts(frame, About(settings, planned=14, complete=12)))
    assert facts["Tasks"] == "UPOS (accuracy; test split)"
    assert facts["Seeds"] == "0-2, 5 (n = 4)"
    assert facts["Runs"] == "12 over 4 fine-tunings, of 14 planned"
    assert facts["Ablations"] == "none, reset(0-1)@before, reset(2-3)@before"
    assert facts["Items scored"] == "UPOS: de 5,000, fr 5,100, en 5,200"
    assert facts["Training"] == "epochs 3; learning rate 2e-05"
    assert facts["Data"] == "root data/ud"
    assert "Measures by layer" not in facts


def test_records_alone_are_enough(synthetic: Make) -> None:
    facts = dict(settings_facts(synthetic(n_layers=4), About()))
    assert facts["Runs"] == "9 over 3 fine-tunings"
    assert not {"Data", "Training"} & set(facts)
    assert machine_facts(pd.DataFrame()) == []


def test_cost_hardware_and_versions_are_told_from_the_nodes() -> None:
    facts = dict(machine_facts(NODES))
    assert facts["Hardware"] == "NVIDIA H100"
    assert facts["Fine-tunings"] == "2 in 3 min 00 s, 1 min 30 s each"
    assert facts["Evaluations"] == "2 in 10.0 s, 5.0 s each"
    assert facts["Time in all"] == "3 min 10 s, summed over processes"
    assert facts["Optimiser steps a fit"] == "100 to 250"
    assert facts["Versions"] == "Python 3.11.7, torch 2.13.0, 2.12.0"
    assert facts["Commit"] == "abc"
