"""Numbers that can be read and yet are hardly what they are taken for: said in one warning each."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["doubt_nepers", "doubt_order"]

MOST = 20.0
"""Nepers: e⁻²⁰ of the beam is less than one photon of most scans."""


def doubt_nepers(path: str | PathLike[str], values: NDArray[Any], integer: bool) -> None:
    """Warn where what is taken for nepers looks like counts, or is clearly negative."""
    middle = float(np.median(values))
    if integer or middle > MOST:
        why = "integers" if integer else f"{middle:.4g} in the median"
        warnings.warn(
            f"{path}: values are taken for nepers (−log of the transmission), and look like counts ({why}); "
            "add the frames taken without the sample, or take −log(counts / blank) first.",
            UserWarning,
            stacklevel=3,
        )
    elif (low := float(np.quantile(values, 0.05))) < -0.5:
        warnings.warn(
            f"{path}: values are taken for nepers, and a twentieth of them is below {low:.3g}: more light "
            "than without a sample; check the sign and the flats.",
            UserWarning,
            stacklevel=3,
        )


def doubt_order(path: str | PathLike[str], angles: NDArray[np.float64]) -> None:
    """Warn where angles go back and forth."""
    steps = np.diff(angles)
    if len(steps) and not ((steps > 0).all() or (steps < 0).all()):
        count = int((np.sign(steps) != np.sign(np.median(steps) or 1.0)).sum())
        warnings.warn(
            f"{path}: angles are not monotone: {count} of {len(steps)} steps go the other way or stand "
            "still; check them unless the scan was interleaved.",
            UserWarning,
            stacklevel=3,
        )
