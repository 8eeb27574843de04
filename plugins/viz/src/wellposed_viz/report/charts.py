"""Convergence charts as SVG that follows the page's colours, light and dark, and its typeface."""

from __future__ import annotations

import io
import re

import matplotlib
from matplotlib.figure import Figure

from wellposed_viz.style import INK, LINE, MUTED, PAPER, SERIES_COLOURS

# The figure's fixed colours become the page's own.
_COLOURS = {INK: "var(--ink)", MUTED: "var(--muted)", LINE: "var(--line)", PAPER: "transparent"}
_COLOURS |= {colour: f"var(--series-{i})" for i, colour in enumerate(SERIES_COLOURS)}
# Namespaces and metadata are addresses of the network in form, and an HTML parser needs neither.
_NAMESPACES = re.compile(r'\s(?:xmlns(?::\w+)?|version)="[^"]*"')
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_SIZE = re.compile(r'\s(?:width|height)="[\d.]+pt"')


def inline_svg(figure: Figure, label: str) -> str:
    """Return the figure as an ``<svg>`` element for an HTML page, named ``label`` for screen readers.

    Fixed identifiers (two runs, one page) and text kept as text; matplotlib has escaped it.
    """
    buffer = io.StringIO()
    # The backend offers no argument for these two; nothing but its own writing happens inside.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    text = buffer.getvalue()
    text = _METADATA.sub("", text[text.index("<svg") :])
    head, _, body = text.partition(">")
    head = _SIZE.sub("", _NAMESPACES.sub("", head))
    for fixed, variable in _COLOURS.items():
        body = body.replace(fixed, variable)
    return f'{head} role="img" aria-label="{label}">{body}'
