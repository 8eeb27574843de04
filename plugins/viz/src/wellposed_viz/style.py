"""The look that all figures share: one typeface, three sizes, quiet lines, no axes where none are read.

Everything is set on the artists themselves. matplotlib's global settings are neither read for these
properties nor changed, so that figures look the same in every script and thread.
"""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1d2327"
MUTED = "#66717a"
LINE = "#d9dee2"
PAPER = "#ffffff"
BOX_COLOURS = ("#ffb000", "#35c2ff", "#ff5d8f")
SERIES_COLOURS = ("#0b7285", "#e8590c", "#6741d9", "#2b8a3e", "#c2255c", "#a17c00", "#1864ab", "#5c677d")

FAMILY = ["DejaVu Sans"]  # ships with matplotlib, so that no machine substitutes another
TITLE, BODY, SMALL = 10.5, 9.0, 8.0


def new_figure(width: float, height: float) -> Figure:
    """Return a white figure of the given size in inches, outside pyplot's state."""
    return Figure(figsize=(width, height), dpi=100, facecolor=PAPER)


def place(figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
    """Add axes at a position in inches, measured from the figure's top left corner."""
    total_width, total_height = figure.get_size_inches()
    bottom = total_height - top - height
    return figure.add_axes(
        (left / total_width, bottom / total_height, width / total_width, height / total_height)
    )


def write(figure: Figure, left: float, top: float, text: str, **style: Any) -> None:
    """Write plain text (``$`` included) at a position in inches from the top left corner."""
    width, height = figure.get_size_inches()
    defaults: dict[str, Any] = {"fontsize": BODY, "color": INK, "va": "top", "ha": "left"}
    figure.text(
        left / width, 1.0 - top / height, text, family=FAMILY, parse_math=False, **{**defaults, **style}
    )


def hide_axes(axes: Axes) -> None:
    """Leave only the picture: no ticks, no frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def shorten(text: str, length: int) -> str:
    """Return one line of at most ``length`` characters."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else line[: max(1, length - 1)] + "…"
