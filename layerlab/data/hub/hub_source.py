"""Data sets of the Hugging Face Hub, or folders in its formats, through ``datasets``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layerlab.errors import DataError, unknown

# The Hub's names of a split, the usual one first.
SPLITS: Mapping[str, tuple[str, ...]] = {
    "train": ("train",),
    "dev": ("validation", "dev", "valid"),
    "test": ("test",),
}


@dataclass(frozen=True)
class HubSource:
    """Where a split is on the Hub.

    Attributes:
        hub_id: Id of the data set, or a folder: one that ``save_to_disk`` wrote, or one of parquet files;
            a folder may hold a folder for each configuration.
        config: Configuration, such as ``en_ewt``.
        split: ``train``, ``dev`` or ``test``.
        revision: Branch, tag or commit; None is the newest.
    """

    hub_id: str
    config: str
    split: str
    revision: str | None = None

    def __str__(self) -> str:
        revision = f"@{self.revision}" if self.revision else ""
        return f"{self.hub_id}{revision}/{self.config}[{self.split}]"


def load_split(source: HubSource) -> Any:
    """Return the ``datasets.Dataset`` of a split.

    Raises:
        DataError: The data set, its configuration or split is not there.
    """
    loaded = load_data_set(source.hub_id, source.config, source.revision, what=str(source))
    splits = loaded if hasattr(loaded, "keys") else {"train": loaded}
    for name in SPLITS[source.split]:
        if name in splits:
            return splits[name]
    raise DataError(
        f"{source}: no {source.split} split: expected {' or '.join(SPLITS[source.split])}; "
        f"it has {', '.join(splits)}"
    )


def load_data_set(hub_id: str, config: str | None, revision: str | None, *, what: str) -> Any:
    """Return a data set of the Hub, or one saved in a folder, with all its splits.

    Args:
        hub_id: Its id, or a folder; a configuration may be a folder in it.
        config: Its configuration.
        revision: Branch, tag or commit; None for the newest.
        what: What it is called in errors.

    Raises:
        DataError: It cannot be loaded.
    """
    import datasets

    folder = Path(hub_id)
    if config and (folder / config).is_dir():
        folder = folder / config
    try:
        if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
            return datasets.load_from_disk(str(folder))
        if folder.is_dir():
            return datasets.load_dataset(str(folder))
        return datasets.load_dataset(hub_id, config, revision=revision)
    except Exception as error:  # the Hub's client raises many kinds, each with a long text
        known = _configurations(hub_id, revision) if config else []
        if known and config not in known:
            alike = [name for name in known if name.partition("_")[0] == str(config).partition("_")[0]]
            raise DataError(f"{what}: {unknown('configuration', str(config), alike or known)}") from error
        first_line = str(error).strip().partition("\n")[0]
        raise DataError(f"{what}: cannot be loaded: {type(error).__name__}: {first_line}") from error


def _configurations(hub_id: str, revision: str | None) -> list[str]:
    """Return the configurations of a data set; nothing where they cannot be told."""
    import datasets

    if Path(hub_id).is_dir():
        return []
    try:
        return sorted(datasets.get_dataset_config_names(hub_id, revision=revision))
    except Exception:  # no network, or no such data set: the first error tells more
        return []
