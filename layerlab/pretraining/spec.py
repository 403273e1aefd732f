"""What a pretraining is: architecture, corpora, tokenizer, masking, optimisation; a value read from YAML."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from layerlab.errors import Problem, StudyError, unknown

_STRICT = ConfigDict(frozen=True, extra="forbid")


class Architecture(BaseModel):
    """A model to be made from a config, never from a checkpoint.

    Attributes:
        model_type: The architecture's name in transformers, such as ``bert`` or ``modernbert``.
        options: What to set in its config; vocabulary size and special token ids come from the tokenizer.
    """

    model_config = _STRICT

    model_type: str
    options: dict[str, Any] = {}


class Parallel(BaseModel):
    """Parallel text on which part of the sequences train (translation language modelling).

    Attributes:
        corpora: Language to one ``.tsv`` (id TAB text), also as ``.xz``; equal ids are translations. The
            spec's ``drop`` holds for it too.
        share: Fraction of the sequences that are drawn from it.
    """

    model_config = _STRICT

    corpora: dict[str, Path] = Field(min_length=2)
    share: float = Field(default=0.5, gt=0, lt=1)


class PretrainingSpec(BaseModel):
    """One masked-LM pretraining; two equal specs over equal files give equal encoders on one thread.

    Attributes:
        name: What the encoder is called.
        architecture: The model to make.
        corpora: Language to its files: ``.txt`` (one paragraph a line) or ``.tsv`` (id TAB text), each also
            as ``.xz``.
        parallel: Parallel text, if part of the sequences hold a text's translations side by side; None for
            masked LM on one language at a time.
        grown_from: Folder of an encoder to start from, with its tokenizer: of the same depth, or of a
            divisor of it, when its layers are split; None to start from random weights.
        drop: Language to the ids left out of its ``.tsv`` files; ``Ps`` and ``Gen.3`` drop all below them.
        vocab_size: Pieces of the joint WordPiece vocabulary, special tokens included.
        alphabet: Characters that get pieces of their own, the most frequent ones; others become ``[UNK]``.
        tokenizer_chars: Characters of each language, evenly spread over its files, that train the tokenizer.
        lowercase: Whether the tokenizer lower-cases and strips accents.
        sampling_exponent: A language of n tokens is drawn with probability proportional to n to this power.
        sequence_length: Tokens in a packed sequence, ``[CLS]`` included.
        batch_sequences: Sequences in a step.
        mask_rate: Fraction of the ordinary tokens to be predicted.
        learning_rate: Peak rate of AdamW.
        weight_decay: Decoupled decay of the matrices; biases and norms have none.
        warmup_steps: Steps over which the rate climbs from 0; then it falls linearly to 0.
        steps: Optimiser steps.
        held_out_sequences: Sequences of each language, evenly spaced, that are never trained on.
        evaluate_every: Steps between held-out losses; the last step always has one.
        seed: Seed of weights, order, masks and dropout.
    """

    model_config = _STRICT

    name: str
    architecture: Architecture
    corpora: dict[str, tuple[Path, ...]] = Field(min_length=1)
    parallel: Parallel | None = None
    grown_from: Path | None = None
    drop: dict[str, tuple[str, ...]] = {}
    vocab_size: int = Field(default=12_000, ge=16)
    alphabet: int = Field(default=3_000, ge=1)
    tokenizer_chars: int = Field(default=3_000_000, ge=1)
    lowercase: bool = False
    sampling_exponent: float = Field(default=0.7, ge=0, le=1)
    sequence_length: int = Field(default=128, ge=8)
    batch_sequences: int = Field(default=20, ge=1)
    mask_rate: float = Field(default=0.2, gt=0, lt=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_steps: int = Field(default=500, ge=0)
    steps: int = Field(ge=1)
    held_out_sequences: int = Field(default=32, ge=1)
    evaluate_every: int = Field(default=1_000, ge=1)
    seed: int = Field(default=0, ge=0)

    @field_validator("corpora", mode="before")
    @classmethod
    def _one_file_is_a_list(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        return {key: [files] if isinstance(files, str | Path) else files for key, files in value.items()}

    @field_validator("corpora")
    @classmethod
    def _files_given(cls, value: dict[str, tuple[Path, ...]]) -> dict[str, tuple[Path, ...]]:
        for language, files in value.items():
            if not files:
                raise ValueError(f"language {language!r} has no file; expected at least one")
        return value

    @model_validator(mode="after")
    def _drop_names_languages(self) -> PretrainingSpec:
        known = {*self.corpora, *(self.parallel.corpora if self.parallel else ())}
        for language in self.drop:
            if language not in known:
                raise ValueError(f"drop: {unknown('language', language, known)}")
        return self

    @model_validator(mode="after")
    def _no_language_named_parallel(self) -> PretrainingSpec:
        if self.parallel is not None and "parallel" in self.corpora:
            raise ValueError("corpora: 'parallel' is what the parallel text is called; rename the language")
        return self

    def canonical(self) -> str:
        """Return the spec as JSON with sorted keys, the form in which two specs are compared."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


def read_spec(path: str | Path) -> PretrainingSpec:
    """Read a spec from a YAML 1.2 file; relative corpus paths are relative to the file's folder.

    Raises:
        StudyError: Every mistake of the file at once, with its line.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError

    path = Path(path)
    if not path.is_file():
        raise StudyError([Problem("", f"no such file: {path}")], where=str(path))
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else None
        raise StudyError([Problem("", str(error.problem), line)], where=str(path)) from error
    if not isinstance(tree, Mapping):
        raise StudyError([Problem("", f"expected a mapping, got {type(tree).__name__}")], where=str(path))
    try:
        spec = PretrainingSpec.model_validate(_plain(tree))
    except ValidationError as error:
        raise StudyError([_problem(detail, tree) for detail in error.errors()], where=str(path)) from error
    return _below(spec, path.parent)


def _below(spec: PretrainingSpec, folder: Path) -> PretrainingSpec:
    """Return the spec with its relative paths below ``folder``."""
    update: dict[str, Any] = {
        "corpora": {key: tuple(folder / file for file in files) for key, files in spec.corpora.items()}
    }
    if spec.parallel is not None:
        files = {key: folder / file for key, file in spec.parallel.corpora.items()}
        update["parallel"] = spec.parallel.model_copy(update={"corpora": files})
    if spec.grown_from is not None:
        update["grown_from"] = folder / spec.grown_from
    return spec.model_copy(update=update)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(item) for item in value]
    return value


def _problem(detail: Any, tree: Any) -> Problem:
    """Turn one of pydantic's complaints into a path, a message with what was got, and a line."""
    location = [str(part) for part in detail["loc"]]
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        owners: dict[str, type[BaseModel]] = {"architecture": Architecture, "parallel": Parallel}
        owner = owners.get(location[0], PretrainingSpec)
        message = unknown("key", location[-1], owner.model_fields)
    elif detail["type"] not in {"missing", "value_error"}:
        message = f"{message}; got {detail['input']!r}"
    return Problem(".".join(location), message, _line(tree, detail["loc"]))


def _line(tree: Any, location: Sequence[str | int]) -> int | None:
    line = None
    for part in location:
        try:
            line = int(tree.lc.data[part][0]) + 1
            tree = tree[part]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line
