"""A factor from outside the package: named in a spec, checked, trained on, resumed, part of the identity."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

import layerlab as ll
from layerlab.errors import DataError, StudyError
from layerlab.nodes.kinds.pretraining import Pretraining, find_pretraining
from layerlab.pretraining.factors import factor
from layerlab.pretraining.factors.factor import FactorKind, known_factors
from layerlab.pretraining.material import prepare
from layerlab.pretraining.run import pretrain
from layerlab.pretraining.spec import PretrainingSpec, read_spec
from tests.fixtures.pretrainings import kill_midway

# A user's module: sequences of one language with its words in the order of a list.
SORTED = '''
from pathlib import Path
from pydantic import BaseModel, ConfigDict, Field
import layerlab as ll
from layerlab.errors import DataError
from layerlab.pretraining.text.corpus import encode

@ll.register_factor("sorted")
class Sorted(BaseModel):
    """Paragraphs of a language, their words in an order of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: str
    order: Path
    share: float = Field(default=0.25, gt=0, lt=1)
    mask_rate: float | None = None
    mixes_languages: bool = False

    def streams(self):
        return {"sorted": self.share}

    def files(self, around):
        return {self.language: self.order}

    def check_spec(self, around):
        if self.language not in around.languages:
            raise ValueError(f"sorted: no text of {self.language!r}; there is {', '.join(around.languages)}")

    def check_files(self, around):
        if not self.order.is_file():
            raise DataError(f"sorted: no such file {self.order}")

    def stream(self, name, around, texts, tokenizer):
        order = self.order.read_text(encoding="utf-8").split()
        lines = [" ".join(sorted(text.split(), key=order.index)) for text in texts[self.language]]
        return encode(lines, tokenizer)

    def describe(self, around):
        return f"{self.share:.0%} are {self.language} with its words sorted"
