"""The data section of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from layerlab.data.artificial.ways import Ways
from layerlab.data.tags import StrayTags

Split = Literal["train", "dev", "test"]


def _at_least_one(sentences: int) -> int:
    if sentences < 1:
        raise ValueError(f"expected at least 1 sentence, got {sentences}")
    return sentences


Sentences = Annotated[int, AfterValidator(_at_least_one)]


class Controlled(BaseModel):
    """Controlled languages, made when they are needed; see :mod:`layerlab.languages`.

    A language is one of the family, or language and domain as in ``avin:news`` (or ``avin-news``, which is a
    language of its own to tables). The sentences are those that
    ``layerlab languages write`` writes with the same seed and sizes. A task on pairs gets as many inference
    pairs, which are parallel in every split and belong to no domain.

    Attributes:
        family: A file in YAML, or the name of a family that comes with layerlab; by default its general one.
        seed: Of all meanings.
        train: Sentences in the training split.
        dev: Sentences in the development split.
        test: Sentences in the test split.
        parallel: Splits that are translations of each other.
        nli: Inference pairs: ``balanced`` ones, whose label no part of the pair gives away, or ``plain``
            ones, of more kinds, whose label premise and lengths give away in part. Digests of the pairs tell
            the two apart.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str | None = None
    seed: int = 0
    train: Sentences = 3000
    dev: Sentences = 500
    test: Sentences = 1000
    parallel: tuple[Split, ...] = ("dev", "test")
    nli: Literal["plain", "balanced"] = "plain"


class Artificial(BaseModel):
    """A language made of another one, whose corpora are that one's with all their annotations.

    Attributes:
        of: The other language, perhaps with a treebank or domain.
        ways: The first one first: ``inverted``, ``permuted``, ``transliterated``, ``fake``; as in the corpora
            of a pretraining spec.
        seed: Of what is random in them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: str
    ways: Ways
    seed: int = Field(default=0, ge=0)


class DataSpec(BaseModel):
    """Where corpora are: local folders, the Hub, controlled languages, or by default the built-in catalogue.

    Attributes:
        root: Folder with a folder for each language, which holds ``train``, ``dev`` and ``test`` files; of
            other treebanks, such as ``en:GUM``, in ``en/GUM/``, ``en/GUM.conllu``, ``en-GUM/``, or the first
            two under ``{root}_domains``.
        folders: Folder under ``root`` of languages whose folder is called otherwise; the key may name
            a treebank, as in ``en:GUM``.
        hub: Id of a data set, or its folder on disk.
        hub_config: Its configuration, in which ``{language}`` stands for the language; that of ``en:GUM`` is
            always ``en_gum``.
        revision: Branch, tag or commit of the data set.
        controlled: Controlled languages; ``{}`` for those that come with layerlab.
        tag_map: Entity tags or types to replace, see :class:`layerlab.data.tags.TagOptions`; or labels
            of pairs.
        stray_tags: What becomes of an ``I-X`` that begins an entity; likewise.
        with_entities: Splits of which NER reads only the sentences that name an entity; a ``limit``
            is one of these.
        limit: At most so many sentences of a split, spread evenly over it.
        artificial: Languages by name that are made of others, such as
            ``{fake: {of: en, ways: [fake]}}``.

    >>> DataSpec(root="treebanks", limit={"train": 2000}).limit["train"]
    2000
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path | None = None
    folders: dict[str, str] = Field(default_factory=dict)
    hub: str | None = None
    hub_config: str = "{language}"
    revision: str | None = None
    controlled: Controlled | None = None
    tag_map: dict[str, str] = Field(default_factory=dict)
    stray_tags: StrayTags = "rare"
    with_entities: tuple[Split, ...] = ()
    limit: dict[Split, Sentences] = Field(default_factory=dict)
    artificial: dict[str, Artificial] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> DataSpec:
        if self.root is not None and self.hub is not None:
            raise ValueError("give root (local folders) or hub (a data set), not both")
        if self.controlled is not None and (self.root is not None or self.hub is not None):
            raise ValueError("give controlled (controlled languages) or root or hub, not both")
        if self.folders and self.root is None:
            raise ValueError("folders are folders under root: give root as well")
        for name, made in self.artificial.items():
            if made.of in self.artificial:
                raise ValueError(
                    f"artificial: {name} is made of {made.of}, which is made itself; compose its ways"
                )
        if (self.revision is not None or self.hub_config != "{language}") and self.hub is None:
            raise ValueError("hub_config and revision belong to a data set: give hub as well")
        return self

    def resolved(self) -> DataSpec:
        """Return the same with absolute paths, which hold for workers in any directory."""
        changes: dict[str, object] = {}
        if self.root is not None:
            changes["root"] = self.root.resolve()
        family = self.controlled.family if self.controlled is not None else None
        if self.controlled is not None and family is not None and Path(family).suffix:
            absolute = {"family": str(Path(family).resolve())}
            changes["controlled"] = self.controlled.model_copy(update=absolute)
        return self.model_copy(update=changes)
