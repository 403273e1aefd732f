"""A folder on the Hub."""

from __future__ import annotations

from pathlib import Path

from layerlab.errors import CheckpointError


def check_name(name: str) -> str:
    """Check the name of a repository on the Hub, such as ``user/model``.

    Raises:
        CheckpointError: It cannot be one.

    >>> check_name("user/model")
    'user/model'
    """
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils._validators import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise CheckpointError(f"--push: expected USER/NAME, got {name!r}: {error}") from error
    if name.count("/") != 1:
        raise CheckpointError(f"--push: expected USER/NAME, got {name!r}")
    return name


def push(folder: Path, name: str) -> str:
    """Upload a folder as a model of the Hub, which is made if it is not there; return its address.

    Raises:
        CheckpointError: The Hub does not take it; the folder stays.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    try:
        address = api.create_repo(name, repo_type="model", exist_ok=True)
        api.upload_folder(repo_id=name, folder_path=folder, commit_message="Exported by layerlab")
    except (OSError, ValueError) as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise CheckpointError(
            f"{folder} is written, and cannot be pushed to {name}: {said}; `hf auth login` gives a token, "
            f"and `hf upload {name} {folder}` tries again"
        ) from error
    return str(address)
