"""``python -m layerlab``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Python puts the current directory first: a file there would take the place of a library, and wherever it
    # stands that of a namespace package. It is needed where layerlab itself is not installed.
    if not sys.flags.safe_path:
        here = sys.path.pop(0)
        if Path(__file__).resolve().is_relative_to(Path(here).resolve()):
            sys.path.append(here)
    from layerlab.cli import main

    main()
