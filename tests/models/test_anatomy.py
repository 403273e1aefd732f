from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig, AutoModel, PreTrainedModel

from layerlab.errors import ArchitectureError
from layerlab.models import anatomy
from layerlab.models.anatomy import Anatomy, anatomy_of, known_types, register_anatomy
from layerlab.models.encoder import Encoder

MPNET = Anatomy(
    "encoder.layer",
    shared=("encoder.relative_attention_bias",),
    top=("pooler",),
    attention=("attention",),
    ffn=("intermediate", "output"),
    attention_output="attention.attn.o",
    ffn_output="output.dense",
)


@pytest.fixture
def own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is forgotten after it."""
    monkeypatch.setattr(anatomy, "_ANATOMIES", dict(anatomy._ANATOMIES))


def build(config: Any) -> PreTrainedModel:
    auto: Any = AutoModel
    made: PreTrainedModel = auto.from_config(config)
    return made


def tiny(model_type: str, **options: Any) -> PreTrainedModel:
    sizes = {"vocab_size": 30, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"intermediate_size": 20, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    config: Any = AutoConfig.for_model(model_type, **{**sizes, **options})
    return build(config)


def test_albert_is_refused_because_its_layers_share_weights(tmp_path: Path) -> None:
    model = tiny("albert", embedding_size=8)
    with pytest.raises(
        ArchitectureError, match="'albert' cannot be ablated by layer: its layers share one set"
    ):
        Encoder(model)
    model.save_pretrained(tmp_path)
    with pytest.raises(ArchitectureError, match="share one set of weights"):
        Encoder.from_pretrained(str(tmp_path))


def test_xlm_is_refused_because_it_has_no_layer_modules() -> None:
    model = build(
        AutoConfig.for_model(
            "xlm",
            vocab_size=30,
            emb_dim=16,
            n_layers=2,
            n_heads=2,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    with pytest.raises(ArchitectureError, match="'xlm' cannot be ablated by layer: .* parallel lists"):
        Encoder(model)


def test_an_unknown_type_lists_the_known_ones_and_shows_how_to_register() -> None:
    with pytest.raises(
        ArchitectureError, match=r"did you mean 'bert'\? Known: .*xlm-roberta.*register_anatomy\('bart'"
    ):
        anatomy_of("bart")


@pytest.mark.usefixtures("own_registry")
def test_a_registered_architecture_works() -> None:
    model = tiny("mpnet")
    with pytest.raises(ArchitectureError, match="unknown model type 'mpnet'"):
        Encoder(model)
    register_anatomy("mpnet", MPNET)
    assert "mpnet" in known_types()
    assert Encoder(model).n_layers == 2
    assert (
        next(iter(Encoder(model).parameters("1", "attention"))) == "encoder.layer.1.attention.attn.q.weight"
    )


@pytest.mark.usefixtures("own_registry")
def test_components_of_an_anatomy_without_them_are_refused() -> None:
    register_anatomy("mpnet", Anatomy("encoder.layer", shared=MPNET.shared, top=MPNET.top))
    encoder = Encoder(tiny("mpnet"))
    assert encoder.parameters("0")
    with pytest.raises(ArchitectureError, match="'mpnet' names no attention and ffn"):
        encoder.parameters("0", "attention")


@pytest.mark.usefixtures("own_registry")
def test_a_parameter_without_an_owner_is_refused() -> None:
    register_anatomy("mpnet", Anatomy("encoder.layer", top=("pooler",)))
    with pytest.raises(ArchitectureError, match=r"relative_attention_bias.weight .* belongs to no part"):
        Encoder(tiny("mpnet"))


@pytest.mark.usefixtures("own_registry")
def test_a_parameter_with_two_owners_is_refused() -> None:
    register_anatomy("mpnet", Anatomy("encoder.layer", shared=("encoder",), top=("pooler",)))
    with pytest.raises(ArchitectureError, match="belongs to 0 and shared"):
        Encoder(tiny("mpnet"))


@pytest.mark.usefixtures("own_registry")
def test_a_path_without_layers_is_refused() -> None:
    register_anatomy("mpnet", Anatomy("encoder.layers"))
    with pytest.raises(ArchitectureError, match=r"no module 'encoder.layers'"):
        Encoder(tiny("mpnet"))


def test_another_depth_than_the_configuration_says_is_refused(bert: PreTrainedModel) -> None:
    bert.config.num_hidden_layers = 7
    with pytest.raises(
        ArchitectureError, match="has 4 modules under 'encoder.layer', its configuration says 7"
    ):
        Encoder(bert)


def test_a_known_type_is_not_redefined() -> None:
    register_anatomy("bert", anatomy_of("bert"))
    with pytest.raises(ArchitectureError, match="'bert' has another anatomy already"):
        register_anatomy("bert", Anatomy("layers"))


def test_values_are_importable_without_torch() -> None:
    code = (
        "import sys; import layerlab.models.layers, layerlab.models.anatomy; "
        "import layerlab.ablation.interventions, layerlab.ablation.ablation; "
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
