"""The pictures of a report as ``data:`` addresses: each image is in the file once."""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex

from wellposed.errors import SpaceError
from wellposed_viz.entries import Entry
from wellposed_viz.error_maps import error_map, shared_limit
from wellposed_viz.pixels import (
    ERROR_MAP,
    Window,
    choose_part,
    colour_png,
    data_uri,
    png,
    reduced,
    shared_window,
    to_pixels,
    to_plane,
)
from wellposed_viz.scores import caption

MOST = 1024
"""The longest side of a picture in the page: a page of full photographs would be too large to send."""


@attrs.frozen
class Picture:
    """One image of the page: its address, size in pixels, and the address of its error map."""

    name: str
    caption: str
    source: str
    width: int
    height: int
    error: str | None
    role: str  # "reference", "input" or "method"
    full: tuple[int, int]


@attrs.frozen
class Gallery:
    """All images of a report, with the end of the colour scale that its error maps share."""

    pictures: tuple[Picture, ...]
    error_limit: float | None
    error_stops: str

    @property
    def reduced(self) -> Picture | None:
        """The first picture that is shown with fewer pixels than it has."""
        return next((p for p in self.pictures if p.full != (p.height, p.width)), None)

    @classmethod
    def build(cls, reference: Any, entries: tuple[Entry, ...], window: Window) -> Gallery:
        """Encode the images and the error maps of those that have the reference's shape."""
        maps = [_map(entry, reference) for entry in entries]
        known = [m for m in maps if m is not None]
        limit = shared_limit(known) if known else None
        pictures = [
            _picture(entry, window, None if m is None or limit is None else (m, limit))
            for entry, m in zip(entries, maps, strict=True)
        ]
        if reference is not None:
            pictures.append(_picture(Entry("Ground truth", reference), window, None, "reference"))
        return cls(tuple(pictures), limit, _stops())


def thumbnail(x: Any) -> str:
    """Return a small array, such as a kernel, as an image's address, scaled to its own values.

    :class:`~wellposed.errors.SpaceError` if it is not an image.
    """
    plane = choose_part(to_plane(x))
    return data_uri(png(to_pixels(plane if plane.ndim == 2 else np.moveaxis(plane, -1, 0), window=_own(x))))


def _own(x: Any) -> Window:
    return shared_window([x], quantile=1.0)


def _map(entry: Entry, reference: Any) -> Any:
    if reference is None:
        return None
    try:
        return error_map(entry.image, reference)
    except SpaceError:
        return None  # measurements of another shape are shown, but have no error


def _picture(entry: Entry, window: Window, error: Any, role: str | None = None) -> Picture:
    whole = to_pixels(entry.image, window=window)
    pixels = reduced(whole, MOST)
    source = data_uri(png(pixels))
    return Picture(
        name=entry.method,
        caption=caption(entry.psnr, entry.ssim),
        source=source,
        width=pixels.shape[1],
        height=pixels.shape[0],
        error=None
        if error is None
        else data_uri(colour_png(reduced(error[0], MOST), ERROR_MAP, (0.0, error[1]))),
        role=role or ("input" if entry.is_input else "method"),
        full=(whole.shape[0], whole.shape[1]),
    )


def _stops() -> str:
    return ", ".join(to_hex(colormaps[ERROR_MAP](t)) for t in np.linspace(0.0, 1.0, 9))
