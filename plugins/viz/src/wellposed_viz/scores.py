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
    """Return e.g. ``0.42 s`` or ``185.20 s``: one unit, so that a column of them can be compared."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.2f} s" if value >= 0.005 else "< 0.01 s"


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
