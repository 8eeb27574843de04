"""Trajectories of volumes in cycles/FOV, slices first: stacks of stars and kooshballs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed_mri.trajectories.shapes import radial, require_positive

GOLDEN_MEANS = (0.4655712318767680, 0.6823278038280193)
"""The two-dimensional golden means: 1/β² and 1/β of the root β = 1.4656 of β³ = β² + 1."""


def stack_of_stars(
    partitions: int, spokes: int, samples: int, size: int, golden: bool = True, start: float = 0.0
) -> Tensor:
    """Return a stack of radial planes, ``(partitions, spokes, samples, 3)`` float32, cycles/FOV.

    For :class:`NonCartesianMRI` in three dimensions; :class:`StackMRI` takes the planar :func:`radial` and is
    several times as fast.

    Parameters
    ----------
    partitions
        Cartesian steps along the first axis, partition ``partitions // 2`` at its centre.
    spokes, samples, size, golden, start
        As for :func:`radial`.
    """
    require_positive(partitions=partitions)
    plane = radial(spokes, samples, size, golden, start).expand(partitions, -1, -1, -1)
    up = (torch.arange(partitions, dtype=torch.float32) - partitions // 2)[:, None, None, None]
    return torch.cat([up.expand(*plane.shape[:-1], 1), plane], -1)


def kooshball(spokes: int, samples: int, size: int, first: int = 0) -> Tensor:
    """Return full spokes through the centre of a volume, ``(spokes, samples, 3)`` float32, cycles/FOV.

    Directions follow the golden means of two dimensions (Chan et al. 2009), so that any number of successive
    spokes covers the sphere evenly.

    Parameters
    ----------
    spokes, samples
        Number of lines, and of samples on each; sample ``samples // 2`` is the centre.
    size
        Pixels across the volume.
    first
        Number of the first spoke in the sequence.

    References
    ----------
    R. W. Chan et al., "Temporal stability of adaptive 3D radial MRI using multidimensional golden means",
    Magn. Reson. Med. 61 (2009) 354–363, doi:10.1002/mrm.21837.
    """
    require_positive(spokes=spokes, samples=samples, size=size)
    number = torch.arange(first, first + spokes, dtype=torch.float64)
    up = (number * GOLDEN_MEANS[0]) % 1  # the half sphere is enough: spokes go both ways
    azimuth = 2 * math.pi * ((number * GOLDEN_MEANS[1]) % 1)
    across = (1 - up.square()).sqrt()
    direction = torch.stack([up, across * azimuth.sin(), across * azimuth.cos()], -1)
    radius = (torch.arange(samples, dtype=torch.float64) - samples // 2) * (size / samples)
    return (radius[:, None] * direction[:, None]).float()
