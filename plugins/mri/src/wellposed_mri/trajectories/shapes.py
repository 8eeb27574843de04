"""Trajectories in cycles/FOV, rows first: radial lines, spirals, rosettes, and the grid."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from wellposed.errors import ParameterError


def golden_angle(order: int = 1) -> float:
    """Return π/(φ + order − 1) in radians: the golden angle 111.25°, then 68.75°, 49.75°, … 23.63° for 7.

    Successive spokes fill the half circle most evenly (Winkelmann et al. 2007).
    Tiny golden angles do so in small steps, which make less eddy current (Wundrak et al. 2015,
    doi:10.1109/TMI.2014.2382572).
    """
    require_positive(order=order)
    return math.pi / ((1 + math.sqrt(5)) / 2 + order - 1)


def radial(
    spokes: int, samples: int, size: int, golden: bool = True, start: float = 0.0, order: int = 1
) -> Tensor:
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
    order
        1 for the golden angle, above 1 for tiny ones, see :func:`golden_angle`.

    References
    ----------
    S. Winkelmann et al., IEEE Trans. Med. Imaging 26 (2007) 68–76, doi:10.1109/TMI.2006.885337.
    """
    require_positive(spokes=spokes, samples=samples, size=size)
    step = golden_angle(order) if golden else math.pi / spokes
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
    require_positive(arms=arms, samples=samples, size=size, density=density)
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


def rosette(
    petals: int, samples: int, size: int, shots: int = 1, turn: float | None = None, start: float = 0.0
) -> Tensor:
    """Return rosettes ``(shots, samples, 2)`` float32, cycles/FOV: every petal crosses the centre.

    k(τ) = (size/2)·sin(π·petals·τ)·exp(i·turn·petals·τ), τ from 0 to 1 (Noll 1997).

    Parameters
    ----------
    petals
        Number of passages from centre to centre in one shot.
    samples
        Samples of one shot, evenly spaced in time.
    size
        Pixels across the image.
    shots
        Interleaved shots, evenly turned.
    turn
        Angle by which one petal turns; by default such that the petals of all shots are evenly spread.
    start
        Angle of the first petal in radians.

    References
    ----------
    D. C. Noll, IEEE Trans. Med. Imaging 16 (1997) 372–377, doi:10.1109/42.611345.
    """
    require_positive(petals=petals, samples=samples, size=size, shots=shots)
    step = math.pi * (1 + 2 / petals) if turn is None else turn
    tau = torch.linspace(0, 1, samples, dtype=torch.float64)
    radius = size / 2 * (math.pi * petals * tau).sin()
    first = start + 2 * math.pi * torch.arange(shots, dtype=torch.float64)[:, None] / (petals * shots)
    angle = first + step * petals * tau
    return torch.stack([radius * angle.sin(), radius * angle.cos()], -1).float()


def cartesian(shape: tuple[int, ...]) -> Tensor:
    """Return the Cartesian grid, ``(*shape, d)`` float32, in the order of centred k-space."""
    axes = [torch.arange(n, dtype=torch.float32) - n // 2 for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)


def require_positive(**values: float) -> None:
    """Raise :class:`ParameterError` for a value that is not positive, by its name."""
    for name, value in values.items():
        if value <= 0:
            raise ParameterError(f"{name} = {value}, but it must be positive.")
