"""What methods of this pack need of an encoding, told by :mod:`wellposed_mri.encoding.traits`."""

from __future__ import annotations

from typing import Any

from wellposed.needs import Need
from wellposed_mri.encoding.traits import is_grid, time_axis
from wellposed_mri.reconstruction.common import operator_of

TIME = 2
"""The axis that counts frames in a film ``(B, sets, T, *image)``."""


def _is_at_rest(y: Any, physics: Any) -> bool:
    operator = operator_of(physics)
    return is_grid(operator) and time_axis(operator) is None


GRID = Need(
    "k-space of one image at rest on a Cartesian grid (without readout oversampling, which can be cropped)",
    _is_at_rest,
)

FILM = Need(
    "films, images (sets, T, H, W) with a time axis as those of mri.dynamic or mri.dynamic_noncartesian",
    lambda y, physics: time_axis(operator_of(physics)) == TIME,
)

COILS = Need(
    "coils to combine, a method coil_images(y)",
    lambda y, physics: getattr(operator_of(physics), "coil_images", None) is not None,
)

TRAJECTORY = Need(
    "a trajectory with its density",
    lambda y, physics: getattr(operator_of(physics), "density", None) is not None,
)
