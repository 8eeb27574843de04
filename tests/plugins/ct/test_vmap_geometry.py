"""Calibration: ``vmap``, gradients and Hessians in the geometry, against loops and finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from wellposed.spaces import Space
from wellposed_ct import ConeBeam, FanBeam, ParallelBeam, ParallelBeam3D
from wellposed_ct.projectors.vectors import circular_vectors, parallel_vectors

# torch.func.jvp imports torch.jit on first use
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")

F64 = torch.float64
ANGLES = torch.tensor([0.1, 1.3, 2.6], dtype=F64)
IMAGE, VOLUME = Space((1, 7, 8), F64), Space((1, 4, 5, 6), F64)


def randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def parallel(model: str, bins: float = 0.9) -> Any:
    return ParallelBeam(ANGLES, IMAGE, 9, detector_mm=bins, axis_mm=0.13, centre_mm=(0.2, -0.1), model=model)  # type: ignore[arg-type]


def fan(model: str, detector: str = "flat") -> Any:
    lengths = (20.0, 40.0, 9, 1.9, 1.0, 0.13, (0.2, -0.1))
    return FanBeam(ANGLES, IMAGE, *lengths, model=model, detector=detector)  # type: ignore[arg-type]


PLANE = {
    "parallel joseph": parallel("joseph"),
    "parallel joseph, fine bins": parallel("joseph", 0.3),
    "parallel joseph, coarse bins": parallel("joseph", 2.7),
    "parallel siddon": parallel("siddon"),
    "parallel strip": parallel("strip"),
    "parallel strip, coarse bins": parallel("strip", 2.7),
    "fan joseph": fan("joseph"),
    "fan siddon": fan("siddon"),
    "fan strip": fan("strip"),
    "curved fan joseph": fan("joseph", "curved"),
    "curved fan siddon": fan("siddon", "curved"),
    "curved fan strip": fan("strip", "curved"),
}
SPACE = {
    "cone": ConeBeam(circular_vectors(ANGLES, 15.0, 28.0, (1.1, 1.2), 0.13), VOLUME, (5, 6)),
    "parallel in space": ParallelBeam3D(parallel_vectors(ANGLES, (1.1, 1.2), 0.1, tilt=0.3), VOLUME, (5, 6)),
}
ALL = PLANE | SPACE


def data(op: Any, back: bool) -> Tensor:
    space = op.range if back else op.domain
    drawn: Tensor = space.randn(1, torch.Generator().manual_seed(1))
    return drawn


def scans(op: Any) -> tuple[dict[str, Tensor], Callable[..., Tensor]]:
    """Return three geometries, and a projection or back-projection as their function."""
    name = "vectors" if op in SPACE.values() else "angles"
    base = getattr(op, name)
    # the first one as far as a quarter turn: the rays' main axes are others
    turned = base + 1.4 if name == "angles" else base.roll(1, 0)
    many = {name: torch.stack([base, turned, base + 0.01 * randn(*base.shape)])}
    many["centre_mm"] = op.centre_mm + 0.3 * randn(3, len(op.centre_mm), seed=2)
    if name == "angles":
        many["axis_mm"] = op.axis_mm + 0.2 * randn(3, seed=3)
    return many, lambda x, back, **geometry: (op.A_adjoint if back else op.A)(x, **geometry)


@pytest.mark.parametrize("back", [False, True], ids=["projection", "adjoint"])
@pytest.mark.parametrize("name", ALL)
def test_vmap_over_whole_scans(name: str, back: bool) -> None:
    many, run = scans(ALL[name])
    x = data(ALL[name], back)
    together = vmap(lambda g: run(x, back, **g))(many)
    alone = torch.stack([run(x, back, **{k: v[i] for k, v in many.items()}) for i in range(3)])
    torch.testing.assert_close(together, alone, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", ALL)
def test_vmap_over_scans_and_images_at_once(name: str) -> None:
    many, run = scans(ALL[name])
    x = torch.stack([data(ALL[name], False), data(ALL[name], False) ** 2])
    together = vmap(lambda u: vmap(lambda g: run(u, False, **g))(many))(x)
    alone = [[run(u, False, **{k: v[i] for k, v in many.items()}) for i in range(3)] for u in x]
    torch.testing.assert_close(together, torch.stack([torch.stack(a) for a in alone]), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("back", [False, True], ids=["projection", "adjoint"])
@pytest.mark.parametrize("name", ALL)
def test_derivatives_in_the_geometry_are_finite_differences(name: str, back: bool) -> None:
    """One direction of all parameters at once: forward mode, reverse mode, dual numbers, and under vmap."""
    many, run = scans(ALL[name])
    x = data(ALL[name], back)
    at = {k: v[2] for k, v in many.items()}
    way = {k: randn(*v.shape, seed=5) for k, v in at.items()}
    value = lambda t: run(x, back, **{k: v + t * way[k] for k, v in at.items()})  # noqa: E731
    step = 1e-6
    slope = (value(step) - value(-step)) / (2 * step)
    zero, one = torch.zeros((), dtype=F64), torch.ones((), dtype=F64)
    close: Any = {"rtol": 1e-6, "atol": 1e-7 * float(slope.abs().max())}
    torch.testing.assert_close(jvp(value, (zero,), (one,))[1], slope, **close)
    torch.testing.assert_close(jacrev(value)(zero), slope, **close)
    torch.testing.assert_close(vmap(jacfwd(value))(torch.stack([zero, zero]))[1], slope, **close)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(value(forward_ad.make_dual(zero, one))).tangent
        assert tangent is not None
    torch.testing.assert_close(tangent, slope, **close)


@pytest.mark.parametrize("name", ["parallel joseph", "parallel strip", "fan joseph", "fan strip", "cone"])
def test_second_derivatives_in_the_geometry(name: str) -> None:
    """A calibration's Hessian is the finite difference of its gradient, alone and under vmap."""
    many, run = scans(ALL[name])
    x, y = data(ALL[name], False), data(ALL[name], True)
    at = {k: v[2] for k, v in many.items()}
    way = {k: randn(*v.shape, seed=5) for k, v in at.items()}

    def misfit(t: Tensor) -> Tensor:
        seen = run(x, False, **{k: v + t[0] * way[k] + t[1] * at[k] for k, v in at.items()})
        return ((seen - y) ** 2).sum()

    zero = torch.zeros(2, dtype=F64)
    step = 1e-6 * torch.eye(2, dtype=F64)
    slopes = [(grad(misfit)(s) - grad(misfit)(-s)) / 2e-6 for s in step]
    expected = torch.stack(slopes)
    close: Any = {"rtol": 1e-5, "atol": 1e-6 * float(expected.abs().max())}
    torch.testing.assert_close(hessian(misfit)(zero), expected, **close)
    torch.testing.assert_close(vmap(hessian(misfit))(torch.stack([zero, zero]))[1], expected, **close)


@pytest.mark.parametrize("name", ALL)
def test_derivatives_in_the_image_under_vmap(name: str) -> None:
    """A linear map: forward mode is the map, reverse mode its adjoint, and the Hessian of ½‖Ax‖² is A*A."""
    op = ALL[name]
    x, y = torch.stack([data(op, False), data(op, False) ** 2]), data(op, True)
    pushed = vmap(lambda u: jvp(op.A, (u,), (u**2,))[1])(x)
    torch.testing.assert_close(pushed, torch.stack([op.A(u**2) for u in x]))
    pulled = vmap(lambda u: vjp(op.A, u)[1](y)[0])(x)
    torch.testing.assert_close(pulled, torch.stack([op.A_adjoint(y)] * 2))
    energy = lambda u: (op.A(u) ** 2).sum() / 2  # noqa: E731
    twice = vmap(lambda u: jvp(grad(energy), (u,), (u,))[1])(x)
    torch.testing.assert_close(twice, torch.stack([op.A_adjoint(op.A(u)) for u in x]))
