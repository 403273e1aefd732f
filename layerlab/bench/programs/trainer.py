"""A RANDOM-INIT study with the Hugging Face Trainer, written as its users write one.

``python -m layerlab.bench.programs.trainer JOB.json``, fit after fit in one process: re-initialise layers of
a pretrained model, fine-tune it on the source language, evaluate it on every target. Nothing of layerlab is
used. ``TrainingArguments`` are the defaults apart from those that such a study sets: batch size, epochs,
rate, warm-up, evaluation after each epoch, and the best model at the end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
    set_seed,
)


def read_conllu(path: Path) -> Dataset:
    """Read words and tags of a treebank."""
    rows: dict[str, list[list[str]]] = {"tokens": [], "tags": []}
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        words = [line.split("\t") for line in block.split("\n") if line[:1].isdigit()]
        words = [columns for columns in words if columns[0].isdigit()]
        rows["tokens"].append([columns[1] for columns in words])
        rows["tags"].append([columns[3] for columns in words])
    return Dataset.from_dict(rows)


def tokenise(dataset: Dataset, tokenizer: Any, label_ids: dict[str, int], max_length: int) -> Dataset:
    """Cut words into pieces; the first piece of a word carries its label."""

    def encode(rows: dict[str, Any]) -> Any:
        encoded = tokenizer(rows["tokens"], is_split_into_words=True, truncation=True, max_length=max_length)
        encoded["labels"] = []
        for index, tags in enumerate(rows["tags"]):
            previous, labels = None, []
            for word in encoded.word_ids(batch_index=index):
                new = word is not None and word != previous
                labels.append(label_ids.get(tags[word], -100) if new else -100)
                previous = word
            encoded["labels"].append(labels)
        return encoded

    return dataset.map(encode, batched=True, remove_columns=dataset.column_names)


def reinitialise(model: Any, layers: list[int]) -> None:
    """Give layers fresh weights, as the model's own initialisation draws them."""
    stack = model.base_model.layers if hasattr(model.base_model, "layers") else model.base_model.encoder.layer
    for index in layers:
        for module in stack[index].modules():
            if isinstance(module, torch.nn.Linear):
                module.weight.data.normal_(0.0, model.config.initializer_range)
                if module.bias is not None:
                    module.bias.data.zero_()
            elif isinstance(module, torch.nn.LayerNorm):
                module.weight.data.fill_(1.0)
                if module.bias is not None:
                    module.bias.data.zero_()


def accuracy(prediction: Any) -> dict[str, float]:
    """Return the fraction of words with the right tag."""
    best = np.argmax(prediction.predictions, axis=-1)
    words = prediction.label_ids != -100
    return {"accuracy": float((best == prediction.label_ids)[words].mean())}


def fit(job: Any, data: dict[str, Any], tokenizer: Any, labels: list[str], one: dict[str, Any]) -> Any:
    """Fine-tune with one ablation and seed, evaluate on every target, return scores and steps."""
    set_seed(one["seed"])
    model = AutoModelForTokenClassification.from_pretrained(
        job["encoder"], num_labels=len(labels), dtype=torch.float32
    )
    reinitialise(model, one["layers"])
    arguments = TrainingArguments(
        output_dir=str(
            Path(job["output"]) / f"seed-{one['seed']}-layers-{'-'.join(map(str, one['layers']))}"
        ),
        num_train_epochs=job["epochs"],
        per_device_train_batch_size=job["batch_size"],
        per_device_eval_batch_size=job["batch_size"],
        learning_rate=job["learning_rate"],
        warmup_steps=job["warmup"],
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="accuracy",
        seed=one["seed"],
        report_to="none",
        train_sampling_strategy="group_by_length" if job["grouped"] else "random",
    )
    trainer: Any = Trainer(
        model=model,
        args=arguments,
        data_collator=DataCollatorForTokenClassification(tokenizer),
        train_dataset=data["train"],
        eval_dataset=data["dev"],
        processing_class=tokenizer,
        compute_metrics=accuracy,
    )
    trainer.train()
    scores = {target: trainer.predict(data[target]).metrics["test_accuracy"] for target in job["targets"]}
    return {**one, "steps": trainer.state.global_step, "scores": scores}


def main(path: Path) -> None:
    """Carry out a study and write what it gave to ``OUTPUT/results.json``."""
    job = json.loads(path.read_text(encoding="utf-8"))
    root, source = Path(job["data"]), job["source"]
    tokenizer = AutoTokenizer.from_pretrained(job["encoder"])
    raw = {split: read_conllu(root / source / f"{split}.conllu") for split in ("train", "dev")}
    raw |= {target: read_conllu(root / target / "test.conllu") for target in job["targets"]}
    labels = sorted({tag for tags in raw["train"]["tags"] for tag in tags})
    label_ids = {label: index for index, label in enumerate(labels)}
    data = {name: tokenise(one, tokenizer, label_ids, job["max_length"]) for name, one in raw.items()}
    fits = [
        fit(job, data, tokenizer, labels, {"seed": seed, "layers": layers})
        for seed in job["seeds"]
        for layers in job["ablations"]
    ]
    (Path(job["output"]) / "results.json").write_text(json.dumps(fits), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
