"""The data section of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from layerlab.data.iob import StrayTags

Split = Literal["train", "dev", "test"]


class DataSpec(BaseModel):
    """Where corpora are: local folders, a data set of the Hub, or by default the built-in catalogue.

    Attributes:
        root: Folder with a folder for each language, which holds ``train``, ``dev`` and ``test`` files.
        folders: Folder under ``root`` of languages whose folder is called otherwise; the key may name
            a treebank, as in ``en:GUM``.
        hub: Id of a data set, or its folder on disk.
        hub_config: Its configuration, in which ``{language}`` stands for the language.
        revision: Branch, tag or commit of the data set.
        tag_map: Entity tags or types to replace; see :func:`layerlab.data.iob.read_iob`.
        stray_tags: What becomes of an ``I-X`` that begins an entity; likewise.
        limit: At most so many sentences of a split, spread evenly over it.

    >>> DataSpec(root="treebanks", limit={"train": 2000}).limit["train"]
    2000
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    root: Path | None = None
    folders: dict[str, str] = Field(default_factory=dict)
    hub: str | None = None
    hub_config: str = "{language}"
    revision: str | None = None
    tag_map: dict[str, str] = Field(default_factory=dict)
    stray_tags: StrayTags = "rare"
    limit: dict[Split, int] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> DataSpec:
        if self.root is not None and self.hub is not None:
            raise ValueError("give root (local folders) or hub (a data set), not both")
        if self.folders and self.root is None:
            raise ValueError("folders are folders under root: give root as well")
        if (self.revision is not None or self.hub_config != "{language}") and self.hub is None:
            raise ValueError("hub_config and revision belong to a data set: give hub as well")
        for split, n in self.limit.items():
            if n < 1:
                raise ValueError(f"limit.{split}: expected at least 1 sentence, got {n}")
        return self
