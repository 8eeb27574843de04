"""Trajectories in cycles/FOV, rows first: radial lines and spirals."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import ParameterError

GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5)) / (math.sqrt(5) - 1)
"""π/φ ≈ 111.246°: successive spokes fill the half circle most evenly (Winkelmann et al. 2007)."""


def radial(spokes: int, samples: int, size: int, golden: bool = True, start: float = 0.0) -> Tensor:
    """Return straight lines through the centre, ``(spokes, samples, 2)`` float32, cycles/FOV.

    Parameters
    ----------
    spokes, samples
        Number of lines, and of samples on each, from −size/2 on; the sample ``samples // 2`` is the centre.
    size
        Pixels across the image; spokes end at ±size/2.
    golden
        Turn from spoke to spoke by the golden angle; else evenly over the half circle.
    start
        Angle of the first spoke in radians, from the column axis towards the rows.

    References
    ----------
    S. Winkelmann et al., IEEE Trans. Med. Imaging 26 (2007) 68–76, doi:10.1109/TMI.2006.885337.
    """
    _positive(spokes=spokes, samples=samples, size=size)
    step = GOLDEN_ANGLE if golden else math.pi / spokes
    angle = start + step * torch.arange(spokes, dtype=torch.float64)
    radius = (torch.arange(samples, dtype=torch.float64) - samples // 2) * (size / samples)
    direction = torch.stack([angle.sin(), angle.cos()], -1)
    return (radius[:, None] * direction[:, None]).float()


def spiral(
    arms: int, samples: int, size: int, turns: float | None = None, density: float = 1.0, start: float = 0.0
) -> Tensor:
    """Return spirals from the centre outwards, ``(arms, samples, 2)`` float32, cycles/FOV.

    The radius grows as (size/2)·τ^density with the angle 2π·turns·τ, τ from 0 to 1; samples are spaced evenly
    along the curve.

    Parameters
    ----------
    arms, samples
        Number of interleaved arms, evenly turned, and samples on each.
    size
        Pixels across the image.
    turns
        Revolutions of one arm; by default those that leave 0.8 cycles/FOV between arms: at exactly 1 an
        Archimedean spiral still aliases.
    density
        1 for constant density; above 1 the centre is sampled more densely.
    start
        Angle of the first arm in radians.
    """
    _positive(arms=arms, samples=samples, size=size, density=density)
    turns = size / (2 * 0.8 * arms) if turns is None else turns
    if turns <= 0:
        raise ParameterError(f"turns = {turns}, but an arm makes more than 0 revolutions.")
    fine = torch.linspace(0, 1, 64 * samples, dtype=torch.float64)
    curve = size / 2 * torch.polar(fine**density, 2 * math.pi * turns * fine)
    length = torch.cat([torch.zeros(1, dtype=torch.float64), curve.diff().abs().cumsum(0)])
    wanted = torch.linspace(0, float(length[-1]), samples, dtype=torch.float64)
    place = torch.searchsorted(length, wanted).clamp(1, len(fine) - 1)
    share = (wanted - length[place - 1]) / (length[place] - length[place - 1])
    tau = fine[place - 1] + share * (fine[place] - fine[place - 1])
    angle = start + 2 * math.pi * (turns * tau + torch.arange(arms, dtype=torch.float64)[:, None] / arms)
    radius = size / 2 * tau**density
    return torch.stack([radius * angle.sin(), radius * angle.cos()], -1).float()


def cartesian(shape: tuple[int, ...]) -> Tensor:
    """Return the Cartesian grid, ``(*shape, d)`` float32, in the order of centred k-space."""
    axes = [torch.arange(n, dtype=torch.float32) - n // 2 for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def _positive(**values: float) -> None:
    for name, value in values.items():
        if value <= 0:
            raise ParameterError(f"{name} = {value}, but it must be positive.")
