"""A checkpoint by language gives plain models that share every tensor but those of the language."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer

from layerlab.data.bitext import Bitext
from layerlab.data.catalog.corpus import DataSpec
from layerlab.errors import CheckpointError
from layerlab.measures.bitext_alignment import measure_alignment
from layerlab.measures.cka import cka
from layerlab.measures.states import sentence_states
from layerlab.models.by_language.views import load_view, save_views
from layerlab.models.checkpoints import digest_folder, find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.models.export import export_languages
from layerlab.models.tokenizers import load_tokenizer
from layerlab.nodes.kinds.probes import probe_models
from tests.fixtures.by_language import SPOKEN, make_views


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta", "modernbert", "distilbert", "electra"])
def test_what_is_loaded_gives_the_logits_that_were_saved(
    kind: str, tiny_config: Callable[..., Any], tmp_path: Path
) -> None:
    """Whatever names its softmax has: it is tied to the embeddings of its own language."""
    views = make_views(
        tiny_config(kind), ("en", "fr"), lambda name: "mbed" in name or ".0." in name, AutoModelForMaskedLM
    )
    save_views(tmp_path, views)
    ids = torch.arange(5, 15)[None]
    logits = {}
    for language, model in views.models.items():
        loaded = load_view(AutoModelForMaskedLM, tmp_path, language).eval()
        logits[language] = loaded(input_ids=ids).logits
        assert torch.equal(logits[language], model(input_ids=ids).logits)
    assert not torch.allclose(logits["en"], logits["fr"])


def test_languages_share_the_tensors_that_are_not_their_own(spoken: Path) -> None:
    encoder = Encoder.from_pretrained(str(spoken), language="aa")
    mine, other = (dict(encoder.speaking(name).base.named_parameters()) for name in ("aa", "cc"))
    assert {name for name in mine if mine[name] is not other[name]} == encoder.own
    assert encoder.own == {name for name in mine if "embeddings" in name or ".0." in name or ".1." in name}
    assert not torch.equal(
        mine["encoder.layer.0.output.dense.weight"], other["encoder.layer.0.output.dense.weight"]
    )


def test_a_target_is_read_by_the_parts_of_its_language(spoken: Path) -> None:
    encoder = Encoder.from_pretrained(str(spoken), language="aa:Treebank")
    assert encoder.language == "aa"
    assert encoder.speaking("aa-news") is encoder
    assert encoder.speaking("bb").language == "bb"
    assert encoder.speaking("bb").speaking("aa").base is encoder.base


def test_an_encoder_without_parts_by_language_speaks_every_language(tiny_encoder: Path) -> None:
    encoder = Encoder.from_pretrained(str(tiny_encoder), language="any language")
    assert encoder.speaking("another") is encoder
    assert (encoder.languages, encoder.own) == ((), frozenset())


@pytest.mark.parametrize(
    ("language", "message"),
    [
        (None, r"parts of its own for each of its languages \(bb, aa, cc\); give one"),
        ("fr", r"none for 'fr': unknown language 'fr'; Known: aa, bb, cc"),
    ],
)
def test_a_language_that_is_not_there_is_an_error(spoken: Path, language: str | None, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        Encoder.from_pretrained(str(spoken), language=language)


def test_transformers_does_not_take_it_for_a_plain_checkpoint(spoken: Path) -> None:
    """It would fill what is by language with random numbers."""
    with pytest.raises(OSError, match=r"no file named model\.safetensors"):
        AutoModel.from_pretrained(spoken)


def test_it_is_known_by_its_languages_and_the_weights_of_each(spoken: Path, tmp_path: Path) -> None:
    found = find_checkpoint(str(spoken))
    assert (found.languages, found.n_layers) == (SPOKEN, 4)
    changed = shutil.copytree(spoken, tmp_path / "changed")
    assert digest_folder(changed) == found.digest
    weights = [(changed / "languages" / name / "own.safetensors") for name in ("aa", "bb")]
    shutil.copyfile(*weights)
    assert digest_folder(changed) != found.digest


def test_a_language_whose_weights_are_lost_is_an_error(spoken: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(spoken, tmp_path / "broken")
    (broken / "languages" / "cc" / "own.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"lacks weights of a language: languages/cc/own\.safetensors"):
        find_checkpoint(str(broken))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 9}, "version 9 is not known; expected 1"),
        ({"languages": ["../aa"]}, "names of languages that become folders"),
        ({"languages": None}, "does not say which languages there are"),
    ],
)
def test_a_manifest_that_cannot_be_is_an_error(
    spoken: Path, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    folder = shutil.copytree(spoken, tmp_path / "odd")
    plain = json.loads((folder / "languages.json").read_text(encoding="utf-8"))
    (folder / "languages.json").write_text(json.dumps({**plain, **changes}), encoding="utf-8")
    with pytest.raises(CheckpointError, match=message):
        find_checkpoint(str(folder))


def test_a_language_may_have_a_tokenizer_of_its_own(tiny_encoder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_encoder, tmp_path / "tokenizers")
    for path in folder.glob("tokenizer*"):
        (folder / "languages" / "aa").mkdir(parents=True, exist_ok=True)
        path.rename(folder / "languages" / "aa" / path.name)
    plain = {"version": 1, "languages": ["aa"], "parameters": [], "tokenizers": True}
    (folder / "languages.json").write_text(json.dumps(plain), encoding="utf-8")
    assert len(load_tokenizer(str(folder), language="aa")) == len(load_tokenizer(str(tiny_encoder)))
    with pytest.raises(CheckpointError, match=r"languages \(aa\); give one of them"):
        load_tokenizer(str(folder))
    assert Encoder.from_pretrained(str(folder)).languages == ()


def test_exported_folders_give_the_logits_of_the_joint_model_bit_for_bit(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    config = AutoConfig.from_pretrained(tiny_encoder)
    views = make_views(config, ("en", "fr"), lambda name: "mbed" in name, AutoModelForMaskedLM)
    save_views(tmp_path / "joint", views)
    AutoTokenizer.from_pretrained(tiny_encoder).save_pretrained(tmp_path / "joint")
    made = export_languages(str(tmp_path / "joint"), tmp_path / "plain")
    assert [folder.name for folder in made] == ["en", "fr"]
    ids = torch.arange(5, 15)[None]
    for folder in made:
        plain = AutoModelForMaskedLM.from_pretrained(folder).eval()
        assert torch.equal(plain(input_ids=ids).logits, views.models[folder.name](input_ids=ids).logits)
        assert find_checkpoint(str(folder)).languages == ()
        assert len(AutoTokenizer.from_pretrained(folder)) == len(load_tokenizer(str(tiny_encoder)))
    with pytest.raises(CheckpointError, match="is there already; give another folder"):
        export_languages(str(tmp_path / "joint"), tmp_path / "plain")
    with pytest.raises(CheckpointError, match="has nothing by language: it is a plain checkpoint already"):
        export_languages(str(tiny_encoder), tmp_path / "other")


def test_measures_and_probes_read_each_language_by_its_parts(spoken: Path, treebanks: Path) -> None:
    texts = {name: [f"{name} o mira gati {word} ." for word in "abcdefghijkl"] for name in ("aa", "cc")}
    bitexts = [Bitext("aa", "cc", tuple(texts["aa"]), tuple(texts["cc"]))]
    found = measure_alignment(str(spoken), bitexts, measures=["cka"])
    encoder = Encoder.from_pretrained(str(spoken), language="bb")
    x, y = (
        sentence_states(encoder.speaking(name).base, texts[name], load_tokenizer(str(spoken)))
        for name in ("aa", "cc")
    )
    assert found["value"].tolist() == pytest.approx(
        [cka(one, other) for one, other in zip(x, y, strict=True)]
    )
    with pytest.raises(CheckpointError, match="give one of them"):
        sentence_states(str(spoken), texts["aa"])
    probed = probe_models(
        {"spoken": str(spoken)}, "upos", "aa", ["cc"], data=DataSpec(root=treebanks), layers=[0, 4]
    )
    plain = probe_models({"aa": str(spoken)}, "upos", "aa", ["aa"], data=DataSpec(root=treebanks), layers=[4])
    assert set(probed["target"]) == {"aa", "cc"}
    assert (
        probed.query("target == 'aa' and layer == 4")["value"].tolist()
        == plain.query("target == 'aa' and layer == 4")["value"].tolist()
    )
