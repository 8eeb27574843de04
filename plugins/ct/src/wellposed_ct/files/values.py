"""What the numbers of a scan are: counts, transmissions, or line integrals; stated, or judged by their looks.

A line integral is 0 beside the object and grows inside; light is brightest beside it. So the detector's ends,
which mostly see air, tell one from the other.
"""

from __future__ import annotations

import warnings
from os import PathLike, fspath
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError, ParameterError

__all__ = ["VALUES", "Values", "check_stated", "check_transmissions", "judge"]

Values: TypeAlias = Literal["counts", "transmission", "nepers"]
"""Photons or what is proportional to them; the fraction of them that passes; −log of that fraction."""

VALUES: tuple[Values, ...] = get_args(Values)

MOST = 20.0
"""Nepers: e⁻²⁰ of the beam is less than one photon of most scans."""


def check_stated(values: str | None, blank: float | None) -> None:
    """Raise :class:`ParameterError` where what is said of the values cannot be."""
    if values is not None and values not in VALUES:
        raise ParameterError(f"values = {values!r} must be one of {', '.join(VALUES)}.")
    if blank is not None and not (np.isfinite(blank) and blank > 0):
        raise ParameterError(f"blank = {blank} must be > 0: what a bin counts without the sample.")
    if blank is not None and values not in (None, "counts"):
        raise ParameterError(
            f"blank = {blank:g} divides counts, and values are said to be {values}; omit one."
        )


def judge(path: str | PathLike[str], stored: NDArray[Any]) -> None:
    """Accept numbers ``(…, views, bins)`` as nepers, of which nobody said what they are.

    Raises :class:`FileFormatError` where they look like counts or transmissions, and warns where they may be.
    """
    finite = np.asarray(stored, np.float64)[np.isfinite(stored)]
    if not finite.size:
        return
    say = "say so by values='nepers' (--values nepers) if they are line integrals all the same."
    median, high = (float(q) for q in np.quantile(finite, [0.5, 0.95]))
    if stored.dtype.kind in "iu" or median > MOST or high > 2 * MOST:
        why = "integers" if stored.dtype.kind in "iu" else f"{median:.4g} in the median, {high:.4g} at most"
        raise FileFormatError(
            f"{fspath(path)}: values look like counts ({why}), and there are no flats to divide them by; add "
            "the frames taken without the sample, or state what a bin counts without it: values='counts', "
            f"blank=… (--values counts --blank …). Or {say}"
        )
    air, inside, brightest = _air(stored, finite)
    if not brightest:
        _warn_negative(path, finite)
    elif 0.8 <= air <= 1.2:
        raise FileFormatError(
            f"{fspath(path)}: values look like transmissions ({air:.3g} at the detector's ends, down to "
            f"{inside:.3g} inside), not like nepers, which are 0 in air; pass values='transmission' "
            f"(--values transmission) and the logarithm is taken. Or {say}"
        )
    elif air > 0.05:
        warnings.warn(
            f"{fspath(path)}: values are taken for nepers, and are highest at the detector's ends ("
            f"{air:.3g}, and {inside:.3g} inside), as light is beside an object; pass values='transmission', "
            f"or values='counts' with blank=… (--values, --blank), if they are. Or {say}",
            UserWarning,
            stacklevel=3,
        )


def check_transmissions(path: str | PathLike[str], stored: NDArray[Any]) -> None:
    """Raise :class:`FileFormatError` where what is called transmissions is far beyond 1."""
    median = float(np.median(stored))
    if median > 2:
        raise FileFormatError(
            f"{fspath(path)}: values are said to be transmissions, and are {median:.4g} in the median; they "
            "are fractions, 1 in air. Pass values='counts' and blank=…, the count in air."
        )


def _air(stored: NDArray[Any], finite: NDArray[np.float64]) -> tuple[float, float, bool]:
    """Return what the detector's ends see, the darkest value, and whether the ends are the brightest."""
    count = max(1, stored.shape[-1] // 20)
    ends = np.concatenate([stored[..., :count], stored[..., -count:]], -1)
    air = float(np.median(ends[np.isfinite(ends)])) if np.isfinite(ends).any() else 0.0
    low, high = (float(q) for q in np.quantile(finite, [0.01, 0.99]))
    return air, low, high - low > 0.02 and air - low > 0.7 * (high - low)


def _warn_negative(path: str | PathLike[str], finite: NDArray[np.float64]) -> None:
    low = float(np.quantile(finite, 0.05))
    if low < -0.5:
        warnings.warn(
            f"{fspath(path)}: values are taken for nepers, and a twentieth of them is below {low:.3g}: more "
            "light than without a sample; check the sign and the flats.",
            UserWarning,
            stacklevel=4,
        )
