"""Pictures side by side, each with the same details enlarged below it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from wellposed.errors import ParameterError
from wellposed_viz.boxes import Box
from wellposed_viz.entries import Entry, Pictures, as_entries
from wellposed_viz.pixels import Part, Pixels, Window, to_pixels
from wellposed_viz.scores import caption
from wellposed_viz.style import BOX_COLOURS, MUTED, TITLE, hide_axes, new_figure, place, shorten, write

MARGIN, GAP, ROW_GAP, INSET_GAP, LINE_HEIGHT = 0.15, 0.14, 0.26, 0.06, 0.19


def panel_figure(
    pictures: Pictures,
    *,
    boxes: Sequence[Box] = (),
    columns: int | None = None,
    part: Part = "auto",
    window: Window = (0.0, 1.0),
    width: float = 2.6,
) -> Figure:
    """Return pictures side by side, with boxes enlarged below each.

    Parameters
    ----------
    pictures
        ``{title: image}`` or a sequence of :class:`~wellposed_viz.Entry`, whose PSNR and SSIM are written
        below the name. Images may differ in size; boxes must lie in each of those that they are drawn on
        (images of another size than the first one get none).
    boxes
        At most three regions to enlarge, told apart by colour.
    columns
        Panels per row; by default at most four, evenly filled.
    part, window
        See :func:`~wellposed_viz.to_pixels`; one window for all panels, so that they can be compared.
    width
        Width of one panel in inches.

    Raises
    ------
    ParameterError
        If there is no picture, there are more than three boxes, or a box leaves the first image.
    SpaceError
        If something is not an image.
    """
    entries = as_entries(pictures)
    if not entries or len(boxes) > len(BOX_COLOURS):
        raise ParameterError(
            f"{len(entries)} pictures and {len(boxes)} boxes were given; at least one picture and at most "
            f"{len(BOX_COLOURS)} boxes are expected."
        )
    shown = [to_pixels(e.image, part=part, window=window) for e in entries]
    first = (shown[0].shape[0], shown[0].shape[1])
    for box in boxes:
        box.check(first)
    lines = 1 + any(caption(e.psnr, e.ssim) for e in entries)
    grid = _Grid.fit(shown, tuple(boxes), columns or _balanced(len(shown)), width, lines)
    figure = new_figure(*grid.size)
    for i, (entry, pixels) in enumerate(zip(entries, shown, strict=True)):
        left, top = grid.corner(i)
        _title(figure, entry, left, top, grid)
        axes = _image(figure, pixels, left, top + grid.heading, width, grid.picture)
        axes.set_label(entry.method)
        if pixels.shape[:2] == first:
            _enlarge(figure, axes, pixels, grid, i)
    return figure


@attrs.frozen
class _Grid:
    """Where everything lies, in inches from the top left corner."""

    columns: int
    rows: int
    boxes: tuple[Box, ...]
    width: float
    heading: float
    picture: float
    inset: float

    @classmethod
    def fit(
        cls, shown: list[Pixels], boxes: tuple[Box, ...], columns: int, width: float, lines: int
    ) -> _Grid:
        inset_width = (width - INSET_GAP * (len(boxes) - 1)) / max(1, len(boxes))
        return cls(
            columns=min(columns, len(shown)),
            rows=-(-len(shown) // columns),
            boxes=boxes,
            width=width,
            heading=lines * LINE_HEIGHT + 0.06,
            picture=width * max(p.shape[0] / p.shape[1] for p in shown),
            inset=max((inset_width * b.height / b.width + INSET_GAP for b in boxes), default=0.0),
        )

    @property
    def row(self) -> float:
        return self.heading + self.picture + self.inset

    @property
    def size(self) -> tuple[float, float]:
        return (
            2 * MARGIN + self.columns * self.width + (self.columns - 1) * GAP,
            2 * MARGIN + self.rows * self.row + (self.rows - 1) * ROW_GAP,
        )

    def corner(self, index: int) -> tuple[float, float]:
        row, column = divmod(index, self.columns)
        return MARGIN + column * (self.width + GAP), MARGIN + row * (self.row + ROW_GAP)


def _balanced(count: int, most: int = 4) -> int:
    rows = -(-count // most)
    return -(-count // rows)


def _title(figure: Figure, entry: Entry, left: float, top: float, grid: _Grid) -> None:
    room = int(grid.width * 11)  # characters of the title's size that fit into one inch
    numbers = caption(entry.psnr, entry.ssim)
    # A name without numbers stands on the first line all the same, in one line with its neighbours.
    write(figure, left, top, shorten(entry.method, room), fontsize=TITLE, weight="bold")
    if numbers:
        write(figure, left, top + LINE_HEIGHT + 0.015, numbers, color=MUTED)


def _image(figure: Figure, pixels: Pixels, left: float, top: float, width: float, height: float) -> Axes:
    axes = place(figure, left, top, width, height)
    # Enlarged pixels stay pixels; reduced ones are averaged, because skipping rows shows moiré.
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation="auto", interpolation_stage="data")
    axes.set_anchor("NW")
    hide_axes(axes)
    return axes


def _enlarge(figure: Figure, axes: Axes, pixels: Pixels, grid: _Grid, index: int) -> None:
    left, top = grid.corner(index)
    top += grid.heading + grid.width * pixels.shape[0] / pixels.shape[1] + INSET_GAP
    width = (grid.width - INSET_GAP * (len(grid.boxes) - 1)) / max(1, len(grid.boxes))
    for box, colour in zip(grid.boxes, BOX_COLOURS, strict=False):
        frame = (box.left - 0.5, box.top - 0.5)
        axes.add_patch(Rectangle(frame, box.width, box.height, fill=False, edgecolor=colour, linewidth=1.4))
        inset = _image(figure, pixels[box.slices], left, top, width, width * box.height / box.width)
        inset.set_label(f"{axes.get_label()} enlarged")
        for spine in inset.spines.values():
            spine.set(visible=True, edgecolor=colour, linewidth=1.6)
        left += width + INSET_GAP
