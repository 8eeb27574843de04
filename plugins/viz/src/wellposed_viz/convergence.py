"""How iterations went: one chart per quantity, one line per method."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from wellposed.errors import ParameterError
from wellposed_viz.entries import Entry, History
from wellposed_viz.style import (
    BODY,
    FAMILY,
    INK,
    LINE,
    MUTED,
    SERIES_COLOURS,
    SMALL,
    TITLE,
    new_figure,
    place,
    shorten,
    write,
)

Curves: TypeAlias = Mapping[str, Mapping[str, Sequence[float]]]
"""``{quantity: {method: value per iteration}}``."""

HEIGHT = 2.7


def convergence_figure(
    histories: Mapping[str, History | Sequence[float]] | Sequence[Entry],
    *,
    logarithmic: bool | None = None,
    colours: Mapping[str, str] | None = None,
    width: float = 4.6,
) -> Figure:
    """Return one chart per quantity with one line per method, over iterations.

    Parameters
    ----------
    histories
        ``{method: {quantity: values}}``, ``{method: values}`` (taken as the objective), or entries, of
        which those with a history are drawn. Values that are not finite leave gaps.
    logarithmic
        Scale of the vertical axis; by default logarithmic where all values are positive and span more
        than a factor of 30.
    colours
        ``{method: colour}``, for figures in which a method keeps its colour; by default in order.
    width
        Width of one chart in inches.
    """
    charts = by_quantity(histories)
    if not charts:
        raise ParameterError("No history was given: there is nothing to draw over iterations.")
    methods = list(dict.fromkeys(method for curves in charts.values() for method in curves))
    colours = {m: (colours or series_colours(methods))[m] for m in methods}
    across = max(1, int(len(charts) * width / 1.9))
    legend = 0.27 * -(-len(methods) // across) + 0.1
    figure = new_figure(0.3 + len(charts) * (width + 0.25), HEIGHT + 0.93 + legend)
    for i, (quantity, curves) in enumerate(charts.items()):
        left = 0.15 + i * (width + 0.25)
        write(figure, left, 0.15, shorten(quantity, 48), fontsize=TITLE, weight="bold")
        axes = place(figure, left + 0.55, 0.5, width - 0.6, HEIGHT)
        axes.set_label(quantity)
        _draw(axes, curves, colours, logarithmic)
    _legend(figure, colours, across)
    return figure


def by_quantity(
    histories: Mapping[str, History | Sequence[float]] | Sequence[Entry],
) -> dict[str, dict[str, list[float]]]:
    """Return ``{quantity: {method: values}}``, without empty curves."""
    if isinstance(histories, Mapping):
        histories = [Entry(method, None, history=history) for method, history in histories.items()]
    charts: dict[str, dict[str, list[float]]] = {}
    for entry in histories:
        for quantity, values in entry.history.items():
            if any(math.isfinite(v) for v in values):
                charts.setdefault(quantity, {})[entry.method] = values
    return charts


def series_colours(methods: Iterable[str]) -> dict[str, str]:
    """Return a colour per method, in order; they repeat after eight."""
    return dict(zip(dict.fromkeys(methods), itertools.cycle(SERIES_COLOURS), strict=False))


def wants_logarithm(curves: Mapping[str, Sequence[float]]) -> bool:
    """Whether all values are positive and span more than a factor of 30."""
    values = [v for curve in curves.values() for v in curve if math.isfinite(v)]
    return bool(values) and min(values) > 0 and max(values) > 30 * min(values)


def _draw(
    axes: Axes, curves: Mapping[str, Sequence[float]], colours: Mapping[str, str], logarithmic: bool | None
) -> None:
    if wants_logarithm(curves) if logarithmic is None else logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=7))
        axes.yaxis.set_minor_locator(NullLocator())
    for method, values in curves.items():
        finite = np.where(np.isfinite(values), values, np.nan)
        marker = "o" if len(values) == 1 else None
        axes.plot(np.arange(1, len(values) + 1), finite, color=colours[method], lw=1.7, marker=marker)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_xlabel("iteration", fontsize=BODY, family=FAMILY, color=MUTED)
    axes.grid(True, axis="y", color=LINE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", labelsize=SMALL, labelfontfamily=FAMILY[0], colors=MUTED, length=0, pad=5)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_edgecolor(LINE)


def _legend(figure: Figure, colours: Mapping[str, str], across: int) -> None:
    handles = [Line2D([], [], color=colour, lw=2.4) for colour in colours.values()]
    box = figure.legend(
        handles=handles,
        labels=["method"] * len(handles),
        loc="lower left",
        ncols=across,
        frameon=False,
        bbox_to_anchor=(0.15 / figure.get_figwidth(), 0.12 / figure.get_figheight()),
        borderaxespad=0.0,
        borderpad=0.0,
        prop={"family": FAMILY, "size": BODY},
        labelcolor=INK,
    )
    for text, method in zip(box.get_texts(), colours, strict=True):
        # Afterwards, because a legend drops labels that begin with "_" and reads "$" as mathematics.
        text.set_parse_math(False)
        text.set_text(shorten(method, 26))
