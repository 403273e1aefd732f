"""The tidy frames of a results directory, beside its nodes."""

from __future__ import annotations

from layerlab.analysis.stored.made import digest_inputs, made_of, note_made
from layerlab.files import write_text
from layerlab.nodes.store.store import Store
from layerlab.study.directory.parts import PATIENCE


def write_frames(store: Store) -> None:
    """Write the tidy frames and the counts of a store beside its nodes, unless they would be the same.

    Processes do so one after the other, so that the last one to end writes what all have done.
    """
    with store.locked(PATIENCE):
        inputs = digest_inputs(store.root)
        if made_of(store.root, "frames", inputs):
            return
        from layerlab.analysis.records.tidy import load_nodes, load_records, validate_records
        from layerlab.analysis.records.trajectories import FILE, find_trajectories, write_trajectories
        from layerlab.analysis.sentences.counts import PACKED, find_counts, write_counts
        from layerlab.analysis.stored.frame_files import to_csv

        records, nodes = load_records(store.root), load_nodes(store.root)
        files = [store.root / "records.csv", store.root / "nodes.csv"]
        write_text(files[0], to_csv(validate_records(records)))
        write_text(files[1], to_csv(nodes))
        trajectories = find_trajectories(store.root)
        if trajectories is not None:
            files.append(write_trajectories(trajectories, store.root / f"{FILE}.csv"))
        counts = find_counts(store.root)
        if counts is not None:
            files.append(write_counts(counts, store.root / PACKED))
        note_made(store.root, "frames", inputs, files)
