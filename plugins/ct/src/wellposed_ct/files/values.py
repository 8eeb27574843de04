"""What the numbers of a scan are: counts, transmissions, or line integrals; stated, or judged by their looks.

A line integral is 0 beside the object and grows inside; light is brightest beside it. So the detector's ends,
which mostly see air, tell one from the other.
"""

from __future__ import annotations

import warnings
from os import PathLike, fspath
from typing import Any, Literal, TypeAlias, get_args

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError, ParameterError

__all__ = ["VALUES", "Values", "check_stated", "check_transmissions", "doubt_nepers", "judge"]

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
    looks = _looks(stored)
    if looks is None:
        return
    say = "say so by values='nepers' (--values nepers) if they are line integrals all the same."
    integer = stored.dtype.kind in "iu"
    if integer or (not looks.grows_inside and (looks.median > MOST or looks.high > 2 * MOST)):
        why = "integers" if integer else f"{looks.median:.4g} in the median, {looks.high:.4g} at most"
        raise FileFormatError(
            f"{fspath(path)}: values look like counts ({why}), and there are no flats to divide them by; add "
            "the frames taken without the sample, or state what a bin counts without it: values='counts', "
            f"blank=… (--values counts --blank …). Or {say}"
        )
    if not looks.grows_inside and 0.8 <= looks.air <= 1.2 and looks.high <= 1.25 * looks.air:
        raise FileFormatError(
            f"{fspath(path)}: values look like transmissions ({looks.air:.3g} at the detector's ends, "
            f"down to {looks.low:.3g} inside), not like nepers, which are 0 in air; pass "
            f"values='transmission' (--values transmission) and the logarithm is taken. Or {say}"
        )
    if looks.falls_inside:
        warnings.warn(
            f"{fspath(path)}: values are taken for nepers, and are higher at the detector's ends than inside "
            f"({looks.air:.3g} and {looks.inside:.3g}), as light is beside an object; pass "
            "values='transmission', or values='counts' with blank=… (--values, --blank), if they are. "
            f"Or {say}",
            UserWarning,
            stacklevel=3,
        )
    else:
        _warn_negative(path, stored)


def check_transmissions(path: str | PathLike[str], stored: NDArray[Any]) -> None:
    """Raise :class:`FileFormatError` where what is called transmissions is far beyond 1."""
    median = float(np.median(stored))
    if median > 2:
        raise FileFormatError(
            f"{fspath(path)}: values are said to be transmissions, and are {median:.4g} in the median; they "
            "are fractions, 1 in air. Pass values='counts' and blank=…, the count in air."
        )


def doubt_nepers(path: str | PathLike[str], stored: NDArray[Any], has_flats: bool) -> None:
    """Warn where what is called nepers would let nothing through, as counts do."""
    looks = _looks(stored)
    if looks is None or looks.median <= MOST:
        return
    fix = (
        "the file holds flats, so say values='counts' (--values counts), or nothing"
        if has_flats
        else "say values='counts' and blank=… (--values counts --blank …)"
    )
    warnings.warn(
        f"{fspath(path)}: values are said to be nepers, and are {looks.median:.4g} in the median; beyond "
        f"{MOST:g} not a photon passes. If they are counts, {fix}.",
        UserWarning,
        stacklevel=3,
    )


@attrs.frozen
class _Looks:
    """The median, means of the detector's ends and middle third, 1 and 99 % quantiles, and a margin."""

    median: float
    air: float
    inside: float
    low: float
    high: float
    margin: float

    @property
    def grows_inside(self) -> bool:
        """Whether values are larger in the middle, as line integrals are, in whatever unit."""
        return self.inside - self.air > self.margin

    @property
    def falls_inside(self) -> bool:
        """Whether they are smaller there, as light is."""
        return self.air - self.inside > self.margin


def _looks(stored: NDArray[Any]) -> _Looks | None:
    """Return what values ``(…, views, bins)`` look like; ``None`` where none is finite."""
    finite = np.asarray(stored, np.float64)[np.isfinite(stored)]
    if not finite.size:
        return None
    low, high = (float(q) for q in np.quantile(finite, [0.01, 0.99]))
    # outliers and what is not finite must not decide a mean
    values = np.clip(np.nan_to_num(np.asarray(stored, np.float64), nan=low), low, high)
    bins = stored.shape[-1]
    count, third = max(1, bins // 20), bins // 3
    ends = np.concatenate([values[..., :count], values[..., -count:]], -1)
    chance = 3 * float(ends.std()) / float(np.sqrt(ends.size))
    return _Looks(
        float(np.median(finite)), float(ends.mean()), float(values[..., third : bins - third].mean()),
        low, high, max(0.03 * (high - low), chance),
    )  # fmt: skip


def _warn_negative(path: str | PathLike[str], stored: NDArray[Any]) -> None:
    finite = np.asarray(stored, np.float64)[np.isfinite(stored)]
    low = float(np.quantile(finite, 0.05))
    if low < -0.5:
        warnings.warn(
            f"{fspath(path)}: values are taken for nepers, and a twentieth of them is below {low:.3g}: more "
            "light than without a sample; check the sign and the flats.",
            UserWarning,
            stacklevel=4,
        )
