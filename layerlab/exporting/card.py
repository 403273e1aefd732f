"""The model card of an exported fit: what it is, what was ablated, how it scores, how it was made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pandas as pd

from layerlab.ablation.ablation import Ablation
from layerlab.analysis.sentences.counts import COUNTS
from layerlab.analysis.sentences.score_intervals import score_intervals
from layerlab.analysis.stored.record import Record, ScoreRow
from layerlab.data.catalog.defaults import find_default
from layerlab.exporting.chosen import read_record
from layerlab.exporting.use import how_to_use
from layerlab.names import entry_words, metric_name, task_name
from layerlab.targets import language_of, sources_of
from layerlab.tasks.words import reads_words

if TYPE_CHECKING:
    from layerlab.exporting.chosen import Chosen
    from layerlab.exporting.classes import Exported
    from layerlab.nodes.kinds.fit import Fit
    from layerlab.nodes.store.store import Store

# Codes that the Hub takes for languages.
_CODES: Final = (2, 3)

Intervals = Mapping[tuple[str, str], tuple[float, float]]


@dataclass(frozen=True)
class Scored:
    """The scores of what is exported, on the test sets of its targets.

    Attributes:
        rows: One a target and metric.
        intervals: By target and metric, where the run keeps counts of sentences.
        receipts: Of the interventions after fine-tuning.
    """

    rows: Sequence[ScoreRow] = ()
    intervals: Intervals | None = None
    receipts: Sequence[Mapping[str, Any]] = ()


def write_card(
    chosen: Chosen, labels: Sequence[str], made: Exported, n_pieces: int, *, trained_in: Store
) -> str:
    """Return the model card as Markdown with a YAML header.

    Args:
        chosen: What is exported.
        labels: Of the head.
        made: The class.
        n_pieces: Longest input in word-pieces.
        trained_in: The store that the weights are from.
    """
    fit = chosen.fit
    record = read_record(chosen.store, fit)
    scored = _read_scores(chosen)
    after = () if chosen.run is None else chosen.run.after
    entries = Ablation(before=fit.before, during=fit.during, after=after).entries
    name = f"{_short(fit.model)}-{fit.spec.task}-{fit.source}-{chosen.id}"
    is_pairs = not reads_words(fit.task)
    again = None if trained_in is chosen.store else read_record(trained_in, fit)
    parts = [
        _header(chosen, scored, name, is_pairs),
        f"# {name}",
        f"{_short(fit.model)}, fine-tuned on {task_name(fit.spec.task)} in `{fit.source}` with layerlab, a "
        f"toolkit for layer ablation. {_class_of(made)}",
        "## Ablation",
        *_ablation(entries, [*record.facts.get("receipts", ()), *scored.receipts]),
        "## Use",
        how_to_use(fit, is_pairs, n_pieces),
        "## Scores",
        _scores(scored, fit.source),
        "## How it was made",
        _made(chosen, record, again),
        "## Licence and limits",
        _limits(fit, bool(entries)),
    ]
    return "\n\n".join(parts) + "\n"


def _header(chosen: Chosen, scored: Scored, name: str, is_pairs: bool) -> str:
    """Return the YAML header, with what is known."""
    from huggingface_hub import EvalResult, ModelCardData

    fit = chosen.fit
    kind = "text-classification" if is_pairs else "token-classification"
    found = {source: _dataset(fit, source) for source in sources_of(fit.source)}
    results = [
        EvalResult(
            task_type=kind,
            dataset_type=_dataset(fit, row.target) or "local",
            dataset_name=f"{row.target} ({row.split})",
            dataset_config=row.target,
            dataset_split=row.split,
            metric_type=row.metric,
            metric_value=round(row.value, 6),
        )
        for row in scored.rows
        if row.value is not None
    ]
    languages = {language_of(one) for one in (*sources_of(fit.source), *(row.target for row in scored.rows))}
    data = ModelCardData(
        model_name=name,
        library_name="transformers",
        pipeline_tag=kind,
        base_model=fit.location if fit.revision else None,
        license=_licence(fit),
        datasets=sorted({one for one in found.values() if one}) or None,
        language=[] if fit.data.controlled else sorted(one for one in languages if len(one) in _CODES),
        tags=["layerlab", "layer-ablation"],
        eval_results=results or None,
    )
    return f"---\n{data.to_yaml()}\n---"


def _dataset(fit: Fit, language: str) -> str | None:
    """Return the Hub id of the corpus of a language, if it is one of the Hub's."""
    if fit.data.hub is not None:
        return None if Path(fit.data.hub).exists() else fit.data.hub
    found = find_default(fit.spec.task, language)
    return None if fit.data.root or fit.data.controlled or found is None else found[0]


def _licence(fit: Fit) -> str | None:
    """Return the licence that the encoder's own card names, if the card is on this machine."""
    from huggingface_hub import ModelCard, try_to_load_from_cache

    if fit.revision is None:
        file: Any = Path(fit.location) / "README.md"
    else:
        file = try_to_load_from_cache(fit.location, "README.md", revision=fit.revision)
    if not isinstance(file, str | Path) or not Path(file).is_file():
        return None
    try:
        licence: str | None = ModelCard.load(file, ignore_metadata_errors=True).data.license
    except (OSError, ValueError, AttributeError):
        return None
    return licence


