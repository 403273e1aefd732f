"""Runs of one fit on the same targets, evaluated together: what none of them changes is computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from layerlab.ablation.interventions import Intervention
from layerlab.ablation.prepared import Prepared, prepare
from layerlab.data.bitext import Texts
from layerlab.data.spec import DataSpec
from layerlab.errors import LayerlabError
from layerlab.finetuning.evaluation import predict_each
from layerlab.finetuning.prefix.forms import OWN, Forms
from layerlab.measures.options import Pooling
from layerlab.measures.states import states_of_forms
from layerlab.nodes.kinds.evaluation.fitted import Fitted
from layerlab.nodes.kinds.evaluation.layer_scores import Measured
from layerlab.nodes.kinds.evaluation.reference import Levels
from layerlab.nodes.node import Work
from layerlab.nodes.store.store import Store
from layerlab.tasks.task import Score
from layerlab.training.shortcuts.shortcut import Taken

#: Bytes of changed weights that lie ready at once; runs beyond them are evaluated in a second pass.
READY_BYTES: Final = 1 << 30
#: A kill costs at most the evaluation of so many runs.
MOST_TOGETHER: Final = 40

Counted = list[tuple[str, Score]]


@dataclass(frozen=True)
class SharedPrefix:
    """Whether runs may share the layers below the first one that each changes."""

    name: str = "shared-prefix"

    def refuses(self, case: Sequence[Any]) -> str:
        """Return why some runs of one fit on the same targets are not evaluated together.

        >>> SharedPrefix().refuses(["the only run"])
        'no other run of the fit has its targets'
        """
        return "" if len(case) > 1 else "no other run of the fit has its targets"


def prepare_forms(
    fitted: Fitted, store: Store, after: Mapping[str, tuple[Sequence[Intervention], tuple[str, ...]]]
) -> Iterator[dict[str, Prepared]]:
    """Yield runs by their ids, so many at a time that their weights fit into memory.

    Args:
        fitted: The fit.
        store: Holds the fits that donate weights.
        after: Of each run its interventions, and the ids of the fits that donate weights to them. A run whose
            interventions cannot be made is left out.
    """
    ready: dict[str, Prepared] = {}
    for run_id, (items, fits) in after.items():
        try:
            form = prepare(items, fitted.encoder, fitted.donors_of(store, fits), fitted.model.head)
        except LayerlabError:
            continue
        if ready and sum(one.n_bytes for one in ready.values()) + form.n_bytes > READY_BYTES:
            yield ready
            ready = {}
        ready[run_id] = form
    if ready:
        yield ready


def evaluate_forms(
    fitted: Fitted,
    forms: Mapping[str, Prepared],
    data: DataSpec,
    targets: Mapping[str, str],
    work: Work,
    taken: Taken,
) -> dict[str, Counted]:
    """Return the scores of each run on every target, by run.

    Args:
        fitted: The fit.
        forms: What each run changes.
        data: Where the corpora are.
        targets: Target to the digest of its corpus.
        work: Settings, and what receives progress events.
        taken: Which shortcuts may be taken; gets notes.

    Raises:
        DataError: A corpus is not what it was when the plan was made.
    """
    device = next(fitted.model.parameters()).device
    lowest = min((form.start for form in forms.values() if form.start is not None), default=0)
    counted: dict[str, Counted] = {run_id: [] for run_id in forms}
    for target, planned in targets.items():
        corpus = fitted.corpus(data, target, planned)
        prefix = fitted.prefix(corpus, taken, lowest)
        model = fitted.model.speaking(target)
        outputs = partial(Forms(model, forms, prefix).outputs, corpus)
        decoded = predict_each(tuple(forms), outputs, model, fitted.task, corpus, device)
        for run_id, predictions in decoded.items():
            scores = fitted.task.score(corpus.sentences, corpus.labels, predictions)
            counted[run_id] += [(target, score) for score in scores]
        work.report({"event": "target", "target": target})
    return counted


def measured_together(fitted: Fitted, *, forms: Mapping[str, Prepared]) -> Measured:
    """Return runs by their ids, to be measured beside each other: lower levels are those of the fit."""

    def states_of(texts: Texts, language: str, pooling: Pooling) -> Mapping[str, Levels]:
        tokenizer = fitted.tokenizer_of(language)
        together = Forms(fitted.model.speaking(language), forms)
        encoder = fitted.encoder.speaking(language)
        found = states_of_forms(encoder, texts, tokenizer, together.levels, pooling=pooling)
        own = tuple(found.pop(OWN)[1])
        return {run_id: (*own[:level], *states) for run_id, (level, states) in found.items()}

    return Measured(
        {run_id: bool(form.receipts) for run_id, form in forms.items()},
        states_of,
        lambda run_id: forms[run_id].in_place(),
    )


def describe_sharing(form: Prepared, n_runs: int, n_layers: int) -> str:
    """Return what a run shared with others, for its record.

    >>> from types import SimpleNamespace
    >>> describe_sharing(SimpleNamespace(start=3), 13, 12)
    'computed from layer 3 on, beside 12 other runs'
    """
    beside = f"beside {n_runs - 1} other runs"
    if form.start is None:
        return f"computed from the input on, {beside}"
    if form.start == n_layers:
        return f"the fit's own states, {beside}"
    return f"computed from layer {form.start} on, {beside}"
