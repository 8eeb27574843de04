"""Tomography: projectors side by side with ASTRA, deepinv, scikit-image and a stored sparse matrix."""

from __future__ import annotations

from bench.case import Case
from bench.ct import parallel


def cases() -> list[Case]:
    """Return the cases, section by section."""
    return parallel.cases()
