"""``python -m layerlab.pretraining SPEC FOLDER``: another name of ``layerlab pretrain SPEC FOLDER``."""

from __future__ import annotations

import sys

from layerlab.cli import main

if __name__ == "__main__":
    sys.argv.insert(1, "pretrain")
    main()
