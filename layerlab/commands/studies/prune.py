"""``layerlab prune``: remove weights that no run waits for."""

from __future__ import annotations

from typing import Annotated

import typer

from layerlab.commands.arguments import Folder, Overrides, StudyFile, columns_of, expand_study
from layerlab.names import visible


def prune(
    study: StudyFile,
    overrides: Overrides = None,
    results: Folder = None,
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="COLUMN=VALUE", help="Keep the weights of these runs, such as ablation=none."
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove the weights of complete fits whose runs are all complete; records, tables and figures stay.

    A run that is added later, such as one with a new target, fine-tunes its fit once more.

    \b
    layerlab prune experiments/random_init_upos.yaml --dry-run
    layerlab prune experiments/random_init_upos.yaml --keep ablation=none
    """
    from layerlab.nodes.store.store import Store
    from layerlab.report.style.captions import count
    from layerlab.study.directory.pruning import find_prunable
    from layerlab.study.directory.pruning import prune as remove

    plan, folder = expand_study(study, overrides, results, None, check=False)
    store = Store(folder)
    found = find_prunable(plan, store, plan.select(**columns_of(keep, "--keep")) if keep else None)
    for one in found:
        print(f"{one.node.id}  {one.n_bytes / 1e6:8,.1f} MB  {visible(one.node.title)}")
    if not dry_run:
        remove(store, [one.node for one in found])
    size = sum(one.n_bytes for one in found) / 1e9
    done = "would remove" if dry_run else "removed"
    print(f"{done} the weights of {count(len(found), 'fit')}, {size:.2f} GB, in {folder}")
