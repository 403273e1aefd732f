"""Which word-pieces languages share is a factor; text is cut as before, and ids say what is shared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForMaskedLM

from layerlab.errors import CheckpointError, StudyError
from layerlab.models.tokenizers import load_tokenizer, load_tokenizers
from layerlab.pretraining.identity import identity_of_pretraining
from layerlab.pretraining.material import Material, prepare
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from layerlab.pretraining.text.union import pieces_of
from tests.fixtures.pretrainings import write_spec

#: The same letters and punctuation in both, so that there is something to share.
TEXTS = {"xa": "lomir petak tasin .", "xb": "tamir lopek sitan ."}


def with_vocabulary(spec: PretrainingSpec, value: Any, **changes: Any) -> PretrainingSpec:
    plain = spec.model_dump(mode="json") | {"factors": {"vocabulary": value}} | changes
    return PretrainingSpec.model_validate(plain)


@pytest.fixture
def alike(spec: PretrainingSpec, tmp_path: Path) -> PretrainingSpec:
    """Two languages of the same letters."""
    files = {language: tmp_path / f"{language}.txt" for language in TEXTS}
    for language, file in files.items():
        words = TEXTS[language].split()
        rows = (" ".join(words[n % 3 :] + words[: n % 3] + words) for n in range(160))
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return spec.model_copy(update={"corpora": {key: (file,) for key, file in files.items()}})


def share(fraction: float) -> dict[str, Any]:
    return {"form": "separate", "share": fraction}


def shared_pieces(material: Material) -> set[str]:
    """Return the pieces that are one and the same in both languages."""
    one, other = (material.tokenizers.of(language).get_vocab() for language in TEXTS)
    return {piece for piece, number in one.items() if other.get(piece) == number and " " not in piece}


@pytest.mark.parametrize("kind", ["wordpiece", "unigram"])
@pytest.mark.parametrize("form", ["separate", "none"])
def test_text_is_cut_as_by_a_tokenizer_of_the_language_alone(
    alike: PretrainingSpec, tmp_path: Path, form: str, kind: str
) -> None:
    material = prepare(with_vocabulary(alike, form, tokenizer=kind), tmp_path / "out")
    for language in TEXTS:
        alone = alike.model_copy(
            update={"corpora": {language: alike.corpora[language]}, "tokenizer": kind, "vocab_size": 42}
        )
        expected = prepare(alone, tmp_path / f"{language}").tokenizer
        own = material.tokenizers.of(language)
        for text in (TEXTS[language], "lomirta , petak", "ж"):
            assert own.tokenize(text) == expected.tokenize(text)


def test_nothing_is_shared_without_anchors_and_equal_strings_with_separate_ones(
    alike: PretrainingSpec, tmp_path: Path
) -> None:
    special = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    none = prepare(with_vocabulary(alike, "none"), tmp_path / "none")
    separate = prepare(with_vocabulary(alike, "separate"), tmp_path / "separate")
    assert shared_pieces(none) == special
    both = {language: set(pieces_of(separate.tokenizers.of(language))) for language in TEXTS}
    equal = {piece for piece in both["xa"] & both["xb"] if " " not in piece}
    assert shared_pieces(separate) == special | equal
    assert len(none.tokenizer) == len(separate.tokenizer) + len(equal)
    ids = {key: set(none.packed[key].train.ravel().tolist()) for key in TEXTS}
    assert max(ids["xa"] & ids["xb"]) < len(special)


def test_a_share_of_the_anchors_lies_between_and_a_larger_one_holds_a_smaller_one(
    alike: PretrainingSpec, tmp_path: Path
) -> None:
    found = [
        shared_pieces(prepare(with_vocabulary(alike, value), tmp_path / str(number)))
        for number, value in enumerate(["none", share(0.3), share(0.7), "separate"])
    ]
    assert found[0] < found[1] < found[2] < found[3]


def test_the_joint_vocabulary_is_the_default_and_each_other_form_has_an_identity(
    spec: PretrainingSpec,
) -> None:
    forms: list[Any] = ["separate", "none", share(0.25), share(0.5)]
    joint = with_vocabulary(spec, "joint")
    assert joint == spec.model_copy(update={"corpora": joint.corpora})
    assert identity_of_pretraining(joint) == identity_of_pretraining(spec)
    others = [str(identity_of_pretraining(with_vocabulary(spec, form))) for form in forms]
    assert len({str(identity_of_pretraining(spec)), *others}) == 5
    for same, form in ((share(1), "separate"), (share(0), "none")):
        assert with_vocabulary(spec, same) == with_vocabulary(spec, form)


def test_the_encoder_says_which_tokenizer_each_language_has(spec: PretrainingSpec, tmp_path: Path) -> None:
    folder = pretrain(with_vocabulary(spec, "none"), tmp_path / "out", threads=1)
    state = load_tokenizers(str(folder))
    assert state.of("xa").get_vocab() != state.of("xb").get_vocab()
    rows = AutoModelForMaskedLM.from_pretrained(folder).get_input_embeddings().weight.shape[0]
    assert rows == len(state.of("xa")) == len(state.of("xb"))
    with pytest.raises(CheckpointError, match=r"of its languages \(xa, xb\)"):
        load_tokenizer(str(folder))
    card = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert "a vocabulary of its own: no piece is of two languages" in card


def test_a_killed_pretraining_goes_on_with_the_tokenizers_that_it_had(
    spec: PretrainingSpec, tmp_path: Path
) -> None:
    own = with_vocabulary(spec, "separate")
    whole = pretrain(own, tmp_path / "whole", threads=1)
    for stop in (5, None):
        pretrain(own, tmp_path / "parts", threads=1, stop_after=stop)
    names = ("model.safetensors", "languages.json", "languages/xb/tokenizer.json")
    for name in names:
        assert (whole / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()
    (tmp_path / "parts/state/languages/xa/tokenizer.json").write_text("{}", encoding="utf-8")
    with pytest.raises(CheckpointError, match="languages/xa/tokenizer.json is not what was written"):
        pretrain(own, tmp_path / "parts", threads=1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"factors": {"vocabulary": "shared"}}, "vocabulary.form"),
        ({"factors": {"vocabulary": {"form": "none", "share": 0.5}}}, "share is of vocabularies that are"),
        (
            {"factors": {"vocabulary": "none"}, "parallel": {"corpora": {"xa": "a.tsv", "xb": "b.tsv"}}},
            "parallel adds words of another language to a text",
        ),
        ({"factors": {"vocabulary": "none"}, "grown_from": "parent"}, "vocabulary and grown_from: each says"),
    ],
)  # fmt: skip
def test_vocabularies_that_cannot_be_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        read_spec(write_spec(tmp_path / "spec.yaml", **changes))
