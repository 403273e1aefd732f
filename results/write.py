"""Write the texts about the shipped studies from their records: ``python -m results.write``."""

from __future__ import annotations

import sys

from results.numbers.rendering import ROOT, made_texts


def main() -> None:
    """Write each text that its templates and records have changed, and name it."""
    for path, text in made_texts().items():
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            sys.stdout.write(f"{path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
