"""Layer ablation for the fine-tuning analysis of multilingual encoders.

The names below are the public API. They are imported when first used, so that ``import layerlab`` and
the analysis of records need neither torch nor transformers.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerlab.ablation.ablation import Ablation, Timed
    from layerlab.ablation.apply import Receipt, applied, apply
    from layerlab.ablation.callback import AblationCallback
    from layerlab.ablation.interventions import (
        FitDonor,
        Freeze,
        Interpolate,
        Permute,
        PruneHeads,
        Rate,
        Reset,
        Scale,
        Selection,
        ShufflePieces,
        Skip,
        Swap,
        Unfreeze,
        intervention,
    )
    from layerlab.ablation.interventions.donors import Donors
    from layerlab.ablation.sweep import Sweep, sweep
    from layerlab.analysis.effects.sensitivity import aggregate, sensitivity, transfer_gap
    from layerlab.analysis.records.tidy import load_nodes, load_records, write_records
    from layerlab.analysis.records.trajectories import load_trajectories, write_trajectories
    from layerlab.analysis.transfer.oracle import oracle_distances
    from layerlab.data.catalog.corpus import DataSpec, register_corpus
    from layerlab.data.formats.bitext_files import read_bitexts
    from layerlab.errors import LayerlabError, NoEffectError, StudyError
    from layerlab.exporting.export import export
    from layerlab.finetuning.training import Training
    from layerlab.inspection.inspect import inspect_checkpoint
    from layerlab.measures.anc import anc
    from layerlab.measures.bitext_alignment import measure_alignment
    from layerlab.measures.cka import cka
    from layerlab.measures.drift import weight_drift
    from layerlab.measures.options import Measures
    from layerlab.measures.overlap import count_pieces, piece_overlap
    from layerlab.measures.retrieval import retrieve
    from layerlab.models.anatomy import Anatomy, register_anatomy
    from layerlab.models.encoder import Encoder
    from layerlab.models.forward import ResumableForward
    from layerlab.models.layers import Layers, windows
    from layerlab.models.packaged.catalogue import packaged_encoders, register_packaged
    from layerlab.models.stored.bundled import bundled_encoders
    from layerlab.nodes.engines.engine import register_engine
    from layerlab.nodes.kinds.probes import probe_models
    from layerlab.nodes.node import node
    from layerlab.pretraining.factors.factor import Factor, register_factor
    from layerlab.pretraining.run import pretrain
    from layerlab.pretraining.spec import PretrainingSpec
    from layerlab.report.figures.ablations.heatmap import plot_heatmap
    from layerlab.report.figures.ablations.sensitivity import plot_sensitivity
    from layerlab.report.figures.figure import Drawing, Figure
    from layerlab.report.figures.gallery import register_figure
    from layerlab.report.figures.layers.alignment import plot_alignment
    from layerlab.report.figures.layers.probes import plot_probes
    from layerlab.report.tables.effects.paper import paper_table
    from layerlab.report.tables.formats.latex import to_latex
    from layerlab.report.tables.formats.markdown import to_markdown
    from layerlab.report.tables.formats.text import to_csv
    from layerlab.study.plan import Plan
    from layerlab.study.study import Study
    from layerlab.tasks.task import register_task, task

__version__ = "0.1.0"

_HOMES = {
    "layerlab.ablation.ablation": ("Ablation", "Timed"),
    "layerlab.ablation.sweep": ("Sweep", "sweep"),
    "layerlab.ablation.apply": ("Receipt", "applied", "apply"),
    "layerlab.ablation.callback": ("AblationCallback",),
    "layerlab.ablation.interventions.donors": ("Donors",),
    "layerlab.ablation.interventions": (
        "FitDonor",
        "Freeze",
        "Interpolate",
        "Permute",
        "PruneHeads",
        "Rate",
        "Reset",
        "Scale",
        "Selection",
        "ShufflePieces",
        "Skip",
        "Swap",
        "Unfreeze",
        "intervention",
    ),
    "layerlab.analysis.records.tidy": ("load_nodes", "load_records", "write_records"),
    "layerlab.analysis.effects.sensitivity": ("aggregate", "sensitivity", "transfer_gap"),
    "layerlab.analysis.records.trajectories": ("load_trajectories", "write_trajectories"),
    "layerlab.analysis.transfer.oracle": ("oracle_distances",),
    "layerlab.data.formats.bitext_files": ("read_bitexts",),
    "layerlab.data.catalog.corpus": ("DataSpec", "register_corpus"),
    "layerlab.errors": ("LayerlabError", "NoEffectError", "StudyError"),
    "layerlab.exporting.export": ("export",),
    "layerlab.finetuning.training": ("Training",),
    "layerlab.measures.bitext_alignment": ("measure_alignment",),
    "layerlab.measures.anc": ("anc",),
    "layerlab.measures.cka": ("cka",),
    "layerlab.measures.drift": ("weight_drift",),
    "layerlab.measures.retrieval": ("retrieve",),
    "layerlab.measures.options": ("Measures",),
    "layerlab.measures.overlap": ("count_pieces", "piece_overlap"),
    "layerlab.inspection.inspect": ("inspect_checkpoint",),
    "layerlab.models.anatomy": ("Anatomy", "register_anatomy"),
    "layerlab.models.stored.bundled": ("bundled_encoders",),
    "layerlab.models.encoder": ("Encoder",),
    "layerlab.models.forward": ("ResumableForward",),
    "layerlab.models.packaged.catalogue": ("packaged_encoders", "register_packaged"),
    "layerlab.models.layers": ("Layers", "windows"),
    "layerlab.pretraining.factors.factor": ("Factor", "register_factor"),
    "layerlab.pretraining.run": ("pretrain",),
    "layerlab.pretraining.spec": ("PretrainingSpec",),
    "layerlab.report.figures.layers.alignment": ("plot_alignment",),
    "layerlab.report.figures.figure": ("Drawing", "Figure"),
    "layerlab.report.figures.gallery": ("register_figure",),
    "layerlab.report.figures.ablations.heatmap": ("plot_heatmap",),
    "layerlab.report.figures.layers.probes": ("plot_probes",),
    "layerlab.report.figures.ablations.sensitivity": ("plot_sensitivity",),
    "layerlab.report.tables.effects.paper": ("paper_table",),
    "layerlab.report.tables.formats.text": ("to_csv",),
    "layerlab.report.tables.formats.latex": ("to_latex",),
    "layerlab.report.tables.formats.markdown": ("to_markdown",),
    "layerlab.study.plan": ("Plan",),
    "layerlab.nodes.engines.engine": ("register_engine",),
    "layerlab.nodes.node": ("node",),
    "layerlab.nodes.kinds.probes": ("probe_models",),
    "layerlab.study.study": ("Study",),
    "layerlab.tasks.task": ("register_task", "task"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022 - kept in the order of a reader's path
    "Encoder", "bundled_encoders", "packaged_encoders", "register_packaged", "Anatomy", "register_anatomy",
    "Layers", "windows", "inspect_checkpoint",
    "Reset", "Swap", "Permute", "Scale", "Interpolate", "Freeze", "Unfreeze", "Rate", "Skip",
    "PruneHeads", "ShufflePieces", "FitDonor",
    "Donors", "intervention", "Selection", "ResumableForward",
    "apply", "applied", "Receipt", "Ablation", "Timed", "Sweep", "sweep", "AblationCallback",
    "DataSpec", "register_corpus", "task", "register_task",
    "Training", "Measures", "Study", "Plan", "node", "register_engine",
    "read_bitexts", "measure_alignment", "cka", "anc", "retrieve", "weight_drift", "count_pieces",
    "piece_overlap", "PretrainingSpec", "pretrain", "Factor", "register_factor",
    "load_records", "load_nodes", "write_records", "sensitivity", "transfer_gap", "aggregate",
    "load_trajectories", "write_trajectories", "export", "oracle_distances",
    "probe_models", "plot_probes",
    "plot_sensitivity", "plot_heatmap", "plot_alignment", "paper_table", "to_markdown", "to_latex", "to_csv",
    "Figure", "Drawing", "register_figure",
    "LayerlabError", "NoEffectError", "StudyError",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'layerlab' has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME_OF])
