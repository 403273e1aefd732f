from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from layerlab.ablation.ablation import Ablation, Timed
from layerlab.ablation.interventions import FitDonor, Freeze, Permute, Reset, Scale, Skip, Swap, Unfreeze
from layerlab.ablation.sweep import Sweep, Swept, sweep
from layerlab.ablation.written import dump_ablation, read_ablation
from layerlab.errors import StudyError
from layerlab.models.layers import Layers

FORMS = [
    ("none", Ablation.none()),
    ("{before: [{reset: {layers: 0-1}}]}", Ablation(before=(Reset("0-1"),))),
    (
        "{name: gradual, before: [{freeze: {layers: all}}], "
        "during: [{at: 0.5, unfreeze: {layers: 'last:2'}}]}",
        Ablation("gradual", before=(Freeze("all"),), during=(Timed(0.5, Unfreeze("last:2")),)),
    ),
    (
        "{after: [{swap: {layers: [0, 1], donor: {source: no, seed: 1}}}, "
        "{skip: {layers: 3, components: ffn}}]}",
        Ablation(after=(Swap("0,1", donor=FitDonor(source="no", seed=1)), Skip("3", components="ffn"))),
    ),
]


@pytest.mark.parametrize(("text", "expected"), FORMS)
def test_each_form_is_read_and_written_back(text: str, expected: Ablation) -> None:
    assert read_ablation(YAML(typ="safe").load(text)) == expected
    assert read_ablation(dump_ablation(expected)) == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (
            "{sweep: {windows: 2}, before: [{reset: {to: random}}]}",
            ["reset(0-1)@before", "reset(2-3)@before"],
        ),
        ("{sweep: {windows: 2}, before: [{reset: }]}", ["reset(0-1)@before", "reset(2-3)@before"]),
        (
            "{name: rewind, sweep: {windows: 2, stride: 1}, after: [{reset: {to: pretrained}}]}",
            ["rewind(0-1)", "rewind(1-2)", "rewind(2-3)"],
        ),
        ("{sweep: {windows: 4}, during: [{at: 0.5, freeze: {dropout: false}}]}", None),
    ],
)
def test_sweeps_are_read_and_written_back(text: str, names: list[str] | None) -> None:
    found = read_ablation(YAML(typ="safe").load(text))
    assert isinstance(found, Sweep)
    expanded = found.expand(4)
    assert names is None or [ablation.name for ablation in expanded] == names
    again = read_ablation(dump_ablation(found))
    assert isinstance(again, Sweep)
    assert again.expand(4) == expanded


WRITTEN: list[Ablation | Sweep] = [
    *sweep("after", Swap, donor=FitDonor(source="de")),
    *sweep("after", Swap, windows=2, donor=Path("fits/de"), from_layers=Layers("last:2")),
    *sweep("during", Scale, at=0, factor=0.5, donor=FitDonor(task="ner", seed=1), components=("ffn", "norm")),
    Sweep(2, 1, (Swept("before", "reset"), Swept("after", "skip", {"layers": [0, 1]})), "both"),
    Ablation(after=(Swap("0", donor=FitDonor(source="de")), Scale("1", factor=0.5, donor="pretrained"))),
    Ablation("x", during=(Timed(0, Permute("0-1", order=(1, 0))),)),
]


@pytest.mark.parametrize("item", WRITTEN, ids=repr)
def test_what_was_made_in_python_goes_to_yaml_and_back(item: Ablation | Sweep) -> None:
    stream = io.StringIO()
    YAML(typ="safe").dump(dump_ablation(item), stream)
    assert read_ablation(YAML(typ="safe").load(stream.getvalue())) == item


@pytest.mark.parametrize(
    ("value", "mistakes"),
    [
        ("nome", [("", "expected `none`, ")]),
        (3, [("", "got 3")]),
        ({}, [("", "intervenes nowhere; the baseline is `none`")]),
        ({"before": []}, [("", "intervenes nowhere")]),
        (
            {"befor": [{"reset": {"layers": "0"}}]},
            [("befor", "unknown key 'befor'; did you mean 'before'")],
        ),
        ({"before": {"reset": {"layers": "0"}}}, [("before", "expected a list of interventions")]),
        ({"before": ["reset"]}, [("before[0]", "expected an intervention such as")]),
        (
            {"before": [{"reset": {"layers": "0"}, "skip": {"layers": "0"}}]},
            [("before[0]", "expected one intervention such as")],
        ),
        ({"before": [{"rset": {"layers": "0"}}]}, [("before[0]", "did you mean 'reset'")]),
        (
            {"after": [{"freeze": {"layers": "0"}}]},
            [
                (
                    "after[0].freeze",
                    "freeze makes no sense after fine-tuning; it belongs before or during it",
                )
            ],
        ),
        ({"during": [{"freeze": {"layers": "0"}}]}, [("during[0]", "`at` is missing")]),
        (
            {"during": [{"at": 1.5, "freeze": {"layers": "0"}}]},
            [("during[0].at", "expected a fraction of the steps in [0, 1), got 1.5")],
        ),
        (
            {"before": [{"at": 0.5, "freeze": {"layers": "0"}}]},
            [("before[0].at", "only entries of `during` have a time, this one is under `before`")],
        ),
        (
            {"sweep": {"window": 2}, "before": [{"reset": {}}]},
            [("sweep.window", "unknown key 'window'; did you mean 'windows'")],
        ),
        (
            {"sweep": 2, "before": [{"reset": {}}]},
            [("sweep", "expected a mapping such as {windows: 2}")],
        ),
        (
            {"sweep": {"windows": 0}, "before": [{"reset": {}}]},
            [("sweep.windows", "expected a number of layers of at least 1, got 0")],
        ),
        ({"sweep": {}, "before": [{"reset": {"layers": "0"}}]}, [("sweep", "leave out `layers`")]),
        ({"before": [{"reset": {}}]}, [("before[0].reset.layers", "missing; reset needs it")]),
        ({"name": "none", "before": [{"reset": {"layers": "0"}}]}, [("name", "'none' is the baseline")]),
        ({"name": 3, "before": [{"reset": {"layers": "0"}}]}, [("name", "expected text, got 3")]),
        (
            {
                "nam": "x",
                "before": [{"reset": {"layers": "-1", "sede": 0}}],
                "after": [{"unfreeze": {"layers": "0"}}],
            },
            [
                ("nam", "did you mean 'name'"),
                ("before[0].reset.layers", "write last:K"),
                ("before[0].reset.sede", "did you mean 'seed'"),
                ("after[0].unfreeze", "it belongs during it"),
            ],
        ),
    ],
)
def test_every_mistake_is_told_with_its_place(value: Any, mistakes: list[tuple[str, str]]) -> None:
    with pytest.raises(StudyError, match="problem") as caught:
        read_ablation(value)
    assert [problem.path for problem in caught.value.problems] == [path for path, _ in mistakes]
    for problem, (_, expected) in zip(caught.value.problems, mistakes, strict=True):
        assert expected in problem.message
