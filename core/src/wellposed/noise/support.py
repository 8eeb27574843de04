"""Where a noise law puts its mass, so that a likelihood can be summed or integrated by whoever checks it.

A law is either a density on an interval or a mass on countably many atoms. Saying which one, and where,
is what makes "the likelihood integrates to one" a test instead of a promise.
"""

from __future__ import annotations

from attrs import frozen
from torch import Tensor


@frozen(eq=False)
class Interval:
    """The law is a density, and at most 1e-9 of its mass lies outside ``[low, high]``.

    Parameters
    ----------
    low, high
        Bounds of the shape of the mean. For a complex law they are opposite corners of a rectangle of
        the complex plane, and the density is per unit area of that plane.
    """

    low: Tensor
    high: Tensor


@frozen(eq=False)
class Atoms:
    """The law is a mass on isolated values, and at most 1e-9 of its mass lies elsewhere.

    Parameters
    ----------
    values
        ``(n, *mean.shape)``: n different values for every entry of the mean.
    """

    values: Tensor
