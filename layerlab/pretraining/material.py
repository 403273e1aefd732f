"""What a pretraining trains on, made once and kept in its folder: tokenizer and packed sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from layerlab.errors import CheckpointError, DamagedCheckpointError, DataError, LayerlabError
from layerlab.files import digest_file, read_json, replacing, write_json, write_text
from layerlab.languages.corpora.generate import find_world
from layerlab.languages.family import find_family, find_language
from layerlab.languages.world.scenes import open_frame
from layerlab.models.by_language.manifest import FOLDER
from layerlab.models.by_language.tokenizers import languages_with_tokenizers, save_tokenizers
from layerlab.models.tokenizers import Tokenizers
from layerlab.pretraining.checkpoint import STATE
from layerlab.pretraining.factors.abilities import Rewriting, Texts, Tokenizing
from layerlab.pretraining.spec import WITHOUT_EFFECT, PretrainingSpec
from layerlab.pretraining.text.corpus import (
    Packed,
    Tokens,
    check_corpora,
    encode,
    hold_out,
    measure_text,
    pack,
)
from layerlab.pretraining.text.texts import ControlledText, innermost, paragraphs_of
from layerlab.pretraining.text.tokenizer import spread, thinned, train_tokenizer
from layerlab.pretraining.text.unigram import SPECIAL_TOKENS
from layerlab.training.events import Report, silent
from layerlab.validation import validate

# Digests of what is made once, in its folder.
_SUMS: Final = "sums.json"


@dataclass(frozen=True)
class Material:
    """Tokenizer and sequences.

    Attributes:
        tokenizers: The joint tokenizer, or one for each language.
        packed: Language to its sequences.
        n_tokens: Language to the size of its stream, separators included.
    """

    tokenizers: Tokenizers
    packed: dict[str, Packed]
    n_tokens: dict[str, int]

    @property
    def tokenizer(self) -> Any:
        """The joint tokenizer, or the first language's: all have the same ids and special tokens."""
        return self.tokenizers.common


def prepare(spec: PretrainingSpec, folder: Path, report: Report = silent) -> Material:
    """Train the tokenizer and encode the corpora, or read what an earlier start left in ``folder/state``.

    Raises:
        DataError: A corpus that is missing, unreadable or too small.
        CheckpointError: ``folder`` holds a pretraining of another spec.
        DamagedCheckpointError: What it left there is not what was written.
    """
    state = folder / STATE
    _check_same(spec, state / "spec.json")
    streams_of = (*spec.corpora, *spec.fixed_shares())
    files = {stream: state / f"{stream}.npy" for stream in streams_of}
    # spec.json is written last: where it is, the rest is whole.
    if not (state / "spec.json").is_file():
        check_material(spec)
        state.mkdir(parents=True, exist_ok=True)
        (state / _SUMS).unlink(missing_ok=True)  # of a start that was killed just before its end
        _encode_all(spec, state, files, report)
    tokenizers, streams = _read_back(state, files)
    tokenizer: Any = tokenizers.common
    packed = {
        language: hold_out(
            pack(stream, spec.sequence_length, tokenizer.cls_token_id, tokenizer.sep_token_id),
            spec.held_out_sequences,
            language,
        )
        for language, stream in streams.items()
    }
    if not (state / "spec.json").is_file():
        sums = {path.relative_to(state).as_posix(): digest_file(path) for path in _made(state)}
        write_json(state / _SUMS, sums)
        write_text(state / "spec.json", spec.canonical())
    return Material(tokenizers, packed, {language: len(stream) for language, stream in streams.items()})


def check_material(spec: PretrainingSpec) -> None:
    """Check what can be checked of a spec's texts before any is read.

    Raises:
        DataError: Naming every file that is missing or of an unknown kind, or an unknown controlled language.
    """
    check_corpora(
        {
            key: [text for text in map(innermost, texts) if isinstance(text, Path)]
            for key, texts in spec.corpora.items()
        }
    )
    for language, texts in spec.corpora.items():
        for text in map(innermost, texts):
            if isinstance(text, ControlledText):
                try:
                    family, domain = find_family(text.family), text.spoken_domain
                    find_language(family, text.controlled)
                    if domain is not None:
                        open_frame(find_world(family), domain)
                except LayerlabError as error:
                    raise DataError(f"corpora: {language}: {error}") from error
    around = spec.surroundings()
    for factor in around.factors.values():
        factor.check_files(around)
    for language, texts in spec.corpora.items():
        _check_extent(spec, language, [text for text in texts if isinstance(text, Path)], len(texts))


