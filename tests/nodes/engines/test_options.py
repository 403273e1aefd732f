"""Options of engines: from the command line or a file, every mistake by its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerlab.errors import StudyError
from layerlab.nodes.engines.on_ray.make import Ray
from layerlab.nodes.engines.options import choose_engine
from tests.fixtures.command_line import Call


def test_an_engine_has_its_name_and_options_in_a_file(tmp_path: Path) -> None:
    """Options of the command line go before those of the file."""
    path = tmp_path / "cluster.yaml"
    path.write_text("ray:\n  address: auto\n  gpus: 0.5\n  memory: 8GB\n", encoding="utf-8")
    chosen = {"address": "auto", "gpus": 0.25, "memory": 8_000_000_000, "resources": {"disk": 1}}
    assert choose_engine(str(path), ["gpus=0.25", "resources.disk=1"]) == Ray.model_validate(chosen)
    assert choose_engine("ray", ["address=ray://head:10001"]) == Ray(address="ray://head:10001")
    path.write_text("ray:\n", encoding="utf-8")
    assert choose_engine(str(path)) == Ray()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "ray: {gpu: 1}",
            r"line 1: ray\.gpu: unknown key 'gpu'; did you mean 'gpus'\? Known: address, cores",
        ),
        ("ray:\n  cores: 0", r"line 2: ray\.cores: expected at least 1, got 0"),
        ("rya: {}", "unknown engine 'rya'; did you mean 'ray'"),
        ("local: {cores: 2}", "engine 'local' has no options; got cores"),
        ("ray: 3", "expected the engine's options as `key: value`, got 3"),
        ("ray: {}\nlocal: {}", "expected one engine and below it its options, got ray, local"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        choose_engine(str(path))


def test_mistakes_on_the_command_line_are_named(study_file: Path, tmp_path: Path, call: Call) -> None:
    where = ("run", study_file, "--results", tmp_path / "r")
    for given, message in (
        (("--engine", "none.yaml"), "no such engine file: none.yaml"),
        (("--engine", "ray", "--engine-option", "gpus"), "--engine-option: expected path=value"),
        (("--engine", "local", "--address", "auto"), "engine 'local' has no options; got address"),
        (("--address", "auto"), "--engine is missing; got address=auto"),
    ):
        status, _, said = call(*where, *given)
        assert (status, message in said) == (2, True), said
    assert not (tmp_path / "r").exists()
