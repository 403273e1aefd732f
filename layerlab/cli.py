"""The command line: verbs, each one call into the API.

Nothing heavy is imported before a verb needs it, so that ``layerlab --help`` answers at once.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from layerlab.commands.arguments import (
    DONE,
    SOME_FAILED,
    Folder,
    Only,
    Overrides,
    Shortcuts,
    StudyFile,
    expand_study,
)
from layerlab.commands.bench import bench
from layerlab.commands.completion import models
from layerlab.commands.demo import demo
from layerlab.commands.encoders.align import align
from layerlab.commands.encoders.check import check
from layerlab.commands.encoders.encoders import app as encoders
from layerlab.commands.encoders.export_languages import export_languages
from layerlab.commands.encoders.measure import measure
from layerlab.commands.encoders.pretrain import pretrain
from layerlab.commands.encoders.probe import probe
from layerlab.commands.failures import DEBUG, report_error
from layerlab.commands.languages import app as languages
from layerlab.commands.results.compare import compare
from layerlab.commands.results.export import export
from layerlab.commands.results.plot import plot
from layerlab.commands.results.report import report
from layerlab.commands.results.table import records, table
from layerlab.commands.studies.ablate import ablate
from layerlab.commands.studies.cancel import cancel
from layerlab.commands.studies.explain import explain
from layerlab.commands.studies.init import init
from layerlab.commands.studies.prune import prune
from layerlab.commands.studies.run import run, status
from layerlab.commands.studies.work import work

app = typer.Typer(
    name="layerlab",
    help="Layer ablation for the fine-tuning analysis of multilingual encoders.",
    epilog="Exit status: 0 done, 1 something failed, 2 the study or an argument is wrong, 70 a mistake of "
    "layerlab's, 130 interrupted. --debug, or LAYERLAB_DEBUG=1, shows tracebacks.",
    no_args_is_help=True,
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
        try:
            app()
        finally:
            sys.stdout.flush()  # a full disk, or a reader that is gone, shows here
    except SystemExit as end:
        if isinstance(getattr(end.__context__, "__cause__", None), KeyboardInterrupt):
            print("interrupted", file=sys.stderr)
        raise
    except BaseException as error:  # whatever it is, nobody is shown a bare traceback
        sys.exit(report_error(error))


@app.command()
def describe(
    model: Annotated[
        str,
        typer.Argument(
            help="Folder, bundled name or Hub id.", metavar="MODEL", show_default=False, autocompletion=models
        ),
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
    print(Encoder.from_pretrained(model, language="any").describe())


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


for _verb in (
    run,
    status,
    cancel,
    work,
    ablate,
    init,
    explain,
    check,
    compare,
    records,
    table,
    bench,
    demo,
    measure,
    align,
    export,
    export_languages,
    plot,
    pretrain,
    probe,
    prune,
    report,
):
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
    from layerlab.nodes.sharing import is_shared, process_rank
    from layerlab.nodes.worker import run_nodes
    from layerlab.training.shortcuts.shortcut import read_shortcuts

    if parent is not None or is_shared():
        die_with_parent(os.getppid() if parent is None else parent)
    settings = WorkSettings(checkpoint_seconds, device, threads, read_shortcuts(shortcuts))
    # Of processes that share the nodes, the first one knows what became of them.
    raise typer.Exit(DONE if run_nodes(store, nodes, settings) or process_rank() > 0 else SOME_FAILED)
