"""Loading configurations and encoders from folders and the Hub; nothing that is loaded is taken on trust."""

from __future__ import annotations

import functools
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from layerlab.errors import ArchitectureError, CheckpointError, LayerlabError
from layerlab.files import read_json
from layerlab.models.anatomy import anatomy_of
from layerlab.models.by_language.manifest import must_name_language
from layerlab.models.by_language.views import Views, load_view, manifest_of, own_parameters, tie
from layerlab.models.packaged.catalogue import packaged_encoders, packaged_folder
from layerlab.models.quiet import quiet_transformers
from layerlab.models.stored.bundled import bundled_encoders, bundled_folder
from layerlab.models.stored.folders import check_folder, read_config_file

if TYPE_CHECKING:
    from transformers import PreTrainedModel

#: Code that a checkpoint brings along is never run unless a caller asks for it; nor does a terminal ask.
NO_REMOTE_CODE: Final[Mapping[str, Any]] = {"trust_remote_code": False}
# A head over the last layer, which many checkpoints lack and no task here uses.
_MAY_BE_FRESH = "pooler."


def split_revision(name: str) -> tuple[str, str | None]:
    """Split ``id@revision`` into both; a folder's name stays whole, and has no revision.

    The name of an encoder that comes with layerlab, or that another package carries, becomes its folder,
    unless there is a folder here that is called so.

    >>> split_revision("FacebookAI/xlm-roberta-base@main"), split_revision("FacebookAI/xlm-roberta-base")
    (('FacebookAI/xlm-roberta-base', 'main'), ('FacebookAI/xlm-roberta-base', None))
    """
    if Path(name).is_dir():
        return name, None
    if folder := bundled_folder(name) or packaged_folder(name):
        return str(folder), None
    location, _, revision = name.partition("@")
    return location, revision or None


def place_of(name: str, revision: str | None) -> tuple[str, str | None]:
    """Return the folder or Hub id that a name stands for, and its revision.

    Raises:
        CheckpointError: The name has a revision, and another is asked for.
    """
    location, named = split_revision(name)
    if named and revision and named != revision:
        raise CheckpointError(
            f"{name!r} names a revision, and revision={revision!r} another; give one of them"
        )
    return location, revision or named


def load_config(name: str, *, revision: str | None = None, **options: Any) -> Any:
    """Load the configuration of a checkpoint of a known architecture.

    Args:
        name: Folder, Hub id, or ``id@revision``.
        revision: Branch, tag or commit of a Hub model.
        options: Passed on to ``AutoConfig.from_pretrained``.

    Raises:
        CheckpointError: There is no such checkpoint, its ``config.json`` is no configuration, or two
            revisions are asked for.
        ArchitectureError: The architecture is unknown or refused.
    """
    from transformers import AutoConfig

    location, revision = place_of(name, revision)
    file = Path(location, "config.json")
    if file.is_file() and (kind := (plain := read_config_file(file.parent)).get("model_type")):
        try:
            anatomy_of(kind)
        except ArchitectureError as error:
            if "auto_map" in plain:
                raise ArchitectureError(f"{error}. Besides, {_remote_code(location)}") from error
            raise
    with translated(f"checkpoint {name!r} cannot be loaded", name), quiet_transformers():
        config = AutoConfig.from_pretrained(location, **_version(revision), **{**NO_REMOTE_CODE, **options})
    anatomy_of(config.model_type)
    return config


def load_base(
    name: str, *, revision: str | None = None, language: str | None = None, **options: Any
) -> PreTrainedModel:
    """Load a base model in float32 on the CPU, and check that every weight of it was in the checkpoint.

    transformers fills tensors that a checkpoint lacks with random numbers and goes on; here only the
    pooler, which many checkpoints lack, may be filled. Its report of tensors that the base model does not
    use, such as those of a pretraining head, says nothing about the encoder and is not shown. Name and
    revision are those of `load_config`; options go to ``AutoModel.from_pretrained``. Of a checkpoint with
    parts by language, those of ``language`` are loaded.

    Raises:
        CheckpointError: There is no such checkpoint, its weights cannot be read, are not those that its
            configuration asks for, or hold numbers that are not finite; two revisions are asked for; or it
            has parts by language, and none for this one.
        ArchitectureError: The architecture is unknown or refused.
    """
    import torch

    trust = {key: options[key] for key in ("trust_remote_code", "cache_dir", "token") if key in options}
    load_config(name, revision=revision, **trust)  # Refused before any weight is fetched.
    location, revision = place_of(name, revision)
    if Path(location).is_dir():
        check_folder(Path(location))
    if manifest := manifest_of(location):
        if language is None:
            raise must_name_language(name, manifest.languages)
        language = manifest.language_for(language, name)
    else:
        language = None
    model = _load_checked(name, location, revision, {"dtype": torch.float32, **options}, language)
    for key, parameter in model.named_parameters():
        if not (parameter.is_meta or torch.isfinite(parameter).all()):
            raise CheckpointError(f"checkpoint {name!r}: {key} holds numbers that are not finite")
    return model


def load_views(
    name: str, *, revision: str | None = None, language: str | None = None, **options: Any
) -> Views | None:
    """Load the base models of all languages of a checkpoint, which share what is not a language's own.

    Arguments and errors are those of `load_base`; ``any`` stands for every language.

    Returns:
        The models, as `load_base` gives each; None where all languages share all weights.
    """
    manifest = manifest_of(place_of(name, revision)[0])
    if manifest is None:
        return None
    if language is None:
        raise must_name_language(name, manifest.languages)
    if language != "any":
        manifest.language_for(language, name)
    models = {one: load_base(name, revision=revision, language=one, **options) for one in manifest.languages}
    return tie(models, own_parameters(next(iter(models.values())), manifest))


