"""The command-line verb ``pretrain``: a small multilingual encoder from a spec."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from layerlab.commands.arguments import DONE, INTERRUPTED, SOME_FAILED, writable
from layerlab.names import visible

if TYPE_CHECKING:
    from layerlab.commands.encoders.display import PretrainingDisplay
    from layerlab.nodes.settings import WorkSettings
    from layerlab.pretraining.spec import PretrainingSpec


def pretrain(
    spec: Annotated[Path, typer.Argument(help="Pretraining spec (YAML).", metavar="SPEC")],
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Where the encoder goes [default: encoders/<name>].", metavar="FOLDER", callback=writable
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Keep it in a results directory instead, for studies there.",
            metavar="RESULTS",
            callback=writable,
        ),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Override a key of the spec; may be repeated."),
    ] = None,
    stop_after: Annotated[
        int | None, typer.Option(help="Write the encoder after so many steps of the schedule.", min=1)
    ] = None,
    threads: Annotated[int | None, typer.Option(help="CPU threads; one gives equal bits.", min=1)] = None,
    device: Annotated[str, typer.Option(help="auto or cpu.")] = "auto",
    checkpoint_seconds: Annotated[float, typer.Option(help="Seconds between checkpoints.", min=0)] = 60.0,
    status_seconds: Annotated[float, typer.Option(help="Seconds between lines without a terminal.")] = 30.0,
) -> None:
    """Pretrain an encoder by masked language modelling; the same command goes on where it was stopped.

    \b
    layerlab pretrain spec.yaml encoders/small
    layerlab pretrain spec.yaml --set steps=2000 --set seed=1 --threads 1
    layerlab pretrain spec.yaml --store results/random-init
    """
    from layerlab.commands.encoders.display import PretrainingDisplay
    from layerlab.nodes.process import quieten_transformers
    from layerlab.nodes.settings import WorkSettings
    from layerlab.pretraining.spec import read_spec
    from layerlab.training.precision import check_bf16

    _check_options(spec, device, kept=store is not None, partial=folder is not None or stop_after is not None)
    read = read_spec(spec, overrides or ())
    if read.precision == "bf16" and (warning := check_bf16(device, "precision")):
        print(f"note: {warning}", file=sys.stderr)
    display = PretrainingDisplay(status_seconds)
    settings = WorkSettings(checkpoint_seconds=checkpoint_seconds, device=device, threads=threads)
    quieten_transformers()
    try:
        if store is not None:
            status = _into_store(read, store, settings, display)
        else:
            made = _into_folder(read, folder or Path("encoders") / read.name, settings, display, stop_after)
            print(made)
            status = DONE
    except KeyboardInterrupt:
        print("interrupted; a checkpoint is kept, the same command goes on from here", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    raise typer.Exit(status)


def _check_options(spec: Path, device: str, *, kept: bool, partial: bool) -> None:
    """Refuse options that cannot be, or that do not go with an encoder that is kept in a store.

    Raises:
        StudyError: They are such.
    """
    from layerlab.errors import Problem, StudyError, unknown

    if device not in ("auto", "cpu"):
        raise StudyError([Problem("device", unknown("device", device, ("auto", "cpu")))], str(spec))
    if kept and partial:
        message = "expected neither FOLDER nor --stop-after with it: a node is always complete"
        raise StudyError([Problem("--store", message)], str(spec))


def _into_folder(
    spec: PretrainingSpec,
    folder: Path,
    settings: WorkSettings,
    display: PretrainingDisplay,
    stop_after: int | None,
) -> Path:
    """Pretrain the encoder into a folder of its own, and return where it is."""
    from layerlab.pretraining.run import pretrain as pretrain_encoder

    with display:
        return pretrain_encoder(
            spec,
            folder,
            checkpoint_seconds=settings.checkpoint_seconds,
            report=display,
            threads=settings.threads,
            stop_after=stop_after,
            device=settings.device,
        )


def _into_store(
    spec: PretrainingSpec, root: Path, settings: WorkSettings, display: PretrainingDisplay
) -> int:
    """Make the encoder a node of a results directory, where studies that name the spec find it."""
    from layerlab.nodes.jobs import write_node
    from layerlab.nodes.kinds.pretraining import Pretraining
    from layerlab.nodes.store.store import Store
    from layerlab.nodes.worker import run_nodes

    store, job = Store(root), Pretraining.of(spec)
    write_node(store, job)
    store.clear_failure(job.id)
    with display:
        good = run_nodes(root, [job.id], settings, display)
    if not good:
        failure = store.read_failure(job.id) or {"error": "failed", "message": "no reason was left"}
        said = f"failed: {job.title}: {failure['error']}: {failure['message']}"
        print(visible(said, keep="\n"), file=sys.stderr)
        return SOME_FAILED
    print(store.model(job.id))
    return DONE
