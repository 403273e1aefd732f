"""A fit as a folder that ``from_pretrained`` loads and ``pipeline`` runs, with a model card."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerlab.disk import check_writable
from layerlab.errors import ArchitectureError, StoreError
from layerlab.exporting.chosen import Chosen, choose, open_store, with_weights
from layerlab.files import publishing, write_text

if TYPE_CHECKING:
    from layerlab.ablation.interventions import Intervention
    from layerlab.exporting.classes import Exported
    from layerlab.nodes.kinds.evaluation.fitted import Fitted


def export(
    results: str | Path, fit: str, folder: str | Path, *, again: bool = False, device: str = "auto"
) -> Path:
    """Write a fit as a Hugging Face model: weights, tokenizer, and a model card.

    Its class is ``AutoModelForTokenClassification`` or ``AutoModelForSequenceClassification``; its logits are
    those of the fit, which is checked before anything is written.

    Args:
        results: Results directory of the study.
        fit: Id of a fit, or the beginning of one; or of a run, whose interventions after fine-tuning are
            carried out.
        folder: Where the model goes; it must not be there, or be empty.
        again: Whether a fit whose weights are not kept is trained again, beside the results.
        device: ``auto`` or ``cpu``, for training again.

    Returns:
        The folder.

    Raises:
        StoreError: There is no such fit, it is not complete, or the folder holds something.
        CheckpointError: The weights are not kept.
        ArchitectureError: transformers has no class that would give the fit's logits, as for parsing.
    """
    from layerlab.exporting.card import write_card
    from layerlab.nodes.process import prepare_process
    from layerlab.nodes.settings import WorkSettings

    folder = Path(folder)
    check_free(folder)
    chosen = choose(open_store(Path(results)), fit)
    prepare_process(WorkSettings(device=device))
    with with_weights(chosen, again, device) as store:
        fitted = _load(store, chosen)
        made, tokenizer, n_pieces = _convert(store, fitted, chosen)
        card = write_card(chosen, fitted.labels, made, n_pieces, trained_in=store)
        with publishing(folder) as beside:
            made.model.save_pretrained(beside)
            tokenizer.save_pretrained(beside)
            write_text(beside / "README.md", card)
    return folder


def check_free(folder: Path) -> None:
    """Check that a folder can be written, and holds nothing.

    Raises:
        StoreError: It is a file, holds something, or may not be written to.
    """
    check_writable(folder, StoreError)
    if folder.is_dir() and any(folder.iterdir()):
        raise StoreError(f"{folder} holds something already; expected a new or empty directory")


def _load(store: Any, chosen: Chosen) -> Fitted:
    from layerlab.models.by_language.manifest import read_manifest
    from layerlab.nodes.kinds.evaluation.fitted import load_fitted
    from layerlab.nodes.node import Work
    from layerlab.nodes.settings import WorkSettings
    from layerlab.training.events import silent

    fitted = load_fitted(Work(store, WorkSettings(device="cpu"), silent), chosen.fit.id)
    if read_manifest(store.model(chosen.fit.id)) is not None:
        raise ArchitectureError(
            f"{chosen.fit.title} has parts of its own for each language, which no class of transformers has"
        )
    return fitted


def _convert(store: Any, fitted: Fitted, chosen: Chosen) -> tuple[Exported, Any, int]:
    """Return the class, the tokenizer, and how many word-pieces an input may have."""
    from layerlab.ablation.apply import applied
    from layerlab.exporting.classes import as_hugging_face
    from layerlab.nodes.kinds.training.origin import longest_input

    fit, after = chosen.fit, () if chosen.run is None else chosen.run.after
    lasting = (*fit.before, *(timed.intervention for timed in fit.during), *after)
    skipped = _skipped(lasting, fitted.encoder.n_layers)
    donors = fitted.donors_of(store, () if chosen.run is None else chosen.run.donors)
    with applied(after, fitted.encoder, donors=donors, head=fitted.model.head):
        made = as_hugging_face(fitted.model, fitted.labels, fit.training.dropout, skipped)
    length = longest_input(fitted.encoder, fit.training.max_length)
    return made, _tokenizer(str(store.model(fit.id)), length), length


def _skipped(items: Iterable[Intervention], n_layers: int) -> tuple[int, ...]:
    """Return the layers that are passed by.

    Raises:
        ArchitectureError: Parts of a layer are, which a class always has.
    """
    from layerlab.ablation.interventions import Skip

    found: set[int] = set()
    for item in items:
        if isinstance(item, Skip):
            if item.components:
                raise ArchitectureError(
                    f"the {' and '.join(item.components)} of layers {item.layers} are skipped, and every "
                    "layer of a class of transformers has them; whole layers can be left out"
                )
            found.update(item.layers.indices(n_layers))
    return tuple(sorted(found))


def _tokenizer(location: str, n_pieces: int) -> Any:
    """Return the fit's tokenizer, which cuts words as the fit read them, at most so many word-pieces."""
    from transformers import AutoTokenizer

    from layerlab.models.loading import NO_REMOTE_CODE
    from layerlab.models.pieces import needs_space
    from layerlab.models.tokenizers import load_tokenizer

    tokenizer: Any = load_tokenizer(location)
    if needs_space(tokenizer.backend_tokenizer):
        tokenizer = AutoTokenizer.from_pretrained(location, add_prefix_space=True, **NO_REMOTE_CODE)
    tokenizer.model_max_length = n_pieces
    return tokenizer
