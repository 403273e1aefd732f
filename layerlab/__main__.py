"""``python -m layerlab``."""

import sys

if __name__ == "__main__":
    # Python puts the current directory first: a file there would take the place of a library.
    if not sys.flags.safe_path:
        sys.path.append(sys.path.pop(0))
    from layerlab.cli import main

    main()
