"""MRI: encoding with coils on the Cartesian grid and along radial trajectories."""

from __future__ import annotations

from bench.case import Case
from bench.mri import nufft, sense


def cases() -> list[Case]:
    """Return the cases, section by section."""
    return [*sense.cases(), *nufft.cases()]
