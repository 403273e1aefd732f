"""Tidy frames: records, trajectories and nodes, read from stores and files of every version."""

from layerlab.analysis.records.tidy import load_nodes, load_records, write_records

__all__ = ["load_nodes", "load_records", "write_records"]
