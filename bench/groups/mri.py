"""MRI: encoding with coils on the Cartesian grid, over time, and along trajectories."""

from __future__ import annotations

from bench.case import Case
from bench.mri import encodings, nufft, sense


def cases() -> list[Case]:
    """Return the cases, section by section."""
    return [*sense.cases(), *nufft.cases(), *encodings.cases()]