'''
ORDER = "nalim vekor tasin lomir silav zunor petak ."


@pytest.fixture
def plain(spec: PretrainingSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """A spec with a user's factor, as plain values; the module lies in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sorted_words.py").write_text(SORTED, encoding="utf-8")
    (tmp_path / "order.txt").write_text(ORDER, encoding="utf-8")
    kinds = dict(factor._KINDS)
    yield {
        **json.loads(spec.canonical()),
        "imports": "sorted_words",
        "factors": {"sorted": {"language": "xa", "order": "order.txt", "share": 0.5, "mask_rate": 0.4}},
    }
    sys.modules.pop("sorted_words", None)
    sys.path.remove(str(tmp_path))
    factor._KINDS.clear()
    factor._KINDS.update(kinds)


def read(plain: Mapping[str, Any], **fields: Any) -> PretrainingSpec:
    """Read the spec from a file, with other fields of its factor."""
    options = {**plain["factors"]["sorted"], **fields}
    Path("spec.yaml").write_text(json.dumps({**plain, "factors": {"sorted": options}}), encoding="utf-8")
    return read_spec(Path("spec.yaml").resolve())


def losses(folder: Path) -> Any:
    facts = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    return facts["losses"], facts["held_out"], facts["tokens_seen"]


def test_a_users_factor_is_trained_on_and_named_in_the_card(plain: dict[str, Any], tmp_path: Path) -> None:
    spec = read(plain)
    assert spec.fixed_shares() == {"sorted": 0.5}
    assert spec.mask_rates() == {"xa": 0.2, "xb": 0.2, "sorted": 0.4}
    folder = pretrain(spec, tmp_path / "model", threads=1)
    _, held_out, seen = losses(folder)
    assert seen["sorted"] > 0
    assert held_out[-1]["loss"].keys() == {"xa", "xb", "sorted"}
    card = " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    assert "Of the sequences, 50% are xa with its words sorted. The other sequences are in one lang" in card
    tokenizer = prepare(spec, folder).tokenizer
    first = tokenizer.decode(prepare(spec, folder).packed["sorted"].train[0], skip_special_tokens=True)
    places = [ORDER.split().index(word) for word in first.split(" . ")[0].split() if word in ORDER.split()]
    assert places == sorted(places)


def test_with_a_users_factor_a_killed_pretraining_goes_on_to_the_bit(
    plain: dict[str, Any], tmp_path: Path
) -> None:
    spec = read(plain)
    whole = losses(pretrain(spec, tmp_path / "whole", threads=1))
    kill_midway(spec, tmp_path / "killed")
    assert losses(pretrain(spec, tmp_path / "killed", threads=1)) == whole


def test_every_field_and_file_of_a_factor_is_in_the_identity_and_no_path(
    plain: dict[str, Any], spec: PretrainingSpec, tmp_path: Path
) -> None:
    job = Pretraining.of(read(plain))
    assert job.id != Pretraining.of(spec).id
    assert Pretraining.of(read(plain, share=0.4)).id != job.id
    assert Pretraining.of(read(plain, mask_rate=None)).id != job.id
    (tmp_path / "moved.txt").write_text(ORDER, encoding="utf-8")
    assert Pretraining.of(read(plain, order="moved.txt")).id == job.id
    (tmp_path / "moved.txt").write_text("other", encoding="utf-8")
    assert Pretraining.of(read(plain, order="moved.txt")).id != job.id
    assert str(tmp_path) not in json.dumps(dict(job.identity))
    kind = known_factors()["sorted"]
    factor._KINDS["sorted"] = FactorKind(kind.name, kind.model, kind.version + 1)
    assert Pretraining.of(read(plain)).id != job.id


def test_a_spec_with_factors_survives_json(plain: dict[str, Any]) -> None:
    spec = read(plain)
    assert PretrainingSpec.model_validate_json(spec.canonical()) == spec
    assert spec.factors["sorted"].order == Path("order.txt").resolve()


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"srted": {}}, r"factors\.srted: unknown factor 'srted'; did you mean 'sorted'"),
        ({"sorted": {"language": "xa"}}, r"factors\.sorted\.order: missing"),
        (
            {"sorted": {"language": "xa", "order": "o", "shares": 0.5}},
            r"factors\.sorted\.shares: unknown key 'shares'; did you mean 'share'",
        ),
        ({"sorted": {"language": "xa", "order": "o", "share": 2}}, r"sorted\.share: expected less than 1"),
        ({"sorted": {"language": "zz", "order": "o"}}, "sorted: no text of 'zz'; there is xa, xb"),
        (
            {"sorted": {"language": "xa", "order": "o", "mask_rate": 2}},
            "sorted: expected a mask rate between",
        ),
        ({"parallel": {}}, r"factors\.parallel: 'parallel' is a key of the spec itself"),
        ([], "expected factors by name"),
    ],
)
def test_mistakes_in_a_factor_are_reported_by_place(
    plain: dict[str, Any], factors: object, message: str
) -> None:
    Path("spec.yaml").write_text(json.dumps({**plain, "factors": factors}), encoding="utf-8")
    with pytest.raises(StudyError, match=message):
        read_spec("spec.yaml")


def test_a_module_that_cannot_be_imported_is_a_mistake_of_the_spec(plain: dict[str, Any]) -> None:
    Path("spec.yaml").write_text(json.dumps({**plain, "imports": ["no_such_module"]}), encoding="utf-8")
    with pytest.raises(StudyError, match="imports: cannot import 'no_such_module'"):
        read_spec("spec.yaml")


def test_what_a_factor_checks_is_checked_before_time_is_spent(plain: dict[str, Any], tmp_path: Path) -> None:
    spec = read(plain, order="missing.txt")
    with pytest.raises(DataError, match=r"sorted: no such file .*missing\.txt"):
        pretrain(spec, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    with pytest.raises(DataError, match="sorted: no such file"):
        find_pretraining("spec.yaml")


def test_shares_of_all_factors_together_leave_something(plain: dict[str, Any]) -> None:
    files = {"xa": "a.tsv", "xb": "b.tsv"}
    both = {**plain, "parallel": {"corpora": files, "share": 0.6}}
    with pytest.raises(StudyError, match="parallel and sorted: their shares are together 1 or more"):
        read(both)


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ({"xb": 0.5}, "corpora: 'xb' is the name of the xb text"),
        ({"a": 0.0}, "a: expected a share between 0 and 1, got 0.0"),
        ({"a/b": 0.5}, r"expected a file name of its own for each stream, got \['a/b'\]"),
    ],
)
def test_streams_that_cannot_be_are_refused(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch, streams: dict[str, float], message: str
) -> None:
    factor_of_user = type(read(plain).factors["sorted"])
    monkeypatch.setattr(factor_of_user, "streams", lambda self: streams)
    with pytest.raises(StudyError, match=message):
        read(plain)


def test_a_class_that_is_no_factor_is_refused() -> None:
    class Thawed(BaseModel):
        share: float = 0.5

    class Bare(BaseModel):
        model_config = ConfigDict(frozen=True)

    with pytest.raises(ValueError, match="'thawed': Thawed needs model_config"):
        ll.register_factor("thawed")(Thawed)
    with pytest.raises(ValueError, match="'bare': Bare lacks check_files, check_spec, describe, files"):
        ll.register_factor("bare")(Bare)
    with pytest.raises(ValueError, match="'parallel' exists already: Parallel"):
        ll.register_factor("parallel")(known_factors()["anchors"].model)


def test_a_package_brings_factors_by_entry_point(
    plain: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Entry:
        @staticmethod
        def load() -> object:
            sys.path.insert(0, ".")
            import sorted_words  # type: ignore[import-not-found]

            sys.path.remove(".")
            return sorted_words.Sorted

    entries = {"layerlab.factors": [Entry]}
    monkeypatch.setattr(factor, "entry_points", lambda group: entries[group])
    factor._load_kinds.cache_clear()
    assert "sorted" in known_factors()
    read(plain)
