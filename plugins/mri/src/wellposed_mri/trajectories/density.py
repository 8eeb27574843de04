"""Density compensation: how much of k-space each sample stands for."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.encoding.trajectory_checks import require_trajectory
from wellposed_mri.nufft import Plans

PLACES = 5
"""Decimals of cycles/FOV by which places are told apart."""


def pipe_menon(trajectory: Tensor, shape: tuple[int, ...], iterations: int = 30) -> Tensor:
    """Return weights ``(…, samples)`` for which the weighted samples are equally dense (Pipe & Menon 1999).

    Iterates w ← w / (w ∗ C) with the kernel C(k) = Π sinc²(k_d), k in cycles/FOV: positive, and of twice the
    field of view, so that the compensated point spread is right within it. On the Cartesian grid w = 1, so
    ``A*(w·y)`` of a fully sampled acquisition has the brightness of the image.

    Parameters
    ----------
    trajectory
        ``(…, samples, d)`` in cycles/FOV.
    shape
        Image size.
    iterations
        Number of updates.

    References
    ----------
    J. G. Pipe and P. Menon, Magn. Reson. Med. 41 (1999) 179–186,
    doi:10.1002/(SICI)1522-2594(199901)41:1<179::AID-MRM25>3.0.CO;2-V.
    """
    require_trajectory(trajectory, shape)
    if iterations < 1:
        raise ParameterError(f"iterations = {iterations}, but at least 1 is needed.")
    doubled = tuple(2 * n for n in shape)
    sizes = torch.tensor(shape, dtype=torch.float64)
    points = trajectory.detach().double().cpu().reshape(-1, len(shape)) / sizes * (2 * math.pi)
    plans, window = Plans(doubled, 1e-6), _triangle(doubled)
    weights = torch.ones(points.shape[0], dtype=torch.float64)
    for _ in range(iterations):
        image = plans.to_image(weights.to(torch.complex128)[None], points) * window
        spread = plans.to_points(image, points)[0].real
        weights = weights / spread.clamp(min=1e-12 * float(spread.max()))
    return weights.reshape(trajectory.shape[:-1]).to(trajectory)


def _triangle(doubled: tuple[int, ...]) -> Tensor:
    """Return Π(1 − |j|/n)/n on the doubled grid: the transform of sinc², zero at ±FOV."""
    window = torch.ones((), dtype=torch.float64)
    for axis, twice in enumerate(doubled):
        n = twice // 2
        side = (1 - (torch.arange(twice, dtype=torch.float64) - n).abs() / n) / n
        window = window * side.reshape((twice,) + (1,) * (len(doubled) - axis - 1))
    return window


def voronoi(trajectory: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the areas of the samples' Voronoi cells, ``(…, samples)``, in (cycles/FOV)².

    Samples at one place share its cell. Cells at the rim, which are open or reach beyond the sampled region,
    take the weight of their nearest neighbour within.

    Parameters
    ----------
    trajectory
        Planar trajectory ``(…, samples, 2)`` in cycles/FOV.
    shape
        Image size.

    References
    ----------
    V. Rasche et al., "Resampling of data between arbitrary grids using convolution interpolation", IEEE
    Trans. Med. Imaging 18 (1999) 385–392, doi:10.1109/42.774166.
    """
    require_trajectory(trajectory, shape)
    if trajectory.shape[-1] != 2:
        raise ParameterError(
            "Voronoi weights are areas of planar cells; in three dimensions use pipe_menon()."
        )
    points = trajectory.detach().double().cpu().reshape(-1, 2).numpy()
    # Numbers that differ in their last digits are one place: slivers of cells would be all rounding.
    places, where, times = np.unique(points.round(PLACES), axis=0, return_inverse=True, return_counts=True)
    area = _cells(places) / times
    weights = torch.from_numpy(area[where.reshape(-1)])
    return weights.reshape(trajectory.shape[:-1]).to(trajectory)


def _cells(places: np.ndarray) -> np.ndarray:
    """Return the areas of the cells within the convex hull; others take that of the nearest inner one."""
    from scipy.spatial import ConvexHull, KDTree, QhullError, Voronoi

    try:
        diagram, hull = Voronoi(places), ConvexHull(places)
    except QhullError as error:
        raise ParameterError(
            f"{len(places)} places on a line, or fewer than four, have no cells; pipe_menon() gives the "
            "weights of any samples."
        ) from error
    reach = float(np.abs(places).max())
    # A vertex is inside where no side of the hull has it in front.
    sides = hull.equations[:, :2] @ diagram.vertices.T + hull.equations[:, 2:]
    inside = (sides <= 1e-6 * reach).all(0)
    area = np.full(len(places), np.nan)
    for i, region in enumerate(diagram.point_region):
        corners = diagram.regions[region]
        if corners and -1 not in corners and inside[corners].all():
            area[i] = _polygon(diagram.vertices[corners])
    known = np.isfinite(area)
    if not known.any():
        raise ParameterError(f"{len(places)} places enclose no cell; Voronoi weights need more samples.")
    _, nearest = KDTree(places[known]).query(places[~known])
    area[~known] = area[known][nearest]
    return area


def _polygon(corners: np.ndarray) -> float:
    """Return the area of a convex polygon, whose corners may come in any order."""
    centred = corners - corners.mean(0)
    x, y = centred[np.argsort(np.arctan2(centred[:, 1], centred[:, 0]))].T
    return 0.5 * abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1)))


def radial_density(trajectory: Tensor, shape: tuple[int, int]) -> Tensor:
    """Return the analytic weights of evenly turned full spokes, ``(spokes, samples)``.

    Each sample stands for the sector Δk·|k|·π/spokes, the one at the centre for a disc of radius Δk/2
    shared by all spokes.

    Parameters
    ----------
    trajectory
        ``(spokes, samples, 2)`` of :func:`~wellposed_mri.radial` in cycles/FOV.
    shape
        Image size; a square one, so that the spacing is the same along every spoke.
    """
    require_trajectory(trajectory, shape)
    if trajectory.ndim != 3 or shape[0] != shape[1]:
        raise ParameterError(
            f"radial weights need a trajectory (spokes, samples, 2) and a square image, got "
            f"{tuple(trajectory.shape)} and {shape}; pipe_menon() takes any."
        )
    radius = torch.linalg.vector_norm(trajectory, dim=-1)
    step = torch.linalg.vector_norm(trajectory[:, 1:] - trajectory[:, :-1], dim=-1).mean()
    spokes = trajectory.shape[0]
    sector = radius * step * math.pi / spokes
    centre = math.pi * (step / 2) ** 2 / spokes
    return torch.where(radius < 1e-3 * step, centre, sector)
