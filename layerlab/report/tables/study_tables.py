"""All tables of a study, and their files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from layerlab.analysis.effects.scales import LOG_ODDS, POINTS, Scale
from layerlab.analysis.effects.sensitivity import aggregate
from layerlab.analysis.transfer.aligned import aligned_means, cka_against_retrieval, has_alignment
from layerlab.analysis.transfer.distance import correlate_distances, distance_rows
from layerlab.analysis.transfer.oracle import oracle_distances
from layerlab.files import write_text
from layerlab.report.tables.aligned import aligned_table, cka_table
from layerlab.report.tables.distances import distance_table
from layerlab.report.tables.effects.by_target import target_table
from layerlab.report.tables.effects.domains import with_domains
from layerlab.report.tables.effects.drops import drop_table
from layerlab.report.tables.effects.paper import paper_table
from layerlab.report.tables.effects.scores import score_table
from layerlab.report.tables.formats.latex import to_latex
from layerlab.report.tables.formats.markdown import to_markdown
from layerlab.report.tables.formats.text import left_out, to_csv
from layerlab.report.tables.layout import Table
from layerlab.report.tables.trajectory import trajectory_table
from layerlab.report.tables.transfer import transfer_table

#: Effects of a study by scale, as ``significance`` gives them.
Effects = Mapping[Scale, pd.DataFrame]


@dataclass(frozen=True)
class StudyTable:
    """One table of a report.

    Attributes:
        name: Stem of its files.
        title: Its heading.
        lay_out: Takes records (or scores along training) and effects, and gives the table; None where they
            have no data for it.
        csv: The file that has its numbers.
    """

    name: str
    title: str
    lay_out: Callable[[pd.DataFrame, Effects], Table | None]
    csv: str = "effects.csv"

    @property
    def files(self) -> str:
        """Where its files are, below a report's folder."""
        return f"tables/{self.name}.md, tables/{self.name}.tex, tables/{self.csv}"


def _paper(_: pd.DataFrame, effects: Effects) -> Table | None:
    effect = effects[POINTS]
    return with_domains(paper_table(effect), effect) if len(effect) else None


def _drops(_: pd.DataFrame, effects: Effects) -> Table | None:
    effect = effects[POINTS]
    return with_domains(drop_table(effect), effect) if len(effect) else None


def _log_odds(_: pd.DataFrame, effects: Effects) -> Table | None:
    effect = effects[LOG_ODDS]
    return with_domains(drop_table(effect), effect) if effect["effect"].notna().any() else None


def _by_target(_: pd.DataFrame, effects: Effects) -> Table | None:
    effect = effects[POINTS]
    return target_table(effect) if (effect["quantity"] == "zero_shot_drop").any() else None


def _scores(frame: pd.DataFrame, _: Effects) -> Table | None:
    return score_table(frame) if frame["layer"].isna().any() else None


def _transfer(frame: pd.DataFrame, _: Effects) -> Table | None:
    table = transfer_table(frame) if frame["layer"].isna().any() else Table(())
    return table if table.sections else None


def _distances(frame: pd.DataFrame, _: Effects) -> Table | None:
    table = distance_table(frame) if len(distance_rows(frame)) else Table(())
    return table if table.sections else None


def _aligned(frame: pd.DataFrame, _: Effects) -> Table | None:
    return aligned_table(frame) if has_alignment(frame) else None


def _cka(frame: pd.DataFrame, _: Effects) -> Table | None:
    table = cka_table(frame) if has_alignment(frame) else Table(())
    return table if table.sections else None


#: The tables of a report, in its order.
TABLES = (
    StudyTable("table", "What each ablation costs", _paper),
    StudyTable("effects", "Every effect with its interval, q value and test of no effect", _drops),
    StudyTable("effects-log-odds", "Every effect in log-odds", _log_odds, csv="effects-log-odds.csv"),
    StudyTable("targets", "By target language", _by_target),
    StudyTable("transfer", "From every source to every target", _transfer, csv="scores.csv"),
    StudyTable("distances", "Transfer gap against distance", _distances, csv="distances.csv"),
    StudyTable(
        "aligned", "Encoders that were trained independently, by map and bound", _aligned, csv="aligned.csv"
    ),
    StudyTable("aligned-cka", "CKA of encoders with the retrieval between them", _cka, csv="aligned-cka.csv"),
    StudyTable("scores", "Mean scores", _scores, csv="scores.csv"),
)


#: The table of scores along training, which comes last.
TRAJECTORY = StudyTable(
    "trajectory",
    "The chosen epoch and the best one by target",
    lambda trajectories, _: trajectory_table(trajectories) if len(trajectories) else None,
    csv="trajectory.csv",
)


def lay_out_tables(
    frame: pd.DataFrame, effects: Effects, trajectories: pd.DataFrame | None = None
) -> dict[StudyTable, Table]:
    """Lay out every table that there is data for.

    Args:
        frame: Tidy records.
        effects: What ``significance`` gives of them, on every scale.
        trajectories: Scores along training, if there are any.
    """
    tables = {kind: kind.lay_out(frame, effects) for kind in TABLES}
    if trajectories is not None:
        tables[TRAJECTORY] = TRAJECTORY.lay_out(trajectories, effects)
    return {kind: table for kind, table in tables.items() if table is not None}


def write_tables(
    frame: pd.DataFrame,
    effects: Effects,
    tables: dict[StudyTable, Table],
    folder: Path,
    trajectories: pd.DataFrame | None = None,
) -> list[Path]:
    """Write tables as Markdown and LaTeX, and the numbers behind them as CSV; return the paths."""
    texts = {"scores.csv": to_csv(aggregate(frame))}
    if trajectories is not None and TRAJECTORY in tables:
        texts[TRAJECTORY.csv] = to_csv(oracle_distances(trajectories))
    names = {kind.csv for kind in tables}
    for scale, name in ((POINTS, "effects.csv"), (LOG_ODDS, "effects-log-odds.csv")):
        if name in names:
            texts[name] = to_csv(effects[scale])
    if has_alignment(frame):
        texts["aligned.csv"] = to_csv(aligned_means(frame))
        texts["aligned-cka.csv"] = to_csv(cka_against_retrieval(frame))
    if len(distance_rows(frame)):
        texts["distances.csv"] = to_csv(correlate_distances(frame))
    for kind, table in tables.items():
        notes = left_out(effects[POINTS]) if kind.name == "table" else ""
        texts |= {f"{kind.name}.md": to_markdown(table) + notes, f"{kind.name}.tex": to_latex(table)}
    for name, text in texts.items():
        write_text(folder / name, text, flush=False)
    return [folder / name for name in texts]
