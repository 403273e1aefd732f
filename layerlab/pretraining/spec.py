"""What a pretraining is: architecture, corpora, tokenizer, masking, optimisation; a value read from YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from layerlab.config import apply_overrides, read_yaml
from layerlab.errors import StudyError, unknown
from layerlab.extensions import import_modules
from layerlab.files import leaves_folder
from layerlab.models.stored.bundled import bundled_folder
from layerlab.pretraining.factors.abilities import Separating, Tokenizing
from layerlab.pretraining.factors.anchors import ANCHORS, Anchors
from layerlab.pretraining.factors.factor import Surroundings, check_together, read_factors
from layerlab.pretraining.factors.parallel import PARALLEL, Parallel
from layerlab.pretraining.probes import Probes
from layerlab.pretraining.text.texts import ArtificialText, ControlledText, HubText, Text, placed
from layerlab.validation import validate

T = TypeVar("T")
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
# Fields without effect on the encoder; they may change when a pretraining goes on.
WITHOUT_EFFECT: Final = frozenset({"imports", "probes", "evaluate_every", "keep_at"})
#: More steps than any pretraining takes, and seeds whose streams fit in 64 bits.
MOST_STEPS: Final = 10**9
SEEDS: Final = 2**44
# Factors that have a key of a spec to themselves, in the order of their streams.
OWN_FACTORS: Final = (PARALLEL, ANCHORS)


class Architecture(BaseModel):
    """A model to be made from a config, never from a checkpoint.

    Attributes:
        model_type: The architecture's name in transformers, such as ``bert`` or ``modernbert``.
        options: What to set in its config; vocabulary size and special token ids come from the tokenizer.
        layer_parameters: Parameters of all layers together; the width is then the one that comes nearest, so
            that depths are compared at equal size (K et al. 2020). None for the width of the options.
    """

    model_config = _STRICT

    model_type: str
    options: dict[str, Any] = {}
    layer_parameters: int | None = Field(default=None, ge=1)


class PretrainingSpec(BaseModel):
    """One masked-LM pretraining; two equal specs over equal files give equal encoders on one thread.

    Attributes:
        name: Name of the encoder.
        architecture: The model to make.
        corpora: Language to its texts: files ``.txt`` (one paragraph a line) or ``.tsv`` (id TAB text), each
            also as ``.xz``; ``{hub: id, config: ..., split: ..., column: ...}`` for a data set of the Hub;
            ``{controlled: avin, sentences: 100000, seed: 0}`` for a controlled language, which may have a
            ``domain``; and ``{artificial: [inverted], of: ...}`` for a text made artificial.
        parallel: Parallel text, if part of the sequences hold a text's translations side by side; None for
            masked LM on one language at a time.
        anchors: Running text with words of another language in it, if part of the sequences hold such; None
            if not.
        imports: Modules to import first, which register factors.
        factors: Registered factors by name, each with its fields; see :func:`layerlab.register_factor`.
        amount: Language to the fraction of its paragraphs that are used, evenly spread; all by default.
        ratio: Language to its weight among the sequences, such as ``{en: 3, fr: 1}``; empty for what
            ``sampling_exponent`` says.
        grown_from: Encoder to start from, with its tokenizer: a folder, or the name of one that comes with
            layerlab, of the same depth or of a divisor of it; None to start from random weights.
        growth: A deeper encoder ``split``s the layers of the one it starts from, or ``stack``s fresh ones on
            top of them.
        drop: Language to the ids left out of its ``.tsv`` files; ``Ps`` and ``Gen.3`` drop all below them.
        tokenizer: ``wordpiece`` or ``unigram``; one for all languages.
        vocab_size: Pieces of the joint vocabulary, special tokens included.
        alphabet: Characters that get pieces of their own, the most frequent ones; others become ``[UNK]``.
        tokenizer_chars: Characters of each language, evenly spread over its files, that train the tokenizer.
        lowercase: Whether the tokenizer lower-cases and strips accents.
        sampling_exponent: A language of n tokens is drawn with probability proportional to n to this power.
        sequence_length: Tokens in a packed sequence, ``[CLS]`` included.
        batch_sequences: Sequences in a step.
        mask_rate: Fraction of the ordinary tokens to be predicted.
        random_replacement: Of the tokens to be predicted, those that another one stands in for; 80% are
            masked, the rest stay. 0 for none (Dufter and Schütze 2020).
        learning_rate: Peak rate of AdamW.
        weight_decay: Decoupled decay of the matrices; biases and norms have none.
        warmup_steps: Steps over which the rate climbs from 0; then it falls linearly to 0.
        steps: Optimiser steps.
        held_out_sequences: Sequences of each language, evenly spaced, that are never trained on.
        evaluate_every: Steps between held-out losses; the last step always has one.
        keep_at: Steps after which the encoder is kept, in ``kept/`` beside the last one; a study names it by
            ``{pretraining: spec.yaml, step: 1000}``.
        probes: Parallel sentences on which alignment is measured at regular steps; None for no probes.
        seed: Seed of weights, order, masks and dropout.
        precision: ``fp32``, ``bf16`` for mixed precision, or ``auto``: bf16 where a GPU has it, else fp32.
        accumulate: Parts into which a step's sequences are cut to save memory; the gradient is of them all.
    """

    model_config = _STRICT

    name: str
    architecture: Architecture
    corpora: dict[str, tuple[Text, ...]] = Field(min_length=1)
    parallel: Parallel | None = None
    anchors: Anchors | None = None
    imports: tuple[str, ...] = ()
    factors: dict[str, Any] = {}
    amount: dict[str, Annotated[float, Field(gt=0, le=1)]] = {}
    ratio: dict[str, Annotated[float, Field(gt=0)]] = {}
    grown_from: Path | None = None
    growth: Literal["split", "stack"] = "split"
    drop: dict[str, tuple[str, ...]] = {}
    tokenizer: Literal["wordpiece", "unigram"] = "wordpiece"
    vocab_size: int = Field(default=12_000, ge=16)
    alphabet: int = Field(default=3_000, ge=1)
    tokenizer_chars: int = Field(default=3_000_000, ge=1)
    lowercase: bool = False
    sampling_exponent: float = Field(default=0.7, ge=0, le=1)
    sequence_length: int = Field(default=128, ge=8)
    batch_sequences: int = Field(default=20, ge=1)
    mask_rate: float = Field(default=0.2, gt=0, lt=1)
    random_replacement: float = Field(default=0.1, ge=0, le=0.2)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_steps: int = Field(default=500, ge=0)
    steps: int = Field(ge=1, le=MOST_STEPS)
    held_out_sequences: int = Field(default=32, ge=1)
    evaluate_every: int = Field(default=1_000, ge=1)
    keep_at: tuple[Annotated[int, Field(ge=1, le=MOST_STEPS)], ...] = ()
    probes: Probes | None = None
    seed: int = Field(default=0, ge=0, lt=SEEDS)
    precision: Literal["fp32", "bf16", "auto"] = "fp32"
    accumulate: int = Field(default=1, ge=1)

    @field_validator("corpora", mode="before")
    @classmethod
    def _one_text_is_a_list(cls, value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        one = (str, Path, Mapping, HubText, ControlledText, ArtificialText)
        return {key: [texts] if isinstance(texts, one) else texts for key, texts in value.items()}

    @field_validator("name")
    @classmethod
    def _stays_in_its_folder(cls, value: str) -> str:
        if not value.strip() or leaves_folder(value):
            raise ValueError("expected a name that becomes a folder below encoders/")
        return value

    @field_validator("corpora")
    @classmethod
    def _files_given(cls, value: dict[str, tuple[Any, ...]]) -> dict[str, tuple[Any, ...]]:
        for language, files in value.items():
            if not language.strip() or leaves_folder(language):
                raise ValueError(f"language {language!r}: expected a name that becomes a file's")
            if not files:
                raise ValueError(f"language {language!r} has no file; expected at least one")
        return value

    @field_validator("imports", mode="before")
    @classmethod
    def _one_module_is_a_list(cls, value: object) -> object:
        return [value] if isinstance(value, str) else value

    @field_validator("imports")
    @classmethod
    def _imported(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if problems := import_modules(value):
            raise ValueError("; ".join(problem.message for problem in problems))
        return value

    @field_validator("factors", mode="before")
    @classmethod
    def _factors_are_known(cls, value: object) -> dict[str, BaseModel]:
        return read_factors(value, OWN_FACTORS)

    @model_validator(mode="after")
    def _parts_fit_together(self) -> PretrainingSpec:
        around = self.surroundings()
        read = [language for factor in around.factors.values() for language in factor.files(around)]
        known = {*self.corpora, *read}
        for language in self.drop:
            if language not in known:
                raise ValueError(f"drop: {unknown('language', language, known)}")
        check_together(around)
        apart = [name for name, factor in around.factors.items() if isinstance(factor, Separating)]
        if len(apart) > 1:
            raise ValueError(f"{' and '.join(apart)}: each says what is separate; keep one of them")
        for name, languages in (("amount", self.amount), ("ratio", self.ratio)):
            for language in languages:
                if language not in self.corpora:
                    raise ValueError(f"{name}: {unknown('language', language, self.corpora)}")
        if lacking := [language for language in self.corpora if self.ratio and language not in self.ratio]:
            raise ValueError(f"ratio: expected a weight for each language; there is none for {lacking[0]}")
        if late := [step for step in self.keep_at if step > self.steps]:
            raise ValueError(f"keep_at: step {late[0]} is after the last one, {self.steps}")
        own = [name for name, factor in around.factors.items() if isinstance(factor, Tokenizing)]
        if own and (len(own) > 1 or self.grown_from is not None):
            rest = ["grown_from"] if self.grown_from is not None else []
            raise ValueError(
                f"{' and '.join([*own, *rest])}: each says what the vocabulary is; keep one of them"
            )
        return self

    def surroundings(self) -> Surroundings:
        """Return what factors can ask of the spec, with all its factors."""
        own = {name: getattr(self, name) for name in OWN_FACTORS}
        factors = {name: factor for name, factor in {**own, **self.factors}.items() if factor is not None}
        return Surroundings(tuple(self.corpora), self.drop, self.seed, factors, self.corpora)

    @property
    def separate(self) -> Separating | None:
        """The factor by which languages have parameters of their own; None where they share all."""
        found = [factor for factor in self.factors.values() if isinstance(factor, Separating)]
        return found[0] if found else None

    def fixed_shares(self) -> dict[str, float]:
        """Return the share of all sequences that each factor's stream has."""
        factors = self.surroundings().streaming.values()
        return {name: share for factor in factors for name, share in factor.streams().items()}

    def mask_rates(self) -> dict[str, float]:
        """Return the mask rate of each stream: of the languages, then of the factors."""
        rates = dict.fromkeys(self.corpora, self.mask_rate)
        for factor in self.surroundings().streaming.values():
            rates |= dict.fromkeys(factor.streams(), factor.mask_rate or self.mask_rate)
        return rates

    def canonical(self) -> str:
        """Return the spec as JSON with sorted keys, the form in which two specs are compared."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)


def read_spec(path: str | Path, overrides: Iterable[str] = ()) -> PretrainingSpec:
    """Read a spec from a YAML 1.2 file; relative paths are relative to the file's folder.

    Raises:
        StudyError: Every mistake of the file at once, with its line.
    """
    path = Path(path)
    plain, lines = read_yaml(path, "pretraining spec")
    problems = apply_overrides(plain, overrides, lines)
    spec, mistakes = validate(PretrainingSpec, plain, lines=lines)
    problems += mistakes
    if problems or spec is None:
        raise StudyError(problems, where=str(path))
    return _below(spec, path.parent)


def with_paths(value: T, place: Callable[[Path], Path]) -> T:
    """Return a value, such as a spec, with all the paths in it put elsewhere."""
    moved: Any = value
    if isinstance(value, Path | HubText | ControlledText):
        moved = placed(value, place)
    elif isinstance(value, BaseModel):
        fields = {name: with_paths(getattr(value, name), place) for name in type(value).model_fields}
        moved = value.model_copy(update=fields)
    elif isinstance(value, Mapping):
        moved = {key: with_paths(part, place) for key, part in value.items()}
    elif isinstance(value, tuple):
        moved = tuple(with_paths(part, place) for part in value)
    return cast(T, moved)


def _below(spec: PretrainingSpec, folder: Path) -> PretrainingSpec:
    """Return the spec with its relative paths below ``folder``, and a bundled encoder by its folder."""
    below = with_paths(spec, lambda path: folder / path)
    if below.grown_from is None or below.grown_from.is_dir():
        return below
    return below.model_copy(update={"grown_from": bundled_folder(str(spec.grown_from)) or below.grown_from})
