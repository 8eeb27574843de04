"""Where a method errs: maps of |x̂ − x| that share one colour scale, so that they can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from wellposed.errors import ParameterError, SpaceError
from wellposed_viz.entries import Pictures, as_entries
from wellposed_viz.pixels import ERROR_MAP, to_plane
from wellposed_viz.scores import caption
from wellposed_viz.style import (
    BODY,
    FAMILY,
    INK,
    MUTED,
    SMALL,
    TITLE,
    hide_axes,
    new_figure,
    place,
    shorten,
    write,
)


def error_map(image: Any, reference: Any) -> NDArray[np.float64]:
    """Return |x̂ − x| as ``(H, W)``: the root mean square over channels, of complex differences too.

    :class:`SpaceError` if the two differ in shape.
    """
    estimate, truth = to_plane(image), to_plane(reference)
    if estimate.shape != truth.shape:
        raise SpaceError(
            f"An image of {estimate.shape} has no error map against a reference of {truth.shape}: "
            "both must have the same height, width and channels."
        )
    wide = np.complex128 if np.iscomplexobj(estimate) or np.iscomplexobj(truth) else np.float64
    difference = np.abs(estimate.astype(wide) - truth.astype(wide))
    return difference if difference.ndim == 2 else np.sqrt(np.mean(difference**2, axis=-1))


def shared_limit(maps: Iterable[NDArray[np.float64]], quantile: float = 0.995) -> float:
    """Return one upper end of the colour scale for maps that are compared.

    The median of the maps' upper quantiles: one diverged method then saturates, and does not turn all the
    others black.
    """
    tops = [float(np.quantile(m[np.isfinite(m)], quantile)) for m in maps if np.isfinite(m).any()]
    limit = float(np.median(tops)) if tops else 0.0
    return limit if limit > 0 else 1.0


def error_figure(
    pictures: Pictures,
    reference: Any,
    *,
    limit: float | None = None,
    columns: int | None = None,
    width: float = 2.6,
) -> Figure:
    """Return error maps side by side, with one colour bar for all.

    Parameters
    ----------
    pictures
        ``{title: image}`` or a sequence of :class:`~wellposed_viz.Entry`.
    reference
        The true image, of the same shape.
    limit
        Upper end of the colour scale; by default :func:`shared_limit` of the maps.
    columns
        Panels per row; by default at most four, evenly filled.
    width
        Width of one panel in inches.
    """
    entries = as_entries(pictures)
    if not entries:
        raise ParameterError("No picture was given, so there is no error map to draw.")
    maps = [error_map(e.image, reference) for e in entries]
    scale = Normalize(0.0, shared_limit(maps) if limit is None else limit)
    columns = columns or -(-len(maps) // -(-len(maps) // 4))
    rows = -(-len(maps) // columns)
    height, heading, gap, margin = width * maps[0].shape[0] / maps[0].shape[1], 0.44, 0.14, 0.15
    row_gap = 0.26
    across = columns * (width + gap)
    down = rows * (heading + height) + (rows - 1) * row_gap
    figure = new_figure(2 * margin + across + 0.75, 2 * margin + down)
    for i, (entry, values) in enumerate(zip(entries, maps, strict=True)):
        row, column = divmod(i, columns)
        left, top = margin + column * (width + gap), margin + row * (heading + height + row_gap)
        write(figure, left, top, shorten(entry.method, int(width * 11)), fontsize=TITLE, weight="bold")
        write(figure, left, top + 0.205, caption(entry.psnr, entry.ssim), color=MUTED)
        axes = place(figure, left, top + heading, width, height)
        axes.imshow(values, cmap=ERROR_MAP, norm=scale)
        axes.set_label(entry.method)
        hide_axes(axes)
    _colour_bar(figure, scale, (margin + across, margin + heading, 0.13, height))
    return figure


def _colour_bar(figure: Figure, scale: Normalize, where: tuple[float, float, float, float]) -> None:
    axes = place(figure, *where)
    bar = figure.colorbar(ScalarMappable(scale, ERROR_MAP), cax=axes, extend="max", extendfrac=0.04)
    bar.outline.set_visible(False)
    axes.set_label("colour bar")
    axes.tick_params(labelsize=SMALL, labelfontfamily=FAMILY[0], colors=MUTED, length=0, pad=4)
    axes.locator_params(axis="y", nbins=5)
    axes.set_title("|x̂ − x|", fontsize=BODY, family=FAMILY, color=INK, loc="left", pad=14, parse_math=False)