def _read_scores(chosen: Chosen) -> Scored:
    runs = chosen.runs()
    if not runs:
        return Scored()
    record = read_record(chosen.store, runs[0])
    rows = [row for row in record.scores if row.split == "test" and row.layer is None]
    counts = chosen.store.folder("run", runs[0].id) / COUNTS
    intervals = score_intervals(pd.read_parquet(counts)) if counts.is_file() else None
    return Scored(rows, intervals, record.facts.get("receipts", ()))


def _short(model: str) -> str:
    return model.rstrip("/").rpartition("/")[2]


def _class_of(made: Exported) -> str:
    exact = (
        "no bit differs" if made.difference == 0 else f"largest difference {made.difference:.0e}, relative"
    )
    return (
        f"It is a plain `{type(made.model).__name__}` whose logits, in float32, are those that layerlab "
        f"evaluated ({exact})."
    )


def _ablation(entries: Sequence[Mapping[str, Any]], receipts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what was done to the layers, and the receipts."""
    if not entries:
        return ["None: this is the baseline."]
    words = [f"- {entry_words(entry, with_layers=True)}" for entry in entries]
    lines = [
        "| receipt of | parameters | changed | values | digest before | digest after |",
        "|---|---|---|---|---|---|",
    ]
    for one in receipts:
        kind = next(iter(one["intervention"]), "")
        cells = (kind, len(one["parameters"]), one["n_changed"], f"{one['n_values']:,}")
        digests = (f"`{one['digest_before']}`", f"`{one['digest_after']}`")
        lines.append(f"| {' | '.join(map(str, (*cells, *digests)))} |")
    return ["\n".join(words), "\n".join(lines)]


def _scores(scored: Scored, source: str) -> str:
    if not scored.rows:
        return "It was not evaluated as it is."
    lines = ["| language | metric | score | 95% interval | n |", "|---|---|---|---|---|"]
    for row in scored.rows:
        if row.value is None:
            continue
        low_high = (scored.intervals or {}).get((row.target, row.metric))
        interval = "" if low_high is None else f"{100 * low_high[0]:.1f} to {100 * low_high[1]:.1f}"
        is_source = " (source)" if row.target in sources_of(source) else ""
        lines.append(
            f"| {row.target}{is_source} | {metric_name(row.metric)} | {100 * row.value:.1f} | {interval} | "
            f"{row.n if row.n is not None else ''} |"
        )
    note = (
        "On test sets; languages other than the source are zero-shot. Intervals are a bootstrap over test "
        "sentences of this one fit: other seeds vary more."
    )
    return "\n".join(lines) + f"\n\n{note}"


def _made(chosen: Chosen, record: Record, again: Record | None) -> str:
    fit, facts = chosen.fit, record.facts
    study = (chosen.store.read_manifest() or {}).get("study", "")
    versions = facts.get("versions", {})
    named = ", ".join(f"{name} {version}" for name, version in versions.items() if version)
    training = ", ".join(f"{name} {_plain(value)}" for name, value in fit.training.model_dump().items())
    lines = [
        f"- study `{study}`, fit `{fit.id}`" + ("" if chosen.run is None else f", run `{chosen.run.id}`"),
        f"- seed {fit.spec.seed}; {facts.get('n_steps')} steps on {facts.get('n_train_words')} words, the "
        f"weights of epoch {int(facts.get('best_epoch', 0)) + 1}",
        f"- training: {training}",
        f"- on {facts.get('device')}, with {named}"
        + (f", commit `{facts['git_commit']}`" if facts.get("git_commit") else ""),
    ]
    if again is not None and _history(again) == _history(record):
        lines.append(
            "- the weights were trained again for this export; losses and scores on the source's development "
            "set are those of the first time, bit for bit"
        )
    elif again is not None:
        lines.append(
            "- the weights were trained again for this export, and losses or scores on the source's "
            "development set differ from the first time: the scores above are close to this model's, not its "
            "own"
        )
    return "\n".join(lines)


def _history(record: Record) -> list[tuple[Any, Any]]:
    return [(one.get("loss"), one.get("dev")) for one in record.facts.get("history", ())]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items()) or "none"
    return "none" if value is None else str(value)


def _limits(fit: Fit, is_ablated: bool) -> str:
    licence = _licence(fit)
    lines = [
        f"The encoder's card names the licence `{licence}`."
        if licence
        else "No licence of the encoder is known here; its own terms, and those of the corpora, hold."
    ]
    if is_ablated:
        lines.append(
            "Its layers were changed on purpose, to see what is lost; for any other use take the baseline."
        )
    if fit.data.controlled:
        lines.append("Its languages are invented, made by a generator; it reads no natural one.")
    return " ".join(lines)
