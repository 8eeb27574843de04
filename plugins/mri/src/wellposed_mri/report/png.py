"""Arrays as PNG addresses for a page: grey, a colour wheel for phase, and heat for errors.

The report itself is made by pack viz, which this pack does not need; an 8-bit PNG is three chunks.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from torch import Tensor


def grey(values: Tensor, low: float, high: float) -> str:
    """Return a grey picture of ``(H, W)``, ``low`` black and ``high`` white."""
    return _png(_bytes(_unit(values, low, high)))


def heat(values: Tensor, low: float, high: float) -> str:
    """Return a picture from black over red and yellow to white."""
    t = _unit(values, low, high)
    return _png(_bytes(np.stack([np.clip(3 * t - k, 0, 1) for k in range(3)], -1)))


def wheel(phase: Tensor, brightness: Tensor) -> str:
    """Return a picture whose hue is the phase in radians, dark where there is no signal."""
    hue = phase.detach().cpu().double().numpy()
    turns = [0.5 + 0.5 * np.cos(hue - k * 2 * np.pi / 3) for k in range(3)]
    light = np.clip(brightness.detach().cpu().double().numpy(), 0, 1)[..., None]
    return _png(_bytes(np.stack(turns, -1) * light))


def _unit(values: Tensor, low: float, high: float) -> np.ndarray:
    array = np.nan_to_num(values.detach().cpu().double().numpy(), nan=low, posinf=high, neginf=low)
    scaled: np.ndarray = np.clip((array - low) / max(high - low, 1e-300), 0, 1)
    return scaled


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.round(values * 255).astype(np.uint8)


def _png(pixels: np.ndarray) -> str:
    height, width = pixels.shape[:2]
    colour = 2 if pixels.ndim == 3 else 0
    rows = pixels.reshape(height, -1)
    # every row begins with the number of its filter: none
    raw = np.concatenate([np.zeros((height, 1), np.uint8), rows], 1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)
    return "data:image/png;base64," + base64.b64encode(data).decode("ascii")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