@functools.lru_cache(maxsize=256)
def check_weights(location: str, revision: str | None, digest: str) -> None:
    """Check that the weights of a checkpoint are those that its configuration asks for, by names and shapes.

    No weights are read into memory. Those of a Hub model are checked if they are on this machine.

    Args:
        location: Folder or Hub id.
        revision: Commit of a Hub model.
        digest: Identity of the checkpoint; one that has not changed is checked once.

    Raises:
        CheckpointError: As in :func:`load_base`.
    """
    if Path(location).is_dir():
        check_folder(Path(location))
    elif not _is_here(location, revision):
        return
    manifest = manifest_of(location)
    for language in (None,) if manifest is None else manifest.languages:
        options = {"device_map": "meta", "local_files_only": True}
        _load_checked(location, location, revision, options, language)


def _version(revision: str | None) -> Mapping[str, str]:
    return {} if revision is None else {"revision": revision}


def _is_here(hub_id: str, revision: str | None) -> bool:
    """Return whether the weights of a Hub model are on this machine."""
    from huggingface_hub import try_to_load_from_cache

    names = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
    return any(isinstance(try_to_load_from_cache(hub_id, name, revision=revision), str) for name in names)


def _load_checked(
    name: str, location: str, revision: str | None, options: Mapping[str, Any], language: str | None = None
) -> PreTrainedModel:
    """Load a base model and compare what was loaded with what it needs."""
    from transformers import AutoModel

    checked = {"output_loading_info": True, "ignore_mismatched_sizes": True, **_version(revision)}
    given = {**NO_REMOTE_CODE, **options, **checked}
    with translated(f"checkpoint {name!r} cannot be loaded", name), quiet_transformers():
        if language is None:
            model, report = AutoModel.from_pretrained(location, **given)
        else:
            model, report = load_view(AutoModel, Path(location), language, **given)
    allowed = options.get("ignore_mismatched_sizes", False)
    for key, found, expected in () if allowed else report.get("mismatched_keys", ()):
        raise CheckpointError(
            f"checkpoint {name!r}: {key} has shape {tuple(found)} in its weights, {tuple(expected)} by its "
            "config.json"
        )
    needed = {key for key, _ in model.named_parameters() if not key.startswith(_MAY_BE_FRESH)}
    if lacking := sorted(needed & set(report["missing_keys"])):
        shown = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
        raise CheckpointError(f"checkpoint {name!r} lacks {len(lacking)} tensors of its encoder: {shown}")
    _check_depth(name, model, report.get("unexpected_keys", ()))
    return model  # type: ignore[no-any-return]


def _check_depth(name: str, model: Any, unused: Collection[str]) -> None:
    """Refuse weights of more layers than the configuration says: the upper ones would be left out."""
    layers = f"{anatomy_of(model.config.model_type).layers}."
    inside = (key.removeprefix(f"{model.base_model_prefix}.") for key in unused)
    numbers = (key.removeprefix(layers).partition(".")[0] for key in inside if key.startswith(layers))
    above = [int(number) for number in numbers if number.isdecimal()]
    depth = int(model.config.num_hidden_layers)
    if above and max(above) >= depth:
        raise CheckpointError(
            f"checkpoint {name!r}: its weights are of {max(above) + 1} layers, its config.json says {depth}"
        )


@contextmanager
def translated(what: str, name: str = "", place: str = "") -> Iterator[None]:
    """Turn whatever transformers, the Hub or a parser raise into a CheckpointError.

    Args:
        what: What could not be done, for the message.
        name: The checkpoint, if it may be that there is none of that name.
        place: Its folder or Hub id, if that is known.

    Raises:
        CheckpointError: Something else than an error of layerlab's was raised inside.
    """
    try:
        yield
    except (LayerlabError, MemoryError):
        raise
    except BaseException as error:
        # A parser in Rust that gives up raises what is no Exception.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        said = f"{what}: {_reason(error)}"
        if "custom code" in str(error):
            said = f"{what}: {_remote_code(place or split_revision(name)[0])}"
        if name and not Path(split_revision(name)[0], "config.json").is_file():
            said = (
                f"no checkpoint {name!r}: neither a model folder, nor one of the encoders that come with "
                f"layerlab ({', '.join(bundled_encoders())}) or with a package "
                f"({', '.join(packaged_encoders())}), nor a model that the Hub gives here ({_reason(error)})"
            )
        raise CheckpointError(said) from error


def _remote_code(place: str) -> str:
    """Say which code of its own the checkpoint in a folder, or of a Hub id, asks to run, and how it may."""
    maps = {
        name: plain["auto_map"]
        for name in ("config.json", "tokenizer_config.json")
        if (Path(place) / name).is_file()
        and isinstance(plain := read_json(Path(place) / name), dict)
        and "auto_map" in plain
    }
    which = "; ".join(f"auto_map {json.dumps(mapped)} in its {name}" for name, mapped in maps.items())
    return (
        f"it asks to run code that it brings along ({which or 'auto_map'}), and layerlab runs none. If you "
        "have read that code and trust it: Encoder.from_pretrained(name, trust_remote_code=True) in Python"
    )


def _reason(error: BaseException) -> str:
    """Return what an error of another library says, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no reason was given"]
    said = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    if not isinstance(error, OSError | ValueError | RuntimeError):
        said = f"{type(error).__name__}: {said}"
    return said if len(said) <= 300 else f"{said[:297]}..."
