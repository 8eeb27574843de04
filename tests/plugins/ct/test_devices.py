"""Everything runs where its tensors are, and nothing is left on the CPU: tried on a pretend device."""

from __future__ import annotations

import warnings

import pytest
import torch
from elsewhere import DEVICE, Elsewhere, pretend

from wellposed import registry as registries
from wellposed.errors import ParameterError
from wellposed.spaces import Space
from wellposed.testing import components
from wellposed.testing.construct import examples_of
from wellposed_ct import ConeBeam, FanBeam, ParallelBeam
from wellposed_ct.corrections import find_centre
from wellposed_ct.projectors import precision

ANGLES = torch.linspace(-0.4, 2.9, 7, dtype=torch.float64)
SCANS = {
    "parallel": (ParallelBeam, {}),
    "siddon": (ParallelBeam, {"model": "siddon"}),
    "strip": (ParallelBeam, {"model": "strip"}),
    "fan": (FanBeam, {}),
    "curved fan": (FanBeam, {"detector": "curved"}),
    "siddon fan": (FanBeam, {"model": "siddon"}),
}

CPU_ONLY = ("ct.parallel_fourier",)


def scan(name: str) -> ParallelBeam | FanBeam:
    kind, arguments = SCANS[name]
    domain = Space((2, 6, 7), torch.float64)
    if kind is ParallelBeam:
        return ParallelBeam(ANGLES, domain, **arguments)
    return FanBeam(ANGLES, domain, 30.0, 50.0, 12, 1.5, **arguments)


def normal(space: Space, seed: int = 0) -> torch.Tensor:
    return space.randn(2, generator=torch.Generator().manual_seed(seed))


