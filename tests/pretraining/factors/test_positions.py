"""Languages may have positions of their own, and parameters of their own beside vocabularies of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from layerlab.errors import ArchitectureError, StudyError
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import load_tokenizers
from layerlab.pretraining.identity import identity_of_pretraining
from layerlab.pretraining.model import build_views
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from tests.fixtures.pretrainings import write_spec


def changed(spec: PretrainingSpec, **changes: Any) -> PretrainingSpec:
    return PretrainingSpec.model_validate(spec.model_dump(mode="json") | changes)


def test_embeddings_of_positions_alone_are_a_languages_own(spec: PretrainingSpec) -> None:
    views = build_views(changed(spec, factors={"positions": "own"}), 80)
    assert views is not None
    assert views.own == {"bert.embeddings.position_embeddings.weight"}
    shared = changed(spec, factors={"positions": "shared"})
    assert identity_of_pretraining(shared) == identity_of_pretraining(spec)


@pytest.mark.parametrize("own", [{"positions": "own"}, {"separate": {"embeddings": True, "layers": "0"}}])
def test_parameters_and_vocabularies_by_language_are_one_checkpoint(
    spec: PretrainingSpec, tmp_path: Path, own: dict[str, Any]
) -> None:
    both = changed(spec, factors={"vocabulary": "none", **own}, keep_at=[3])
    folder = pretrain(both, tmp_path / "out", threads=1)
    for place in (folder, folder / "kept/3"):
        one, other = (Encoder.from_pretrained(str(place), language=language) for language in ("xa", "xb"))
        name = "embeddings.position_embeddings.weight"
        assert not torch.equal(one.base.get_parameter(name), other.base.get_parameter(name))
        tokenizers = load_tokenizers(str(place))
        assert tokenizers.of("xa").get_vocab() != tokenizers.of("xb").get_vocab()


def test_positions_that_cannot_be_are_refused(spec: PretrainingSpec, tmp_path: Path) -> None:
    options = {key: spec.architecture.options[key] for key in ("num_hidden_layers", "hidden_size")}
    modern = {"model_type": "modernbert", "options": {**options, "num_attention_heads": 2}}
    turned = changed(spec, factors={"positions": "own"}, architecture=modern)
    with pytest.raises(ArchitectureError, match="modernbert has no embeddings of positions"):
        build_views(turned, 80)
    both = {"positions": "own", "separate": {"layers": "0"}}
    with pytest.raises(StudyError, match="positions and separate: each says what is separate"):
        read_spec(write_spec(tmp_path / "spec.yaml", factors=both))
