"""How a method's numbers are written, alike in pictures, tables and pages."""

from __future__ import annotations

import math


def decibels(value: float | None) -> str:
    """Return e.g. ``27.31 dB``."""
    return _fixed(value, 2, " dB")


def similarity(value: float | None) -> str:
    """Return e.g. ``0.846``."""
    return _fixed(value, 3)


def seconds(value: float | None) -> str:
    """Return e.g. ``0.42 s`` or ``3 min 05 s``."""
    if value is None or not math.isfinite(value):
        return "–"
    if value < 0.1:
        return f"{1000 * value:.1f} ms"
    if value < 60:
        return f"{value:.2f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest:02d} s"


def caption(psnr: float | None, ssim: float | None) -> str:
    """Return e.g. ``27.31 dB · SSIM 0.846``, leaving out what is unknown."""
    parts = []
    if psnr is not None:
        parts.append(decibels(psnr))
    if ssim is not None:
        parts.append(f"SSIM {similarity(ssim)}")
    return " · ".join(parts)


def _fixed(value: float | None, digits: int, unit: str = "") -> str:
    if value is None or math.isnan(value):
        return "–"
    if math.isinf(value):
        return ("∞" if value > 0 else "−∞") + unit
    return f"{value:.{digits}f}{unit}".replace("-", "−")
