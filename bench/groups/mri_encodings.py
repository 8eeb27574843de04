"""MRI encodings: films, subspaces, slices at once, motion, off-resonance, trajectories on the grid."""

from __future__ import annotations

from bench.case import Case
from bench.mri import encodings


def cases() -> list[Case]:
    """Return the cases, section by section."""
    return encodings.cases()
