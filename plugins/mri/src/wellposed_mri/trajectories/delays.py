"""Gradients come late, each axis by a time of its own, so spokes miss the centre of k-space.

Where two spokes cross they measured the same numbers. The crossings are found in the data, and a shift of
every spoke that is linear in its direction explains them (RING: Rosenzweig, Holme and Uecker 2019). No scan
is needed besides the one that is to be reconstructed.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.spaces import require_tensor
from wellposed_mri.encoding.checks import require_finite, require_signal

REACH, STEP = 2.0, 0.02
"""Crossings are looked for up to so many cycles/FOV from the centre, in such steps."""

PARTNERS = 4
"""Spokes with which each one is crossed: those nearest to a right angle, where crossings are sharp."""

OUTLIERS = 3.0
"""Crossings farther from the fit than so many medians are left out: noise makes a few."""


def gradient_delays(y: Tensor, trajectory: Tensor) -> Tensor:
    """Return how far gradient delays shift the spokes of a radial scan, S ``(2, 2)`` in cycles/FOV.

    A spoke of direction n was measured at ``k + S n`` instead of k, S being symmetric; :func:`delayed` puts
    it there. Needed are spokes of full length through the centre in at least three directions, and several
    coils: a single one sees the same number in many places. The delay of the row gradient is ``S[0, 0]``
    over the speed along a spoke, in cycles/FOV per second.

    Parameters
    ----------
    y
        Radial data ``(B, coils, spokes, samples)``, complex; all of them have the same delays.
    trajectory
        The planned spokes ``(spokes, samples, 2)`` in cycles/FOV, such as those of
        :func:`~wellposed_mri.radial`.

    Raises
    ------
    SpaceError
        Where data and trajectory do not fit.
    ParameterError
        For a single coil, a trajectory that is not of evenly sampled lines through the centre, and fewer
        directions.

    References
    ----------
    S. Rosenzweig, H. C. M. Holme and M. Uecker, "Simple auto-calibrated gradient delay estimation from few
    spokes using Radial Intersections (RING)", Magn. Reson. Med. 81 (2019) 1898–1906, doi:10.1002/mrm.27506.
    """
    require_tensor("y", y)
    require_tensor("trajectory", trajectory)
    if y.ndim != 4 or trajectory.shape[-1:] != (2,) or y.shape[2:] != trajectory.shape[:-1]:
        raise SpaceError(
            f"y has shape {tuple(y.shape)} and the trajectory {tuple(trajectory.shape)}, but "
            "(B, coils, spokes, samples) and (spokes, samples, 2) are expected."
        )
    if y.shape[:2].numel() < 2:
        raise ParameterError("one coil sees the same number in many places; delays are found with several.")
    require_finite("y", y)
    require_signal("y", y)
    points = trajectory.detach().double().cpu()
    directions = _directions(points)
    first, second = _pairs(directions)
    centre = _around_the_centre(y.detach().cpu().to(torch.complex128), points, directions)
    p, q = _crossings(centre, first, second)
    return _fit(directions[first], directions[second], p, q).to(trajectory)


def delayed(trajectory: Tensor, delays: Tensor) -> Tensor:
    """Return where straight shots ``(…, samples, 2)`` were measured: at ``k + S n`` with S the ``delays``.

    n is the unit direction from a shot's first to its last sample.
    """
    along = trajectory[..., -1:, :] - trajectory[..., :1, :]
    n: Tensor = along / torch.linalg.vector_norm(along, dim=-1, keepdim=True)
    return trajectory + n @ delays.mT.to(along)


def _directions(points: Tensor) -> Tensor:
    """Return the unit directions ``(spokes, 2)``; raise unless spokes are even lines through the centre."""
    along = points[:, -1] - points[:, 0]
    length = torch.linalg.vector_norm(along, dim=-1, keepdim=True)
    directions: Tensor = along / length.clamp(min=1e-30)
    step = length / (points.shape[1] - 1)
    even = points[:, :1] + directions[:, None] * step[:, None] * torch.arange(points.shape[1])[:, None]
    off = points[:, 0] - (points[:, 0] * directions).sum(-1, keepdim=True) * directions
    crooked = float((points - even).abs().max()) > 1e-2 or float(off.abs().max()) > 1e-2
    inside = bool(((points * directions[:, None]).sum(-1).aminmax(dim=1).min < -REACH).all())
    if points.shape[1] < 8 or crooked or not inside:
        raise ParameterError(
            f"the trajectory {tuple(points.shape)} is not of evenly sampled lines through the centre of "
            "k-space, from one side to the other; delays are found from full spokes as those of radial()."
        )
    return directions


def _pairs(directions: Tensor) -> tuple[Tensor, Tensor]:
    """Return which spokes are crossed: each with those that are nearest to a right angle."""
    cosines = (directions @ directions.mT).abs()
    if len(directions) < 3 or float(cosines.min()) > 0.9:
        widest = float(cosines.min().acos().rad2deg())
        raise ParameterError(
            f"{len(directions)} spokes with angles up to {widest:.0f}° tell too little; three directions, "
            "some of them near a right angle, are needed."
        )
    partners = cosines.topk(min(PARTNERS, len(directions) - 1), largest=False).indices
    first = torch.arange(len(directions)).repeat_interleave(partners.shape[1])
    return first, partners.flatten()


def _around_the_centre(y: Tensor, points: Tensor, directions: Tensor) -> Tensor:
    """Return data near the centre in fine steps, ``(spokes, coils, steps)``, by sinc interpolation."""
    places = (points * directions[:, None]).sum(-1)
    step = (places[:, -1] - places[:, 0]) / (places.shape[1] - 1)
    kernel = torch.sinc((_grid()[None, :, None] - places[:, None]) / step[:, None, None])
    lines = y.flatten(0, 1).movedim(0, 1)
    return lines @ kernel.mT.to(lines)


def _grid() -> Tensor:
    count = round(REACH / STEP)
    return torch.arange(-count, count + 1, dtype=torch.float64) * STEP


def _crossings(lines: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Return where pairs of spokes agree best: the place on the first, and that on the second."""
    grid, found = _grid(), []
    energy = lines.abs().square().sum(1)
    for i, j in zip(first.tolist(), second.tolist(), strict=True):
        product = (lines[i].mH @ lines[j]).real
        distance = energy[i][:, None] + energy[j] - 2 * product
        found.append(int(distance.argmin()))
    places = torch.tensor(found)
    return grid[places // len(grid)], grid[places % len(grid)]


def _fit(n: Tensor, m: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """Return the symmetric S of ``S (n − m) = q m − p n``, by least squares without outliers."""
    difference, wanted = n - m, q[:, None] * m - p[:, None] * n
    rows = torch.zeros(len(n), 2, 3, dtype=n.dtype)
    rows[:, 0, 0], rows[:, 0, 1] = difference[:, 0], difference[:, 1]
    rows[:, 1, 1], rows[:, 1, 2] = difference[:, 0], difference[:, 1]
    kept = torch.ones(len(n), dtype=torch.bool)
    for _ in range(2):
        solution = torch.linalg.lstsq(rows[kept].flatten(0, 1), wanted[kept].flatten()[:, None]).solution
        away = torch.linalg.vector_norm(rows @ solution - wanted[..., None], dim=(1, 2))
        kept = away <= OUTLIERS * away[kept].median() + STEP
    a, b, c = solution.flatten()
    return torch.stack([torch.stack([a, b]), torch.stack([b, c])])
