"""Tomography in space: cone beams against our own parallel beam, crossing for crossing; takes minutes."""

from __future__ import annotations

from bench.case import Case
from bench.ct import cone


def cases() -> list[Case]:
    """Return the cases."""
    return cone.cases()
