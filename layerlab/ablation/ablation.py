"""Ablations: which interventions are made when, one by one or swept over the layers."""

from __future__ import annotations

from layerlab.ablation.condition import Ablation, Timed, misplaced
from layerlab.ablation.parsing import dump_ablation, parse_ablation
from layerlab.ablation.sweep import Sweep, Swept, sweep

__all__ = ["Ablation", "Sweep", "Swept", "Timed", "dump_ablation", "misplaced", "parse_ablation", "sweep"]