def close(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Compare, after a check that the result is on the device."""
    assert isinstance(found, Elsewhere)
    single = expected.dtype in (torch.float32, torch.complex64)
    near = (1e-5 if single else 1e-11) * float(expected.abs().max())
    torch.testing.assert_close(found.cpu(), expected, rtol=0, atol=near)


def test_the_pretend_device_refuses_what_a_device_refuses():
    with pretend():
        there = torch.ones(3, device=DEVICE)
        close(there + torch.tensor([1.0, 2.0, 3.0], device=DEVICE), torch.tensor([2.0, 3.0, 4.0]))
        close(there * torch.tensor(2.0), 2 * torch.ones(3))
        with pytest.raises(RuntimeError, match="all tensors on one device"):
            there + torch.ones(3)
        with pytest.raises(RuntimeError, match="numpy"):
            there.numpy()
        with pytest.raises(RuntimeError, match="no address"):
            there.data_ptr()


@pytest.mark.parametrize("name", SCANS)
def test_projectors_run_in_pure_torch_and_so_do_their_derivatives(name):
    physics = scan(name)
    x, y = normal(physics.domain), normal(physics.range)
    Ax, Ay = physics.A(x), physics.A_adjoint(y)
    with pretend():
        there = physics.to(DEVICE)
        close(there.A(x.to(DEVICE)), Ax)
        close(there.A_adjoint(y.to(DEVICE)), Ay)
        moved = x.to(DEVICE).requires_grad_()
        energy = (there.A(moved) * y.to(DEVICE)).sum()
        close(torch.autograd.grad(energy, moved)[0], Ay)


@pytest.mark.parametrize("name", ["parallel", "fan"])
def test_so_do_gradients_of_the_geometry(name):
    physics = scan(name)
    x, y = normal(physics.domain), normal(physics.range)

    def gradient(angles: torch.Tensor, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        at = {"angles": angles.clone().requires_grad_(), "axis_mm": physics.axis_mm.to(x.device)}
        moving = physics.replace(**at, centre_mm=physics.centre_mm.to(x.device))
        return torch.autograd.grad((moving.A(x) * y).sum(), moving.angles)[0]

    expected = gradient(ANGLES, x, y)
    with pretend():
        close(gradient(ANGLES.to(DEVICE), x.to(DEVICE), y.to(DEVICE)), expected)


def example(name: str):
    registry = registries.default()
    made = examples_of(name, 0, registry, 1)[0]
    return registry.create(name, **made.arguments), made.physics


@pytest.mark.parametrize("name", components(pack="ct", kind="physics"))
def test_physics(name):
    physics, _ = example(name)
    x = normal(physics.domain)
    y = physics.A(x)
    if name in CPU_ONLY:
        with pretend(), pytest.raises(ParameterError, match=r"runs on the CPU, .* on meta; move them with"):
            physics.to(DEVICE).A(x.to(DEVICE))
        return
    with pretend():
        close(physics.to(DEVICE).A(x.to(DEVICE)), y)


@pytest.mark.parametrize("name", components(pack="ct", kind="reconstructor"))
def test_reconstructors(name):
    method, physics = example(name)
    y = physics.A(normal(getattr(physics, "operator", physics).domain).abs())
    expected = method(y, physics)
    with pretend():
        close(method(y.to(DEVICE), physics.to(DEVICE)), expected)


@pytest.mark.parametrize("name", components(pack="ct", kind="correction"))
def test_corrections(name):
    correction, _ = example(name)
    angles = torch.linspace(0, 3.1, 24, dtype=torch.float64)
    physics = ParallelBeam(angles, Space((1, 32, 32), torch.float64), 32)
    x = torch.zeros(2, 1, 32, 32, dtype=torch.float64)
    x[:, :, 8:20, 10:22], x[:, :, 12:14, 12:14] = 0.02, 0.5
    y = physics.A(x)
    expected, described = correction(y, physics)
    with pretend():
        found, there = correction(y.to(DEVICE), physics.to(DEVICE))
        close(found, expected)
        close(there.A(x.to(DEVICE)), described.A(x))


@pytest.mark.parametrize("method", ["mass", "opposite", "fourier", "negativity", "sharpness"])
def test_centre_of_rotation(method):
    turn = 2 if method in ("opposite", "sharpness") else 1
    angles = torch.arange(24 * turn, dtype=torch.float64) * torch.pi / 24
    physics = ParallelBeam(angles, Space((1, 24, 24), torch.float64), 32, axis_mm=1.5)
    x = torch.zeros(2, 1, 24, 24, dtype=torch.float64)
    x[:, :, 6:15, 8:17] = 0.02
    y = physics.A(x)
    expected = find_centre(y, physics, method)
    with pretend():
        torch.testing.assert_close(find_centre(y.to(DEVICE), physics.to(DEVICE), method), expected)


def test_volumes_keep_their_device():
    vectors = torch.tensor([[0.0, -40, 0, 0, 30, 0, 1.5, 0, 0, 0, 0, 1.5]], dtype=torch.float64)
    physics = ConeBeam(vectors, Space((1, 4, 5, 6), torch.float64), (7, 8))
    y = normal(physics.range)
    expected = physics.A_adjoint(y)
    with pretend(), warnings.catch_warnings():
        warnings.simplefilter("error")
        close(physics.to(DEVICE).A_adjoint(y.to(DEVICE)), expected)


@pytest.fixture
def no_doubles(monkeypatch):
    """A device that knows single precision only, as Apple's."""
    monkeypatch.setattr(precision, "WITHOUT_DOUBLES", (DEVICE.type,))


@pytest.mark.usefixtures("no_doubles")
@pytest.mark.parametrize("name", components(pack="ct", kind="physics"))
def test_without_double_precision_the_cpu_projects(name):
    physics = example(name)[0].to(torch.float32)
    x, y = normal(physics.domain), normal(physics.range)
    Ax, Ay = physics.A(x), physics.A_adjoint(y)
    with pretend(doubles=False):
        there = physics.to(DEVICE)
        close(there.A(x.to(DEVICE)), Ax)
        close(there.A_adjoint(y.to(DEVICE)), Ay)


@pytest.mark.usefixtures("no_doubles")
@pytest.mark.parametrize("name", ["ct.fbp", "ct.fdk", "ct.sirt", "ct.tv"])
def test_without_double_precision_methods_run(name):
    method, physics = example(name)
    physics = physics.to(torch.float32)
    y = physics.A(normal(getattr(physics, "operator", physics).domain).abs())
    expected = method(y, physics)
    with pretend(doubles=False):
        close(method(y.to(DEVICE), physics.to(DEVICE)), expected)


@pytest.mark.usefixtures("no_doubles")
@pytest.mark.parametrize("name", SCANS)
def test_without_double_precision_the_geometry_has_gradients(name):
    physics = scan(name).to(torch.float32)
    x, y = normal(physics.domain), normal(physics.range)

    def gradients(x: torch.Tensor, y: torch.Tensor, device: torch.device | str) -> list[torch.Tensor]:
        there = physics.replace(
            angles=ANGLES.to(torch.float32).to(device).requires_grad_(),
            axis_mm=physics.axis_mm.to(device),
            centre_mm=physics.centre_mm.to(device),
        )
        energies = (there.A(x) * y).sum(), (x * there.A_adjoint(y)).sum()
        return [torch.autograd.grad(e, there.angles)[0] for e in energies]

    expected = gradients(x, y, "cpu")
    with pretend(doubles=False):
        for found, wanted in zip(gradients(x.to(DEVICE), y.to(DEVICE), DEVICE), expected, strict=True):
            close(found, wanted)
