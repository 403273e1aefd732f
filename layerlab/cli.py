"""The command line: verbs, each one call into the API.

Nothing heavy is imported before a verb needs it, so that ``layerlab --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import (
    DONE,
    INTERRUPTED,
    SOME_FAILED,
    Folder,
    Keep,
    Only,
    Overrides,
    Shortcuts,
    StudyFile,
    Workers,
    expand_study,
)
from layerlab.commands.bench import bench
from layerlab.commands.check import check
from layerlab.commands.demo import demo
from layerlab.commands.encoders import app as encoders
from layerlab.commands.failures import DEBUG, report_error
from layerlab.commands.languages import app as languages
from layerlab.commands.measure import measure
from layerlab.commands.plot import plot
from layerlab.commands.pretrain import pretrain
from layerlab.commands.probe import probe
from layerlab.commands.prune import prune
from layerlab.commands.report import report
from layerlab.commands.table import records, table
from layerlab.names import visible

app = typer.Typer(
    name="layerlab",
    help="Layer ablation for the fine-tuning analysis of multilingual encoders.",
    epilog="Exit status: 0 done, 1 something failed, 2 the study or an argument is wrong, 70 a mistake of "
    "layerlab's, 130 interrupted. --debug, or LAYERLAB_DEBUG=1, shows tracebacks.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(languages)
app.add_typer(encoders)


def main() -> None:
    """Run the command line and turn every error into a message and an exit status."""
    if "--debug" in sys.argv[1:]:
        sys.argv.remove("--debug")
        os.environ[DEBUG] = "1"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may not know every script
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SystemExit as end:
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
            print("interrupted", file=sys.stderr)
        raise
    except BaseException as error:  # whatever it is, nobody is shown a bare traceback
        sys.exit(report_error(error))


@app.command()
def describe(
    model: Annotated[
        str, typer.Argument(help="Folder, bundled name or Hub id.", metavar="MODEL", show_default=False)
    ],
) -> None:
    """Show a model's parts: which layers it has, where they are, how many parameters each holds.

    \b
    layerlab describe bert-base-multilingual-cased
    layerlab describe path/to/checkpoint
    """
    from layerlab.models.encoder import Encoder
    from layerlab.nodes.process import quieten_transformers

    quieten_transformers()
    print(Encoder.from_pretrained(model).describe())


@app.command()
def plan(
    study: StudyFile,
    overrides: Overrides = None,
    results: Folder = None,
    only: Only = None,
    cost_as: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="Encoder whose cost is shown, if not the study's: a folder, a Hub id, or without a download "
            "bert-base-multilingual-cased, xlm-roberta-base, xlm-roberta-large.",
        ),
    ] = None,
    flops: Annotated[
        float | None,
        typer.Option(min=1, help="Effective FLOP/s of a GPU, such as 100e12 [default: by precision]."),
    ] = None,
) -> None:
    """Expand and check a study: how many runs over how many fits, at what cost, and what is done already.

    Corpora are read and labels compared; no weights are loaded.

    \b
    layerlab plan experiments/random_init_upos.yaml
    layerlab plan experiments/random_init_upos.yaml --set models=[path/to/model] --set data.root=ud
    layerlab plan study.yaml --set models=[minimbert] --cost-as bert-base-multilingual-cased
    """
    from layerlab.nodes.store.store import Store

    expanded, folder = expand_study(study, overrides, results, only)
    print(expanded.describe(Store(folder), cost_as=cost_as, flops=flops))


@app.command()
def run(
    study: StudyFile,
    overrides: Overrides = None,
    results: Folder = None,
    only: Only = None,
    workers: Workers = None,
    device: Annotated[str, typer.Option(help="auto or cpu.")] = "auto",
    checkpoint_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints of a fit.")] = 60.0,
    engine: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="local, inline or a registered one [default: by workers]."),
    ] = None,
    retries: Annotated[
        int, typer.Option(min=0, help="How often work is tried again whose process died.")
    ] = 0,
    shortcuts: Shortcuts = "all",
    keep: Keep = None,
    report: Annotated[bool, typer.Option(help="Write tables and figures at the end.")] = True,
) -> None:
    """Carry out a study; what is complete is not done again, what was interrupted goes on.

    \b
    layerlab run experiments/random_init_upos.yaml
    layerlab run experiments/random_init_upos.yaml --set seeds=[0] --only ablation=none --workers 2
    """
    from layerlab.commands.report import renew_report
    from layerlab.nodes.sharing import process_rank
    from layerlab.study.runner import run_plan

    expanded, folder = expand_study(study, overrides, results, only, check="unless done")
    print(f"{expanded!r}, results in {folder}", file=sys.stderr)
    try:
        outcome = run_plan(
            expanded,
            folder,
            workers=workers,
            device=device,
            checkpoint_seconds=checkpoint_seconds,
            engine=engine,
            retries=retries,
            shortcuts=shortcuts,
            keep=keep,
        )
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    if process_rank() > 0:
        return
    for failure in outcome.status.failures:
        print(f"failed: {_told(failure)}", file=sys.stderr)
        print(f"        {outcome.store.failed(failure['id']) / 'traceback.txt'}", file=sys.stderr)
    for title in outcome.status.blocked:
        print(f"blocked by a failed fit: {visible(title)}", file=sys.stderr)
    if report and outcome.status.n_done:
        for path in renew_report(folder):
            print(path)
    print(f"{outcome.status.summary()}; {folder / 'records.csv'}")
    raise typer.Exit(DONE if outcome.good else SOME_FAILED)


@app.command()
def status(study: StudyFile, overrides: Overrides = None, results: Folder = None) -> None:
    """Show where a study stands, also while other processes work on it.

    \b
    layerlab status experiments/random_init_upos.yaml
    """
    from layerlab.nodes.store.store import Store
    from layerlab.study.status import read_status

    expanded, folder = expand_study(study, overrides, results, None, check=False)
    found = read_status(expanded, Store(folder))
    print(f"{found.summary()} in {folder}")
    for activity in found.active:
        print(f"  running  {activity}")
    for failure in found.failures:
        print(f"  failed   {_told(failure)}")
    for title in found.blocked:
        print(f"  blocked  {visible(title)}")
    raise typer.Exit(SOME_FAILED if found.failures else DONE)


def _told(failure: Mapping[str, str]) -> str:
    return visible(f"{failure['title']}: {failure['error']}: {failure['message']}", keep="\n")


for _verb in (check, records, table, bench, demo, measure, plot, pretrain, probe, prune, report):
    app.command()(_verb)


@app.command(name="run-one", hidden=True)
def run_one(
    store: Annotated[Path, typer.Argument(metavar="STORE")],
    nodes: Annotated[list[str], typer.Argument(metavar="ID...")],
    checkpoint_seconds: float = 60.0,
    device: str = "auto",
    threads: int | None = None,
    shortcuts: Shortcuts = "all",
    parent: int | None = None,
) -> None:
    """Carry out nodes of a results directory by id; idempotent, what engines execute."""
    from layerlab.nodes.process import die_with_parent
    from layerlab.nodes.settings import WorkSettings
    from layerlab.nodes.worker import run_nodes
    from layerlab.training.shortcuts.shortcut import read_shortcuts

    if parent is not None:
        die_with_parent(parent)
    settings = WorkSettings(checkpoint_seconds, device, threads, read_shortcuts(shortcuts))
    raise typer.Exit(DONE if run_nodes(store, nodes, settings) else SOME_FAILED)
