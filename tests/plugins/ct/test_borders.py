"""Rays along borders, steep ones, and bins so coarse that neighbours run opposite ways: as in torch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from wellposed.operators import LinearOperator
from wellposed.spaces import Space
from wellposed_ct import FanBeam, ParallelBeam3D, VectorGeometry
from wellposed_ct.geometry.fan import Detector
from wellposed_ct.projectors.vectors import parallel_vectors

TURNS = [k * math.pi / 2 for k in range(-4, 5)]


def _same(op: LinearOperator) -> None:
    plain = op.replace(backend="torch")
    generator = torch.Generator().manual_seed(0)

    def random(space: Space) -> Tensor:
        return torch.randn(1, *space.concrete_shape, dtype=torch.float64, generator=generator)

    assert isinstance(op.domain, Space)
    assert isinstance(op.range, Space)
    x, y = random(op.domain), random(op.range)
    torch.testing.assert_close(op.A(x), plain.A(x), rtol=1e-11, atol=1e-11)
    torch.testing.assert_close(op.A_adjoint(y), plain.A_adjoint(y), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("tilt", [0.0, 0.3, math.pi / 4])
@pytest.mark.parametrize("size", [(6, 12, 14), (5, 9, 7)])
def test_rays_along_the_border_of_a_volume(tilt: float, size: tuple[int, int, int]) -> None:
    vectors = parallel_vectors(torch.tensor(TURNS, dtype=torch.float64), (1.0, 1.0), tilt=tilt)
    scan = VectorGeometry(vectors.numpy(), size, (12, 22), parallel=True)
    _same(ParallelBeam3D.from_geometry(scan, dtype=torch.float64))


def test_rays_along_z_whose_rows_lie_along_z() -> None:
    vectors = torch.tensor([[0.0, 0, -1, 1, -1, 0, 1, 0, 1, 0, 0, 2]], dtype=torch.float64)
    scan = VectorGeometry(vectors.numpy(), (7, 5, 10), (3, 4), parallel=True)
    _same(ParallelBeam3D.from_geometry(scan, dtype=torch.float64))


@pytest.mark.parametrize("detector", ["flat", "curved"])
@pytest.mark.parametrize(
    ("bins", "bin_mm", "axis_mm"), [(68, 27.4556, -492.2), (4, 27.5, 0.0), (9, 9.0, 3.0)]
)
def test_a_source_at_the_corner_and_coarse_bins(
    detector: Detector, bins: int, bin_mm: float, axis_mm: float
) -> None:
    if detector == "curved":
        bin_mm, axis_mm = min(bin_mm, 25 / bins), 0.0
    angles = [0.51, 3.21, *TURNS]
    space = Space((1, 13, 13), torch.float64)
    _same(FanBeam(angles, space, 9.2383, 9.2383, bins, bin_mm, 1.0, axis_mm, detector=detector))
