"""Carry out runs: load a fit, apply a run's ``after`` interventions, evaluate every target, restore."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

from safetensors.torch import load_file

from layerlab.ablation.apply import applied, apply
from layerlab.ablation.interventions.donors import Donors
from layerlab.data.catalog import find_corpus
from layerlab.finetuning.evaluation import evaluate
from layerlab.finetuning.loop import Report
from layerlab.finetuning.model import TaskModel, build_task_model
from layerlab.models.encoder import Encoder
from layerlab.models.tokenizers import load_tokenizer
from layerlab.nodes.counting import write_run_counts
from layerlab.nodes.environment import describe_environment
from layerlab.nodes.fitting import load_encoder, longest_input, make_donors, read_planned
from layerlab.nodes.jobs import FitJob, RunJob
from layerlab.nodes.measuring import measure_run
from layerlab.nodes.settings import WorkSettings
from layerlab.nodes.store.store import Store, write_json
from layerlab.tasks.corpora import EncodedCorpus, encode_corpus
from layerlab.tasks.task import Score, Task, get_task
from layerlab.training.devices import make_accelerator


@dataclass
class FittedModel:
    """A complete fit in memory, with the corpora it has been evaluated on so far.

    Attributes:
        job: The fit's job.
        task: Its task.
        model: Encoder and head, skips of the fit re-established.
        tokenizer: The encoder's tokenizer.
        labels: In the order of the head's outputs.
        corpora: Encoded test corpora by target.
        settings: Device and threads.
        donors: Kept between runs, by the fits that they need, since they hold loaded weights.
    """

    job: FitJob
    task: Task
    model: TaskModel
    tokenizer: Any
    labels: tuple[str, ...]
    corpora: dict[str, EncodedCorpus]
    settings: WorkSettings
    donors: dict[tuple[str, ...], Donors] = field(default_factory=dict)


def load_fitted(store: Store, fit_id: str, settings: WorkSettings) -> FittedModel:
    """Load a complete fit with the weights of its selected epoch."""
    job = store.read_fit(fit_id)
    folder, saved = store.node("fit", fit_id), str(store.model("fit", fit_id))
    task = get_task(job.spec.task)
    labels = tuple(json.loads((folder / "labels.json").read_text(encoding="utf-8"))["labels"])
    encoder = load_encoder(saved, None, job.spec.seed)
    model = build_task_model(encoder, task, len(labels), job.training.dropout, job.spec.seed)
    model.head.load_state_dict(load_file(folder / "head.safetensors"))
    for item in (*job.before, *(timed.intervention for timed in job.during)):
        if hasattr(item, "hold"):
            apply(item, encoder, allow_no_effect=True)
    model.to(make_accelerator(settings.device).device)
    return FittedModel(job, task, model, load_tokenizer(saved, None), labels, {}, settings)


def execute_run(store: Store, fitted: FittedModel, job: RunJob, report: Report) -> None:
    """Evaluate one run on its targets and publish its record; the fit in memory is left as it was."""
    started = time.monotonic()
    report({"event": "start", "title": job.title()})
    device = next(fitted.model.parameters()).device
    donors = fitted.donors.setdefault(job.needs, make_donors(store, fitted.job, job.needs))
    scores: list[dict[str, Any]] = []
    counted: list[tuple[str, Score]] = []
    with applied(job.after, Encoder(fitted.model.encoder), donors=donors) as receipts:
        for target in job.spec.targets:
            corpus = _target_corpus(fitted, job, target)
            for score in evaluate(fitted.model, fitted.task, corpus, device):
                row = {"target": target, "split": "test", "metric": score.metric, "layer": None}
                scores.append({**row, "value": score.value, "n": score.n})
                counted.append((target, score))
            report({"event": "target", "target": target})
        scored = time.monotonic()
        scores += measure_run(store, fitted.job, job, Encoder(fitted.model.encoder), fitted.tokenizer, report)
        measuring = time.monotonic() - scored if job.measures is not None else 0.0
    node = {
        "seconds": round(time.monotonic() - started, 3),
        "measuring_seconds": round(measuring, 3),
        "receipts": [receipt.to_dict() for receipt in receipts],
        "targets": {
            target: {
                "n_words": fitted.corpora[target].encoded.n_words,
                "n_windowed_words": fitted.corpora[target].encoded.n_windowed,
                "n_unknown_words": fitted.corpora[target].encoded.n_unknown,
                **fitted.corpora[target].encoded.counts,
                "notes": list(fitted.corpora[target].notes),
            }
            for target in job.spec.targets
        },
        **describe_environment(fitted.settings.device),
    }
    columns = {**job.columns, "run_id": job.id, "fit_id": job.fit_id}
    with store.publish("run", job.id) as folder:
        write_run_counts(folder, counted)
        write_json(folder / "record.json", {"run": columns, "scores": scores, "node": node})
    report({"event": "done", "seconds": node["seconds"]})


def _target_corpus(fitted: FittedModel, job: RunJob, target: str) -> EncodedCorpus:
    if target not in fitted.corpora:
        task = fitted.task
        ref = find_corpus(job.data, task.name, task.formats, target, "test")
        length = longest_input(Encoder(fitted.model.encoder), fitted.job.training)
        read = read_planned(ref, job.spec.targets[target])
        corpus = encode_corpus(task, read, fitted.labels, fitted.tokenizer, length)
        fitted.corpora[target] = corpus
    return fitted.corpora[target]
