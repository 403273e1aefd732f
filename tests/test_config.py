from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from layerlab.config import apply_overrides, line_of, parse_yaml, read_yaml
from layerlab.errors import StudyError


def read(text: str) -> dict[str, Any]:
    return parse_yaml(text, "study file", "here")[0]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("2e-5", 2e-5),
        ("010", 10),
        ("0x1F", 31),
        ("1_000", 1000),
        (".5", 0.5),
        ("true", True),
        ("~", None),
        ("", None),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("2024-01-01", "2024-01-01"),
        ("12:30", "12:30"),
        ("[1, a]", [1, "a"]),
        ("{1: a, true: b}", {"1": "a", "true": "b"}),
    ],
)
def test_values_are_those_of_yaml_1_2(text: str, value: object) -> None:
    assert read(f"a: {text}") == {"a": value}


def test_aliases_and_merged_keys_are_written_out_and_own_keys_go_first() -> None:
    plain, lines = parse_yaml("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3\ne: *x", "file", "here")
    assert plain == {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}, "e": {"b": 1, "c": 2}}
    assert line_of(lines, ("d", "c")) == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: !langs [sl]", "line 1: a: YAML tag !langs is not known; leave it out"),
        ("a: 1\nb: {c: !x 1}", "line 2: b.c: YAML tag !x is not known"),
        ("a: !!python/object:os.system ls", "line 1: a: YAML tag !!python/object:os.system is not known"),
        ("a: !!set {b, c}", "YAML tag !!set is not known"),
        ("a: !x {b: 1}", "YAML tag !x is not known"),
        ("a: !x", "YAML tag !x is not known"),
        ("a: .inf", r"a: expected a finite number, or null .*; got .inf"),
        ("a: [1, -.INF]", r"a\[1\]: expected a finite number, .*; got -.INF"),
        ("a: .nan", "got .nan"),
        ("a: 1e400", "got 1e400"),
        ("a: " + "9" * 5000, "cannot be read as int"),
        ("a: !!int x", "cannot be read as int: 'x'"),
        ("a: 1\nb: 2\na: 3", "line 3: a: the key is there twice; first on line 1"),
        ("a: {b: 1, b: 2}", "a.b: the key is there twice"),
        ("? [1, 2]\n: 3", "a list or mapping is no key; expected text"),
        ("a: {<<: 3}", "expected a mapping to merge, got 3"),
        ('a: "\\ud83d"', r"a: expected whole characters, got text with a lone surrogate \(U\+D83D\)"),
        ("a: &a [*a]", "not YAML: an alias stands for a part that it is in itself"),
        ("a: *b", "line 1: not YAML: found undefined alias 'b'"),
        ("[" * 1000, "not YAML: nested too deeply"),
        ("a: 1\n b: 2", "line 2: not YAML"),
        ("a: \x01", "not YAML"),
        ("a: 1\n---\nb: 2", "not YAML"),
        ("- 1", "a study file holds `key: value` pairs; got a list"),
        ("", "got nothing"),
        ("text", "got 'text'"),
    ],
)
def test_what_cannot_be_read_is_said_with_line_and_path(text: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        read(text)


def test_aliases_of_aliases_are_not_written_out_without_end() -> None:
    lines = ["a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 9)]
    with pytest.raises(StudyError, match="its aliases stand for more than 100,000 values"):
        read("\n".join(lines))


def test_all_that_cannot_be_read_is_said_at_once() -> None:
    with pytest.raises(StudyError, match="3 problems"):
        read("a: !x 1\nb: .inf\nc: {d: 1, d: 2}")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a: \xe9", r"not UTF-8 \(byte 0xe9\)"),
        ("a: 1".encode("utf-16"), "UTF-16 text; expected UTF-8"),
        (b"a: \0", "holds a NUL character"),
    ],
)
def test_a_file_that_is_no_text_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "study.yaml").write_bytes(data)
    with pytest.raises(StudyError, match=message):
        read_yaml(tmp_path / "study.yaml", "study file")


def test_a_folder_is_no_study_file(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="no such study file"):
        read_yaml(tmp_path, "study file")


def test_what_is_set_has_no_line_of_the_file() -> None:
    plain, lines = parse_yaml("a:\n  b: {c: 1}\n  d: 2", "file", "here")
    assert apply_overrides(plain, ["a.b={c: 3}"], lines) == []
    assert plain == {"a": {"b": {"c": 3}, "d": 2}}
    assert line_of(lines, ("a", "b", "c")) == 0
    assert line_of(lines, ("a", "d")) == 3


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("a.b=.inf", "--set a.b: expected a finite number"),
        ("a.b=!x 1", "YAML tag !x is not known"),
        ("a.b=[", "the value is not YAML"),
        ("a.b=" + "[" * 1000, "nested too deeply"),
        ("=1", "expected path=value"),
        (".=1", "expected path=value"),
        ("a", "expected path=value"),
    ],
)
def test_a_value_that_cannot_be_set_is_a_problem(override: str, message: str) -> None:
    (problem,) = apply_overrides({"a": {"b": 1}}, [override])
    assert message in str(problem)
