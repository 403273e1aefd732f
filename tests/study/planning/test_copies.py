"""What an encoder's layers cannot take from each other is known when a study is planned."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import AutoModel, ModernBertConfig

import layerlab as ll
from layerlab.ablation.apply import apply
from layerlab.ablation.interventions import Intervention, kinds
from layerlab.ablation.interventions.donors import Donors
from layerlab.ablation.interventions.weights import copy_from
from layerlab.errors import DonorError, LayerlabError, StudyError
from layerlab.models.checkpoints import find_checkpoint
from layerlab.models.encoder import Encoder
from layerlab.study.planning.copies import Copies
from layerlab.study.study import Study
from layerlab.training.streams import donors_seed
from tests.fixtures.pretrainings import PLAIN_SPEC, write_spec
from tests.fixtures.studies import make_study

SEEDS = range(16)
SIZES: dict[str, Any] = {
    "vocab_size": 90,
    "hidden_size": 32,
    "num_hidden_layers": 4,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "cls_token_id", "sep_token_id"), 0),
}


def save(folder: Path, tiny_encoder: Path, **changes: Any) -> Path:
    """Save a tiny ModernBERT with the tokenizer of the tiny BERT."""
    shutil.copytree(tiny_encoder, folder)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = AutoModel.from_config(ModernBertConfig(**{**SIZES, **changes}))  # type: ignore[no-untyped-call]
        model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def modern(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("encoders") / "modern", tiny_encoder)


@pytest.fixture(scope="module")
def other(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A deeper one with wider feed-forward blocks and another vocabulary."""
    sizes = {"num_hidden_layers": 6, "intermediate_size": 64, "vocab_size": 95}
    return save(tmp_path_factory.mktemp("encoders") / "other", tiny_encoder, **sizes)


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading weights fails, unless it is of their names and shapes alone."""
    load = AutoModel.from_pretrained

    def load_shapes(*places: Any, **options: Any) -> Any:
        assert options.get("device_map") == "meta", "weights were loaded"
        return load(*places, **options)

    monkeypatch.setattr(AutoModel, "from_pretrained", load_shapes)


def study_of(treebanks: Path, encoder: Path, *items: Intervention, **changes: Any) -> Study:
    ablations = [ll.Ablation.none(), *(ll.Ablation(before=(item,)) for item in items)]
    return make_study(treebanks, encoder, **{"ablations": ablations, **changes})


@pytest.mark.usefixtures("no_weights")
def test_layers_that_are_unlike_are_refused_with_all_other_mistakes(treebanks: Path, modern: Path) -> None:
    items = (ll.Permute("0-1", order=(1, 0)), ll.Permute("1-3", order=(2, 3, 1)), ll.Reset("9"))
    with pytest.raises(StudyError, match=r"layers\.1\.attn_norm\.weight") as caught:
        study_of(treebanks, modern, *items, targets=["aa", "zz"]).plan()
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert found.keys() == {"ablations[1]", "ablations[3]", "data"}
    assert found["ablations[1]"].startswith("permute(0-1, order=1+0)@before: layer layers.1 of the donor")
    assert found["ablations[1]"].endswith(f"has layers.1.attn_norm.weight besides (model {modern})")


@pytest.mark.usefixtures("no_weights")
def test_heads_and_pieces_that_do_not_exist_are_refused(treebanks: Path, modern: Path) -> None:
    items = (ll.PruneHeads("0", heads=1), ll.PruneHeads("0", heads=2), ll.ShufflePieces(pieces="80-90"))
    with pytest.raises(StudyError, match="2 problems") as caught:
        study_of(treebanks, modern, *items, ll.ShufflePieces(pieces="80-89")).plan(check=False)
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert "head 2 does not exist: there are 2, from 0" in found["ablations[2]"]
    assert "piece 90 does not exist: there are 90, from 0" in found["ablations[3]"]


def test_a_window_of_a_sweep_is_refused_by_name(treebanks: Path, modern: Path) -> None:
    sweep = ll.sweep("after", ll.Permute, windows=2)
    with pytest.raises(StudyError, match="1 problem") as caught:
        make_study(treebanks, modern, ablations=[ll.Ablation.none(), *sweep]).plan(check=False)
    assert "permute(0-1)@after: " in str(caught.value)


@pytest.mark.usefixtures("no_weights")
def test_layers_that_are_alike_are_planned_with_the_ids_that_they_had(
    treebanks: Path, modern: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    donor = ll.FitDonor(source="bb")
    items = (ll.Permute("1-3"), ll.Swap("1-2", donor=donor, from_layers="2-3"), ll.Swap("0", donor=donor))
    study = study_of(treebanks, modern, *items)
    plan = study.plan(check=False)
    monkeypatch.setattr(Copies, "check", lambda *_: None)
    unchecked = study.plan(check=False)
    assert [job.id for job in plan.fits] == [job.id for job in unchecked.fits]
    assert [job.id for job in plan.runs] == [job.id for job in unchecked.runs]
    assert len(plan.runs) == 8


def outcome_of_check(item: Intervention, encoder: Path, seed: int) -> str:
    try:
        Copies((seed,)).check(item, find_checkpoint(str(encoder)))
    except LayerlabError as error:
        return str(error).partition("; in the order of seed")[0]
    return ""


def outcome_of_apply(item: Intervention, encoder: Path, seed: int) -> str:
    try:
        apply(item, Encoder.from_pretrained(str(encoder)), donors=Donors(encoder, seed=donors_seed(seed)))
    except DonorError as error:
        return str(error)
    return ""


def test_an_order_is_checked_as_it_will_be_drawn(modern: Path) -> None:
    """Some orders of three layers leave the one that is unlike the others where it is."""
    item = ll.Permute("0-2")
    said = [outcome_of_check(item, modern, seed) for seed in SEEDS]
    assert said == [outcome_of_apply(item, modern, seed) for seed in SEEDS]
    assert "" in said
    assert any(said)
    with pytest.raises(DonorError, match=f"in the order of seed {next(i for i in SEEDS if said[i])}$"):
        Copies(SEEDS).check(item, find_checkpoint(str(modern)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"layers": "0", "from_layers": "1"}, "besides"),
        ({"layers": "0", "from_layers": "1", "components": "attention"}, ""),
        ({"layers": "1", "from_layers": "0", "donor": "pretrained"}, "lacks"),
        ({"layers": "1", "from_layers": "2", "donor": "pretrained"}, ""),
        ({"layers": "2-3", "from_layers": "last:2"}, r"shapes differ: layers.2.mlp.Wi.weight is \(96, 32\)"),
        ({"layers": "2-3", "from_layers": "last:2", "components": "attention"}, ""),
        ({"layers": "embeddings"}, r"shapes differ: .* is \(90, 32\), the donor's is \(95, 32\)"),
    ],
)
def test_a_donor_is_refused_as_it_would_be_when_the_fit_starts(
    options: dict[str, Any], expected: str, modern: Path, other: Path
) -> None:
    item = ll.Swap(**{"donor": str(other), **options})
    said = outcome_of_check(item, modern, 0)
    assert said == outcome_of_apply(item, modern, 0)
    if expected:
        with pytest.raises(DonorError, match=expected):
            Copies((0,)).check(item, find_checkpoint(str(modern)))
    else:
        assert not said


def test_layers_that_a_donor_does_not_have_are_refused(treebanks: Path, modern: Path, other: Path) -> None:
    item = ll.Swap("1", donor=str(other), from_layers="6")
    with pytest.raises(StudyError, match=r"ablations\[1\]: .*6.*\(model "):
        study_of(treebanks, modern, item).plan(check=False)


def test_a_part_that_an_encoder_does_not_have_is_refused_by_the_plan(treebanks: Path, modern: Path) -> None:
    fine = study_of(treebanks, modern, ll.Reset("everything"), ll.Reset("all,top"))
    assert {str(item.layers) for fit in fine.plan(check=False).fits for item in fit.before} == {
        "embeddings,0-3,rest",
        "0-3,top",
    }
    with pytest.raises(StudyError, match=r"no part 'shared'.*there are layers 0-3, embeddings, top"):
        study_of(treebanks, modern, ll.Reset("shared")).plan(check=False)


def test_a_fit_gives_what_its_checkpoint_has(treebanks: Path, modern: Path) -> None:
    item = ll.Swap("1", donor=ll.FitDonor(source="bb"), from_layers="0")
    with pytest.raises(StudyError, match=r"it lacks layers\.0\.attn_norm\.weight"):
        study_of(treebanks, modern, item).plan(check=False)


def test_one_outline_is_made_of_each_encoder_and_none_without_need(modern: Path, other: Path) -> None:
    copies, checkpoint = Copies((0, 1)), find_checkpoint(str(modern))
    copies.check(ll.Reset("0-3"), checkpoint)
    copies.check(ll.Swap("0", donor="pretrained"), checkpoint)
    assert not copies.outlines
    for _ in range(2):
        copies.check(ll.Permute("1-3"), checkpoint)
        copies.check(ll.Scale("1", factor=0.5, donor=str(other), components="attention"), checkpoint)
    assert list(copies.outlines) == [str(modern), str(other)]
    assert all(parameter.is_meta for one in copies.outlines.values() for parameter in one.base.parameters())


def test_an_encoder_that_is_pretrained_first_is_checked_by_its_spec(treebanks: Path, spec_file: Path) -> None:
    options = {
        key: PLAIN_SPEC["architecture"]["options"][key] for key in ("num_hidden_layers", "hidden_size")
    }
    options |= {"num_attention_heads": 2, "intermediate_size": 32, "max_position_embeddings": 64}
    write_spec(spec_file, architecture={"model_type": "modernbert", "options": options})
    with pytest.raises(StudyError, match=r"layers\.1\.attn_norm\.weight besides"):
        study_of(treebanks, spec_file, ll.Permute("0-1")).plan(check=False)


def test_an_intervention_of_ones_own_is_tried_like_the_built_in_ones(
    treebanks: Path, modern: Path, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kinds, "_KINDS", dict(kinds._KINDS))

    class Turn:
        layers: ll.Selection
        may_not_fit = True

        @property
        def order_depends_on_seed(self) -> bool:
            return True

        def weights(self, encoder: Encoder, donors: Donors) -> dict[str, Tensor]:
            here = self.layers.indices(encoder.n_layers)
            by = 1 + donors.seed_of(None) % (len(here) - 1)
            own = dict(encoder.parameters(self.layers))
            return copy_from(
                own, encoder, self.layers, places=dict(zip(here, here[by:] + here[:by], strict=True))
            )

    turn: Any = ll.intervention("turn")(Turn)
    assert len(study_of(treebanks, tiny_encoder, turn("0-2")).plan(check=False).runs) == 4
    with pytest.raises(StudyError, match=r"turn\(0-2\)@before: layer layers\.\d.* in the order of seed 0"):
        study_of(treebanks, modern, turn("0-2")).plan(check=False)
