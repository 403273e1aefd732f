"""The figures of probes with their words."""

from __future__ import annotations

from collections.abc import Iterator

from layerlab.report.figures.drawing import Drawing, Material
from layerlab.report.figures.probes import PROBE, plot_probes, probe_rows
from layerlab.report.style.captions import capital, count, seeds_words
from layerlab.report.style.panels import METRIC_NAMES
from layerlab.report.style.wording import slug, task_words


def draw_probes(material: Material) -> Iterator[Drawing]:
    """Draw the probes of each task, all models side by side."""
    frame = material.frame
    rows = frame[(frame["ablation"] == PROBE) & frame["layer"].notna()]
    for task, part in rows.groupby("task", sort=False):
        metric = material.metric if material.metric in set(part["metric"]) else None
        shown = probe_rows(part, metric)
        name = METRIC_NAMES.get(str(shown["metric"].iloc[0]), str(shown["metric"].iloc[0]))
        n_seeds = shown.groupby(["model", "source"])["seed"].nunique()
        caption = (
            f"{capital(name)} in percent of linear probes on the frozen states of each layer, trained on the "
            f"source and read on {count(shown['target'].nunique(), 'language')}; {seeds_words(n_seeds)}."
        )
        title = f"Probes by layer: {task_words(str(task))}"
        yield Drawing(f"probes-{slug(str(task))}", title, caption, plot_probes(part, metric))
