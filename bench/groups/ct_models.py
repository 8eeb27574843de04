"""Tomography beyond parallel Joseph: fans, Siddon, strips, Fourier slices; all against exact integrals."""

from __future__ import annotations

from bench.case import Case
from bench.ct import models


def cases() -> list[Case]:
    """Return the cases."""
    return models.cases()
