"""Carry out a fit: pretrained -> before -> head -> train (during) -> fits/<id>/."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from layerlab.ablation.apply import apply
from layerlab.ablation.interventions.donors import Donors
from layerlab.data.catalog import CorpusRef, find_corpus
from layerlab.data.sentences import Corpus
from layerlab.errors import CheckpointError, DataError
from layerlab.finetuning.loop import FitResult, Report, Workplace, fine_tune
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.finetuning.training import Training
from layerlab.models.checkpoints import digest_folder
from layerlab.models.encoder import Encoder
from layerlab.models.positions import n_positions
from layerlab.models.tokenizers import load_tokenizer
from layerlab.nodes.environment import describe_environment, process_rank
from layerlab.nodes.jobs import FitJob
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store, write_json
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus, read_corpus
from layerlab.tasks.task import get_task
from layerlab.training.streams import derive_seed, donors_seed


def execute_fit(store: Store, job: FitJob, settings: WorkSettings, report: Report) -> None:
    """Fine-tune one fit, from its last checkpoint if there is one, and publish it.

    Raises:
        DataError: A corpus is not what it was when the plan was made.
        CheckpointError: The checkpoint is not.
    """
    started = time.monotonic()
    report({"event": "start", "title": job.title()})
    task, seed = get_task(job.spec.task), job.spec.seed
    location = locate_checkpoint(store, job)
    encoder = load_encoder(location, job.revision, seed)
    tokenizer = load_tokenizer(location, job.revision)
    corpora, labels = _source_corpora(job, tokenizer, longest_input(encoder, job.training))
    donors = make_donors(store, job, job.needs)
    receipts = [apply(item, encoder, donors=donors).to_dict() for item in job.before]
    model = build_task_model(encoder, task, len(labels), job.training.dropout, seed)
    loaded = time.monotonic() - started
    work = store.work(job.id)
    result = fine_tune(
        model,
        task,
        corpora,
        job.training,
        seed=seed,
        during=job.during,
        donors=donors,
        workplace=Workplace(work, settings.checkpoint_seconds),
        report=report,
        device=settings.device,
    )
    if process_rank() > 0:
        return
    node = _describe_node(result, corpora, receipts, loaded, time.monotonic() - started, settings.device)
    _publish_fit(store, job, model, tokenizer, labels, node)
    shutil.rmtree(work, ignore_errors=True)
    report({"event": "done", "seconds": node["seconds"]})


def locate_checkpoint(store: Store, job: FitJob) -> str:
    """Return where a fit's checkpoint lies: in the store, if it was pretrained there.

    Raises:
        CheckpointError: The folder is not what it was when the plan was made.
    """
    is_folder = job.pretraining is None and job.revision is None
    if is_folder and digest_folder(Path(job.location)) != job.spec.checkpoint:
        raise CheckpointError(f"{job.location} has changed since the plan was made; plan and run again")
    return _pretrained(store, job)


def load_encoder(location: str, revision: str | None, seed: int) -> Encoder:
    """Load a checkpoint's encoder; parts that it lacks, such as a pooler, are seeded."""
    torch.manual_seed(derive_seed(seed, "load"))
    return Encoder.from_pretrained(location, revision=revision)


def make_donors(store: Store, job: FitJob, needs: tuple[str, ...]) -> Donors:
    """Tell interventions where weights come from: the checkpoint, the reset stream, other fits."""
    fits = {need: store.model("fit", need) for need in needs}
    return Donors(
        pretrained=_pretrained(store, job),
        revision=job.revision,
        seed=donors_seed(job.spec.seed),
        fits=fits,
    )


def _pretrained(store: Store, job: FitJob) -> str:
    if job.pretraining is None:
        return job.location
    return str(store.model("pretraining", job.pretraining))


def read_planned(ref: CorpusRef, planned: str) -> Corpus:
    """Read a corpus, if it is still the one of the plan.

    Raises:
        DataError: It has changed, so what is computed on it would get the identity of something else.
    """
    if ref.digest != planned:
        raise DataError(f"{ref.where} has changed since the plan was made; plan and run again")
    return read_corpus(ref)


def _source_corpora(
    job: FitJob, tokenizer: Any, length: int
) -> tuple[dict[str, EncodedCorpus], tuple[str, ...]]:
    task = get_task(job.spec.task)
    read = {}
    for split in ("train", "dev"):
        ref = find_corpus(job.data, task.name, task.formats, job.source, split)
        read[split] = read_planned(ref, job.spec.corpora[split])
    labels = task.label_set(read["train"].sentences)
    return {
        split: encode_corpus(task, corpus, labels, tokenizer, length) for split, corpus in read.items()
    }, labels


def longest_input(encoder: Encoder, training: Training) -> int:
    """Return how many word-pieces an input may have: what the study says, or less if the model ends there."""
    positions = n_positions(encoder.base.config)
    return training.max_length if positions is None else min(training.max_length, positions)


def _describe_node(
    result: FitResult,
    corpora: dict[str, EncodedCorpus],
    receipts: list[dict[str, Any]],
    loading: float,
    seconds: float,
    device: str,
) -> dict[str, Any]:
    train = corpora["train"].encoded
    return {
        "seconds": round(seconds, 3),
        "loading_seconds": round(loading, 3),
        "training_seconds": round(result.seconds, 3),
        "resumed_at": result.resumed_at,
        "n_steps": result.n_steps,
        "best_epoch": result.best_epoch,
        "history": result.history,
        "receipts": [*receipts, *result.receipts],
        "corpus_notes": sorted({note for corpus in corpora.values() for note in corpus.notes}),
        "n_train_words": train.n_words,
        "n_windowed_words": train.n_windowed,
        "n_unknown_words": train.n_unknown,
        **train.counts,
        **describe_environment(device),
    }


def _publish_fit(
    store: Store, job: FitJob, model: TaskModel, tokenizer: Any, labels: tuple[str, ...], node: dict[str, Any]
) -> None:
    with store.publish("fit", job.id) as folder:
        encoder: Any = model.encoder
        encoder.save_pretrained(folder / "model")
        tokenizer.save_pretrained(folder / "model")
        head = {name: tensor.detach().cpu().contiguous() for name, tensor in model.head.state_dict().items()}
        save_file(head, folder / "head.safetensors")
        write_json(folder / "labels.json", {"labels": list(labels)})
        columns = {
            "fit_id": job.id,
            "model": job.model,
            "task": job.spec.task,
            "source": job.source,
            "seed": job.spec.seed,
            "title": job.title(),
        }
        write_json(folder / "record.json", {"fit": columns, "spec": job.to_dict()["spec"], "node": node})
