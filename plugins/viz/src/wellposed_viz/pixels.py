"""From tensors to what a screen shows: the only place where values become colours.

One idea: a picture is ``(H, W)`` or ``(H, W, 3)`` floats in [0, 1], obtained from a tensor by choosing a
*part* (of complex values) and a *window* (the values shown as black and white). Pixels that are not
finite are painted magenta, so that a diverged method is seen and not hidden.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from wellposed.errors import ParameterError, SpaceError

Pixels: TypeAlias = NDArray[np.floating[Any]]
Part: TypeAlias = Literal["auto", "magnitude", "phase", "real", "imag"]
Window: TypeAlias = tuple[float, float]

NOT_FINITE = (1.0, 0.0, 1.0)
PHASE_MAP = "twilight"  # cyclic, so that −π and π are one colour
ERROR_MAP = "magma"


def to_plane(x: Any, sample: int = 0) -> NDArray[Any]:
    """Return one image as an array ``(H, W)`` or ``(H, W, 3)``, with its values untouched.

    Parameters
    ----------
    x
        Tensor or array of shape ``(B, C, H, W)``, ``(C, H, W)`` or ``(H, W)`` with 1 or 3 channels.
    sample
        Which element of the batch.

    Raises
    ------
    SpaceError
        If ``x`` has another number of axes or channels, or is empty.
    """
    array = np.asarray(x.detach().cpu().resolve_conj().resolve_neg() if isinstance(x, torch.Tensor) else x)
    if array.ndim == 4:
        array = array[sample]
    if array.ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[0] not in (1, 3) or array.size == 0:
        raise SpaceError(
            f"An image of shape {tuple(np.shape(x))} cannot be shown: (B, C, H, W), (C, H, W) or (H, W) with "
            "1 or 3 channels is expected. Choose a slice x[:, :, k] of a volume, or channels x[:, :1]."
        )
    return array[0] if array.shape[0] == 1 else np.moveaxis(array, 0, -1)


def to_pixels(x: Any, *, part: Part = "auto", window: Window = (0.0, 1.0), sample: int = 0) -> Pixels:
    """Return one image as it is shown: ``(H, W)`` or ``(H, W, 3)`` floats in [0, 1].

    Parameters
    ----------
    x
        Tensor or array of shape ``(B, C, H, W)``, ``(C, H, W)`` or ``(H, W)``.
    part
        What to show of complex values; ``"auto"`` is the magnitude. ``"phase"`` gives cyclic colours.
    window
        The values that become black and white; values outside are clipped.
    sample
        Which element of the batch.
    """
    low, high = window
    if not high > low:
        raise ParameterError(f"window is {window}, but its second value (white) must exceed the first.")
    values = choose_part(to_plane(x, sample), part)
    if part == "phase":
        return _with_holes(colour(values, PHASE_MAP, (-np.pi, np.pi)), values)
    scaled = (values.astype(np.float64) - low) / (high - low)
    return _with_holes(np.clip(scaled, 0.0, 1.0), values)


def choose_part(plane: NDArray[Any], part: Part = "auto") -> NDArray[Any]:
    """Return the real-valued part of ``plane`` that is shown; real input shows as itself."""
    match part:
        case "auto":
            return np.asarray(np.abs(plane)) if np.iscomplexobj(plane) else plane
        case "magnitude":
            return np.asarray(np.abs(plane))
        case "phase":
            return np.asarray(np.angle(plane if plane.ndim == 2 else plane.sum(axis=-1)))
        case "real":
            return np.real(plane)
        case "imag":
            return np.imag(plane)
    raise ParameterError(f"part is {part!r}; it is one of auto, magnitude, phase, real, imag.")


def shared_window(images: Sequence[Any], *, part: Part = "auto", quantile: float = 0.999) -> Window:
    """Return one window for pictures that are compared: zero (or the least value) to their upper quantile.

    For data outside [0, 1], MRI magnitudes say. One window for all, so that grey levels can be compared.
    """
    planes = [choose_part(to_plane(x), part) for x in images]
    finite = np.concatenate([p[np.isfinite(p)].ravel() for p in planes])
    if finite.size == 0:
        return (0.0, 1.0)
    low, high = min(0.0, float(finite.min())), float(np.quantile(finite, quantile))
    return (low, high) if high > low else (low, low + 1.0)


def reduced(pixels: Pixels, most: int) -> Pixels:
    """Return pixels averaged in blocks, so that no side is longer than ``most``; ragged edges are cut."""
    block = -(-max(pixels.shape[:2]) // most)
    if block == 1:
        return pixels
    tall, wide = (min(block, n) for n in pixels.shape[:2])
    height, width = pixels.shape[0] // tall, pixels.shape[1] // wide
    cut = pixels[: height * tall, : width * wide]
    return np.asarray(cut.reshape(height, tall, width, wide, *pixels.shape[2:]).mean((1, 3)))


def colour(values: NDArray[Any], name: str, window: Window) -> Pixels:
    """Return ``(H, W, 3)`` colours of real values under a named colour map."""
    low, high = window
    scaled = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0.0, 1.0)
    return np.asarray(colormaps[name](scaled)[..., :3])


def _with_holes(pixels: Pixels, values: NDArray[Any]) -> Pixels:
    bad = ~np.isfinite(values)
    if bad.ndim == 3:
        bad = bad.any(axis=-1)
    if not bad.any():
        return pixels
    painted = np.repeat(pixels[..., None], 3, axis=-1) if pixels.ndim == 2 else pixels.copy()
    painted[bad] = NOT_FINITE
    return painted


def png(pixels: Pixels) -> bytes:
    """Return an 8-bit PNG of ``(H, W)`` or ``(H, W, 3)`` floats in [0, 1]."""
    levels = np.rint(np.clip(pixels, 0.0, 1.0) * 255.0).astype(np.uint8)
    return _encode(Image.fromarray(levels))


def colour_png(values: NDArray[Any], name: str, window: Window) -> bytes:
    """Return a palette PNG of real values under a colour map: a third of the size of an RGB one."""
    low, high = window
    scaled = np.clip((np.nan_to_num(values, nan=high) - low) / (high - low), 0.0, 1.0)
    picture = Image.fromarray(np.rint(scaled * 255.0).astype(np.uint8))
    picture.putpalette(colormaps[name](np.arange(256), bytes=True)[:, :3].tobytes())
    return _encode(picture)


def data_uri(content: bytes, mime: str = "image/png") -> str:
    """Return ``content`` as a ``data:`` address, which needs no file and no network."""
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"


def _encode(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()
