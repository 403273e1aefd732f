"""How figures look: the measures of an ACL page, embedded fonts, colours for all eyes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.colors import to_rgba

#: Widths of the ACL style's column and text block, in inches.
COLUMN_WIDTH = 3.03
FULL_WIDTH = 6.30

#: Okabe and Ito's colours, which the colour-blind can tell apart, without black (the mean's) and yellow (too
#: light for lines), and a purple.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F3C8D")
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
SOURCE_COLOUR, ZERO_SHOT_COLOUR = COLOURS[0], COLOURS[1]
GAP_COLOUR = "0.4"
DIVERGING = "RdBu_r"  # red where an ablation hurts, blue where it helps

_RC: dict[str, object] = {
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    # Comes with matplotlib, matches a page set in Times, and is the same on every machine. Given by name, not
    # as "serif", so that a figure keeps it where it is drawn outside this style, as in a notebook.
    "font.family": ["STIXGeneral", "DejaVu Serif"],
    "mathtext.fontset": "stix",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.2,
    "savefig.dpi": 300,
    "figure.dpi": 150,
}

# Points at the strongest colour at least, so that noise does not look like an effect.
SMALLEST_SCALE = 1.0


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw or save a figure in the house style; matplotlib's settings are put back afterwards."""
    with mpl.rc_context():
        mpl.rcParams.update(_RC)  # type: ignore[arg-type]
        yield


def line_style(index: int) -> dict[str, Any]:
    """Give the colour, dashes and marker of the n-th line: 21 that differ in colour or dashes.

    >>> line_style(0)["color"] == line_style(7)["color"]
    True
    >>> line_style(0)["linestyle"] == line_style(7)["linestyle"]
    False
    """
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": DASHES[index // len(COLOURS) % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)],
    }


def ink(background: object) -> str:
    """Choose the colour of a text on a background: white on dark, black on light.

    >>> ink((0.1, 0.1, 0.4, 1.0)), ink((1.0, 0.9, 0.8, 1.0))
    ('white', 'black')
    """
    red, green, blue, *_ = to_rgba(background)  # type: ignore[arg-type]
    return "white" if 0.299 * red + 0.587 * green + 0.114 * blue < 0.5 else "black"


def shade(
    drop: float, largest: float, *, least: float = 0.05, smallest: float = SMALLEST_SCALE
) -> str | None:
    """Give the background of a table's cell as six hexadecimal digits: red for a drop, blue for a gain.

    The strongest colour, that of the largest drop or of the ``smallest`` scale, is light enough for black
    text. A difference that rounds to nothing, being under ``least``, has none.

    >>> shade(30.0, 30.0), shade(15.0, 30.0), shade(-30.0, 30.0), shade(0.02, 30.0)
    ('F09A7A', 'F8CCBC', '8FBFE0', None)
    """
    if not abs(drop) >= least or largest <= 0:
        return None
    full = (0xF0, 0x9A, 0x7A) if drop > 0 else (0x8F, 0xBF, 0xE0)
    strength = min(1.0, abs(drop) / max(largest, smallest))
    return "".join(f"{round(255 - strength * (255 - part)):02X}" for part in full)
