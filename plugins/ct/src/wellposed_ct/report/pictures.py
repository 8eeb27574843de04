"""Pictures of 16 bits for a page's level and width: a plain PNG to look at, a deep one for the sliders."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from html import escape
from typing import TypeAlias

import attrs
import numpy as np
from numpy.typing import NDArray

__all__ = ["Shown", "png_bytes", "windowed"]

Plane: TypeAlias = NDArray[np.float64]


@attrs.frozen(eq=False)
class Shown:
    """A plane ``(rows, columns)`` with its name and a line about it."""

    name: str
    plane: Plane
    note: str = ""


def windowed(pictures: Sequence[Shown], symmetric: bool = False) -> str:
    """Return HTML of pictures that share one level and width.

    Black and white are the half-per-cent quantiles of all values, or with ``symmetric`` as far on either side
    of zero; the sliders reach from the least to the greatest value.
    """
    everything = np.concatenate([p.plane.ravel() for p in pictures])
    everything = everything[np.isfinite(everything)]
    if not everything.size:
        return ""
    least, most = float(everything.min()), float(everything.max())
    black, white = (float(q) for q in np.quantile(everything, [0.005, 0.995]))
    if symmetric:
        white = max(abs(black), abs(white))
        black, most, least = -white, max(most, -least, white), min(least, -most, -white)
    if white <= black:
        black, white = least, most if most > least else least + 1
    figures = "".join(_figure(p, (least, most), (black, white)) for p in pictures)
    ends = (
        f'data-least="{least:.6g}" data-most="{most:.6g}" data-black="{black:.6g}" data-white="{white:.6g}"'
    )
    return f'<div class="windowed" {ends}><div class="row">{figures}</div></div>'


def _figure(shown: Shown, ends: tuple[float, float], window: tuple[float, float]) -> str:
    plane = np.nan_to_num(shown.plane, nan=ends[0], posinf=ends[1], neginf=ends[0])
    deep = _scaled(plane, *ends, 65535).astype(np.uint16)
    packed = np.stack([deep >> 8, deep & 255, np.zeros_like(deep)], -1).astype(np.uint8)
    name, note = escape(shown.name), escape(shown.note)
    return (
        f'<figure><img src="{_png(_scaled(plane, *window, 255).astype(np.uint8))}" alt="{name}">'
        f'<img src="{_png(packed)}" alt="{name}" data-low="{ends[0]:.6g}" data-high="{ends[1]:.6g}">'
        f"<figcaption><b>{name}</b>{f'<span>{note}</span>' if note else ''}</figcaption></figure>"
    )


def _scaled(plane: Plane, low: float, high: float, peak: int) -> Plane:
    return np.rint(np.clip((plane - low) / max(high - low, 1e-30), 0, 1) * peak)


def _png(pixels: NDArray[np.uint8]) -> str:
    """Return grey ``(H, W)`` or colour ``(H, W, 3)`` as a ``data:`` address."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(pixels)).decode("ascii")


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """Return grey ``(H, W)`` or colour ``(H, W, 3)`` as a PNG."""
    height, width = pixels.shape[:2]
    rows = pixels.reshape(height, -1)
    # every row begins with its filter, 0 for none
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], 1).tobytes()
    colour = 0 if pixels.ndim == 2 else 2
    parts = (
        (b"IHDR", struct.pack(">2I5B", width, height, 8, colour, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
