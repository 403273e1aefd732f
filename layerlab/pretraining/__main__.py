"""``python -m layerlab.pretraining SPEC FOLDER``: another name of ``layerlab pretrain SPEC FOLDER``."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.argv.insert(1, "pretrain")
    runpy.run_module("layerlab", run_name="__main__", alter_sys=True)
