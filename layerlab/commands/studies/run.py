"""``layerlab run`` and ``layerlab status``: a study carried out, and where it stands."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from layerlab.commands.arguments import (
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    CheckpointSeconds,
    Device,
    Folder,
    Keep,
    Only,
    Overrides,
    Processes,
    Retries,
    Shortcuts,
    StudyFile,
    Workers,
    expand_study,
)
from layerlab.disk import free_bytes
from layerlab.errors import Problem, StudyError
from layerlab.names import first_of, visible

if TYPE_CHECKING:
    from layerlab.nodes.engines.engine import MakeEngine
    from layerlab.study.directory.status import Listed
    from layerlab.study.study import StudyPlan

#: So many nodes that are worked on, or blocked, are named.
LISTED = 16
EngineName = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE",
        help="local, inline, ray, slurm or a registered one; or a YAML file with its name and options "
        "[default: by workers].",
    ),
]
EngineOptions = Annotated[
    list[str] | None, typer.Option(metavar="KEY=VALUE", help="An option of the engine; may be repeated.")
]
Address = Annotated[
    str | None,
    typer.Option(help="Of a Ray cluster: auto, HOST:6379 or ray://HOST:10001 [default: one is started]."),
]
MirrorUrl = Annotated[
    str | None,
    typer.Option(
        "--mirror",
        metavar="URL",
        help="Share the study with hosts that have results directories of their own, through a folder in an "
        "object store such as s3://bucket/study.",
    ),
]
Report = Annotated[bool, typer.Option(help="Write tables and figures at the end.")]
Detach = Annotated[
    bool, typer.Option("--detach", help="Leave once all is submitted; for engines such as slurm.")
]


def run(
    study: StudyFile,
    overrides: Overrides = None,
    results: Folder = None,
    only: Only = None,
    workers: Workers = None,
    device: Device = "auto",
    checkpoint_seconds: CheckpointSeconds = 60.0,
    engine: EngineName = None,
    engine_option: EngineOptions = None,
    address: Address = None,
    retries: Retries = 0,
    processes: Processes = 1,
    shortcuts: Shortcuts = "all",
    keep: Keep = None,
    report: Report = True,
    detach: Detach = False,
    mirror: MirrorUrl = None,
) -> None:
    """Carry out a study; what is complete is not done again, what was interrupted goes on.

    \b
    layerlab run experiments/random_init_upos.yaml
    layerlab run experiments/random_init_upos.yaml --set seeds=[0] --only ablation=none --workers 2
    """
    from layerlab.study.directory.parts import is_divided, part_of

    expanded, folder = expand_study(study, overrides, results, only, check="unless done")
    chosen = _chosen(engine, [*(engine_option or ()), *([f"address={address}"] if address else ())])
    carry_out(
        expanded,
        folder,
        report=report,
        workers=workers,
        device=device,
        checkpoint_seconds=checkpoint_seconds,
        engine=chosen,
        retries=retries,
        shortcuts=shortcuts,
        keep=keep,
        part=part_of(study, overrides or ()),
        divided=is_divided(overrides or ()),
        detach=detach,
        processes=processes,
        mirror=mirror,
    )


def _chosen(engine: str | None, options: list[str]) -> str | MakeEngine | None:
    """Return an engine by name, or what makes it with its options.

    Raises:
        StudyError: There is no such engine, or it has no such options.
    """
    from layerlab.nodes.engines.options import choose_engine

    if engine is None and options:
        raise StudyError([Problem("--engine-option", f"--engine is missing; got {', '.join(options)}")])
    plain = engine is None or not (options or engine.endswith((".yaml", ".yml")))
    return engine if plain else choose_engine(str(engine), options)


def carry_out(plan: StudyPlan, folder: Path, *, report: bool, **options: Any) -> None:
    """Run a plan, say what failed, write the report, and end with the exit status."""
    from layerlab.commands.results.report import renew_report, show_report
    from layerlab.nodes.sharing import process_rank
    from layerlab.nodes.store.runners import Cancelled

    print(f"{plan!r}, results in {folder}", file=sys.stderr)
    try:
        outcome = plan.run(folder, **options)
    except KeyboardInterrupt as end:
        how = "cancelled by another process" if isinstance(end, Cancelled) else "interrupted"
        print(f"{how}; the same command goes on from here", file=sys.stderr)
        for line in _describe_jobs(folder):
            print(f"{line} go on; `layerlab cancel` ends them", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if process_rank() > 0:
        return
    if outcome.left_to:
        print(f"{outcome.left_to}; see `layerlab status`; the same command joins them again", file=sys.stderr)
        raise typer.Exit(DONE)
    for failure in outcome.status.failures:
        print(f"failed: {_told(failure)}", file=sys.stderr)
        print(f"        {outcome.store.failed(failure['id']) / 'traceback.txt'}", file=sys.stderr)
    for title in first_of(outcome.status.blocked, LISTED):
        print(f"blocked by a failed fit: {visible(title)}", file=sys.stderr)
    if not (outcome.good or outcome.status.failures):
        free = free_bytes(folder)
        left = "" if free is None else f"; {free / 1e6:,.1f} MB are free in {folder}"
        print(f"not complete, and no failure could be noted{left}", file=sys.stderr)
    for what in outcome.status.damaged:
        print(f"damaged: {visible(what)}", file=sys.stderr)
    if report and outcome.status.n_done:
        trackers = plan.study.report_to
        paths = renew_report(folder, png=bool(trackers))
        for path in paths:
            print(path)
        if trackers:
            show_report(trackers, plan.study.name, folder, paths)
    print(f"{outcome.status.summary()}; {folder / 'records.csv'}")
    raise typer.Exit(DONE if outcome.good else SOME_FAILED)


def status(
    study: Annotated[
        Path,
        typer.Argument(
            help="Study file (YAML), or a results directory.", metavar="STUDY", show_default=False
        ),
    ],
    overrides: Overrides = None,
    results: Folder = None,
    anew: Annotated[
        bool,
        typer.Option("--check", help="Read every record, and compare every file with its digest."),
    ] = False,
) -> None:
    """Show where a study stands, also while other processes work on it.

    Of a results directory it is the plan that was run last there, and no study is expanded. Records that have
    not changed since they were indexed are not read again; --check reads all.

    \b
    layerlab status experiments/random_init_upos.yaml
    layerlab status results/random-init-upos
    layerlab status results/random-init-upos --check
    """
    from layerlab.nodes.store.runners import find_runners
    from layerlab.nodes.store.store import Store
    from layerlab.study.directory.standing import read_standing

    nodes: Sequence[Listed] | None = None
    if study.is_dir():
        if overrides or results:
            raise typer.BadParameter(f"{study} is a results directory: --set and --results need a study file")
        folder = study
    else:
        expanded, folder = expand_study(study, overrides, results, None, check=False)
        nodes = expanded.nodes
    found = read_standing(Store(folder), nodes, anew=anew)
    print(f"{found.summary()} in {folder}")
    for runner in find_runners(Store(folder)):
        print(f"  runner   {visible(str(runner))}")
    for line in _describe_jobs(folder):
        print(f"  {line}")
    for line in first_of([*map(str, found.active)], LISTED):
        print(f"  running  {line}")
    for failure in found.failures:
        print(f"  failed   {_told(failure)}")
    for title in first_of(found.blocked, LISTED):
        print(f"  blocked  {visible(title)}")
    for what in found.damaged:
        print(f"  damaged  {visible(what)}")
    raise typer.Exit(SOME_FAILED if found.failures else DONE)


def _describe_jobs(folder: Path) -> list[str]:
    """Return a line on the jobs that were submitted and wait or run, if there are any."""
    from layerlab.nodes.engines.on_slurm.jobs import describe_jobs, find_jobs
    from layerlab.nodes.store.store import Store

    jobs = find_jobs(Store(folder))
    return [f"jobs     {describe_jobs(jobs)}"] if jobs else []


def _told(failure: Mapping[str, str]) -> str:
    return visible(f"{failure['title']}: {failure['error']}: {failure['message']}", keep="\n")