def _check_extent(spec: PretrainingSpec, language: str, files: Sequence[Path], n_texts: int) -> None:
    """Read the files of a language, and refuse less text than is to be held out.

    A token is at least a character; the space before a paragraph and the separator after it are two more.
    """
    extents = [measure_text(file, spec.drop.get(language, ())) for file in files]
    if len(files) < n_texts:
        return  # the rest is made, or is on the Hub
    n_tokens = sum(one.characters + 2 * one.paragraphs for one in extents)
    n_sequences = -(-n_tokens // (spec.sequence_length - 1))
    if not n_sequences:
        raise DataError(f"{language}: no text in {', '.join(map(str, files))}")
    if n_sequences < 2 * spec.held_out_sequences:
        raise DataError(
            f"{language}: at most {n_sequences:,} packed sequences, too few to hold out "
            f"{spec.held_out_sequences:,}; expected at least twice as many. Give more text or lower "
            "held_out_sequences"
        )


def language_paragraphs(spec: PretrainingSpec, language: str) -> list[str]:
    """Return the paragraphs of a language, text after text, as many as the spec's ``amount`` says.

    Raises:
        DataError: The language has no text.
    """
    drop, texts = spec.drop.get(language, ()), spec.corpora[language]
    paragraphs = [paragraph for text in texts for paragraph in paragraphs_of(text, drop)]
    if not paragraphs:
        raise DataError(f"{language}: no text in {', '.join(map(str, texts))}")
    return thinned(paragraphs, spec.amount.get(language, 1.0))


def _read_back(state: Path, files: Mapping[str, Path]) -> tuple[Tokenizers, dict[str, Tokens]]:
    """Read the tokenizers and the streams of tokens that were made."""
    from transformers import PreTrainedTokenizerFast

    sums = read_json(state / _SUMS, CheckpointError) if (state / _SUMS).is_file() else {}
    for name, digest in sums.items():
        if not (state / name).is_file() or digest_file(state / name) != digest:
            raise DamagedCheckpointError(state, f"{name} is not what was written")
    try:
        own = {
            language: PreTrainedTokenizerFast.from_pretrained(state / FOLDER / language)
            for language in languages_with_tokenizers(state)
        }
        tokenizers = Tokenizers(PreTrainedTokenizerFast.from_pretrained(state), own)
        return tokenizers, {language: np.load(file) for language, file in files.items()}
    except Exception as error:  # tokenizers raise nothing narrower
        raise DamagedCheckpointError(state, str(error)) from error


def _made(state: Path) -> list[Path]:
    """Return the files of a state that are written once."""
    there = (*state.iterdir(), *state.glob(f"{FOLDER}/*/*"))
    made = (path for path in sorted(there) if path.suffix in (".json", ".npy") and path.is_file())
    return [path for path in made if path.name != _SUMS]


def _check_same(spec: PretrainingSpec, file: Path) -> None:
    if not file.is_file():
        return
    try:
        plain = read_json(file, CheckpointError)
    except CheckpointError as error:
        raise DamagedCheckpointError(file.parent, str(error)) from error
    # Read as a spec, so that a field added since has its default.
    stored, problems = validate(PretrainingSpec, plain)
    if stored is None:
        raise DamagedCheckpointError(
            file.parent, f"{file.name} is no pretraining spec: {'; '.join(map(str, problems))}"
        )
    before = stored.model_dump(mode="json")
    now = spec.model_dump(mode="json")
    differing = [
        f"{key} was {before[key]!r}, is {now[key]!r}"
        for key in before
        if before[key] != now[key] and key not in WITHOUT_EFFECT
    ]
    if differing:
        raise CheckpointError(
            f"{file.parent.parent} holds a pretraining of another spec ({'; '.join(differing)}); "
            "give the spec that began it, or another folder"
        )


def _encode_all(spec: PretrainingSpec, state: Path, files: Mapping[str, Path], report: Report) -> None:
    texts = running_text(spec)
    tokenizers = _tokenizers(spec, texts, report)
    tokenizers.common.save_pretrained(state)
    if tokenizers.own:
        save_tokenizers(state, tokenizers.own)
    for name, file in files.items():
        report({"event": "preparing", "message": f"encoding {name}"})
        with replacing(file) as beside:
            np.save(beside, _stream(spec, name, texts, tokenizers))


def running_text(spec: PretrainingSpec) -> Texts:
    """Return the paragraphs of every language as they are trained on.

    Raises:
        DataError: A language has no text.
    """
    texts: Texts = {language: language_paragraphs(spec, language) for language in spec.corpora}
    around = spec.surroundings()
    for factor in around.factors.values():
        if isinstance(factor, Rewriting):
            texts = factor.rewrite(around, texts)
    return texts


def _stream(spec: PretrainingSpec, name: str, texts: Texts, tokenizers: Tokenizers) -> Tokens:
    if name in spec.corpora:
        return encode(texts[name], tokenizers.of(name))
    around = spec.surroundings()
    (factor,) = (factor for factor in around.streaming.values() if name in factor.streams())
    return factor.stream(name, around, texts, tokenizers.common)


def _tokenizers(spec: PretrainingSpec, texts: Texts, report: Report) -> Tokenizers:
    from transformers import PreTrainedTokenizerFast

    if spec.grown_from is not None:
        report({"event": "preparing", "message": f"taking the tokenizer of {spec.grown_from}"})
        return Tokenizers(PreTrainedTokenizerFast.from_pretrained(spec.grown_from))
    report({"event": "preparing", "message": "training the tokenizer"})

    def train(languages: Sequence[str], size: int) -> Any:
        return train_tokenizer(
            {language: spread(texts[language], spec.tokenizer_chars) for language in languages},
            size,
            alphabet=min(spec.alphabet, size - len(SPECIAL_TOKENS)),
            lowercase=spec.lowercase,
            max_length=spec.sequence_length,
            kind=spec.tokenizer,
        )

    around = spec.surroundings()
    for factor in around.factors.values():
        if isinstance(factor, Tokenizing):
            own = factor.tokenizers(around, train, spec.vocab_size)
            return Tokenizers(own[next(iter(spec.corpora))], own)
    return Tokenizers(train(tuple(texts), spec.vocab_size))
