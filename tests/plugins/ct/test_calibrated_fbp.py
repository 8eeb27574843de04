"""Filtered back-projection as a function of its geometry: gradients against finite differences, or a word."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.func import grad, vmap

from wellposed.errors import ParameterError
from wellposed.spaces import Space
from wellposed_ct import FBP, FDK, ConeBeam, FanBeam, FourierSlice, ParallelBeam
from wellposed_ct.projectors.vectors import circular_vectors

F64 = torch.float64
HALF, FULL = (
    torch.arange(7, dtype=F64) * turn / 7 + 0.03 * torch.tensor([0, 1, -1, 2, 0, -2, 1])
    for turn in (math.pi, 2 * math.pi)
)
SHORT = torch.tensor([0.05, 0.5, 0.91, 1.37, 1.8, 2.21, 2.62, 3.1, 3.5], dtype=F64)
IMAGE = Space((1, 5, 6), F64)
PLACE: dict[str, Any] = {"centre_mm": (0.23, -0.11)}
FAN = (30.0, 60.0, 9, 1.9, 1.0)

SCANS: dict[str, Any] = {
    "parallel": ParallelBeam(HALF, IMAGE, 9, detector_mm=0.9, axis_mm=0.13, **PLACE),
    "parallel, displaced": ParallelBeam(FULL, IMAGE, 9, detector_mm=0.9, axis_mm=2.2, **PLACE),
    "fan": FanBeam(FULL, IMAGE, *FAN, axis_mm=0.13, **PLACE, tilt=0.1),
    "fan, short scan": FanBeam(SHORT, IMAGE, *FAN, axis_mm=0.13, **PLACE),
    "fan, displaced": FanBeam(FULL, IMAGE, *FAN, axis_mm=3.1, **PLACE),
    "curved fan": FanBeam(FULL, IMAGE, *FAN, axis_mm=0.13, **PLACE, detector="curved"),
}


def sinogram(op: Any) -> Tensor:
    drawn: Tensor = op.range.randn(2, torch.Generator().manual_seed(3))
    return drawn


@pytest.mark.parametrize("name", SCANS)
def test_gradients_in_the_geometry_are_those_of_finite_differences(name: str) -> None:
    op, y = SCANS[name], sinogram(SCANS[name])
    names = ["angles", "axis_mm", "centre_mm", *(["tilt"] if name == "fan" else [])]
    values = [getattr(op, n).clone().requires_grad_() for n in names]

    def picture(*geometry: Tensor) -> Tensor:
        return FBP("hann")(y, op.replace(**dict(zip(names, geometry, strict=True))))

    # the compiled kernel and the differentiable path are the same picture
    torch.testing.assert_close(picture(*values), FBP("hann")(y, op), rtol=1e-10, atol=1e-12)
    assert torch.autograd.gradcheck(picture, values, eps=1e-7, atol=1e-5)
    by_func = grad(lambda a: picture(a, *values[1:]).square().sum())(values[0].detach())
    by_tape = torch.autograd.grad(picture(*values).square().sum(), values[0])[0]
    torch.testing.assert_close(by_func, by_tape)


def test_the_axis_is_found_by_descent_through_the_picture() -> None:
    size = Space((1, 24, 24), F64)
    angles = torch.arange(40, dtype=F64) * math.pi / 40
    x = torch.zeros(1, 1, 24, 24, dtype=F64)
    x[..., 8:15, 6:11] = 1
    truth = ParallelBeam(angles, size, 35, axis_mm=0.8)
    y = truth.A(x)
    axis = torch.zeros((), dtype=F64, requires_grad=True)
    step = torch.optim.LBFGS([axis], max_iter=20, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        step.zero_grad()
        value = (FBP("hann")(y, truth.replace(axis_mm=axis)) - x).square().sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    step.step(loss)  # type: ignore[no-untyped-call]
    assert abs(float(axis.detach()) - 0.8) < 0.05


def test_what_has_no_gradient_says_so() -> None:
    vectors = circular_vectors(FULL, 15.0, 28.0, (1.2, 1.2)).requires_grad_()
    cone = ConeBeam(vectors, Space((1, 3, 4, 4), F64), (5, 6))
    y = torch.ones(1, 1, 7, 5, 6, dtype=F64)
    with pytest.raises(ParameterError, match=r"FDK: vectors or centre_mm ask for gradients .* torch.no_grad"):
        FDK()(y, cone)
    with torch.no_grad():
        assert FDK()(y, cone).abs().max() > 0
    op, flat = SCANS["parallel"], sinogram(SCANS["parallel"])
    with pytest.raises(ParameterError, match=r"FBP: torch.func.vmap maps over the geometry"):
        vmap(lambda a: FBP()(flat, op.replace(angles=a)))(torch.stack([HALF, HALF + 0.1]))


def test_fourier_slices_are_not_mapped_over_angles() -> None:
    pytest.importorskip("finufft")
    op, x = FourierSlice(HALF, IMAGE), torch.ones(1, 1, 5, 6, dtype=F64)
    with pytest.raises(ParameterError, match=r"vmap maps over the angles, and FourierSlice .* ct.parallel"):
        vmap(lambda a: op.A(x, angles=a))(torch.stack([HALF, HALF + 0.1]))
    with pytest.raises(ParameterError, match="angles ask for gradients, which FourierSlice does not have"):
        grad(lambda a: op.A(x, angles=a).sum())(HALF)
