from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from wellposed.errors import DtypeError, ParameterError, SpaceError, UnsuitableError
from wellposed_mri import (
    SENSE,
    CartesianMRI,
    Gridding,
    MultiCoilMRI,
    NonCartesianMRI,
    cartesian,
    from_bart,
    from_cycles_per_pixel,
    from_radians,
    from_torchkbnufft,
    pipe_menon,
    radial,
    radial_density,
    shepp_logan,
    spiral,
    to_bart,
    to_cycles_per_pixel,
    to_radians,
    to_torchkbnufft,
)
from wellposed_mri.encoding.noncartesian import ToeplitzGram


def randc(*shape, seed=0, dtype=torch.complex128):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def points(*lead, shape, seed=0):
    uniform = torch.rand(
        *lead, len(shape), generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    return (uniform - 0.5) * torch.tensor(shape)


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def direct(trajectory, shape):
    """The matrix of the discrete transform, one exponential per entry."""
    grids = torch.meshgrid(*[torch.arange(n) - n // 2 for n in shape], indexing="ij")
    j = torch.stack(grids, -1).reshape(-1, len(shape)).double() / torch.tensor(shape)
    angle = -2 * math.pi * trajectory.double().reshape(-1, len(shape)) @ j.T
    return torch.polar(torch.ones_like(angle), angle) / math.sqrt(math.prod(shape))


@pytest.mark.parametrize("shape", [(20, 17), (9, 16), (64, 64), (6, 8, 7)])
@pytest.mark.parametrize(
    ("dtype", "accuracy"),
    [
        *((torch.complex64, accuracy) for accuracy in (1e-2, 1e-3, 1e-4, 5e-5, 2e-5, 1e-5)),
        *((torch.complex128, accuracy) for accuracy in (1e-3, 1e-5, 1e-8, 1e-9, 1e-12)),
    ],
)
def test_transform_against_the_direct_sum(shape, dtype, accuracy):
    maps, trajectory = randc(3, *shape, dtype=dtype), points(5, 9, shape=shape)
    trajectory = trajectory.to(maps.real.dtype)
    rounding = 5e-8 * max(shape) if dtype == torch.complex64 else 0
    limit = accuracy + rounding
    op = NonCartesianMRI(maps, trajectory, accuracy)
    x, y = randc(2, 1, *shape, seed=1, dtype=dtype), randc(2, 3, 5, 9, seed=2, dtype=dtype)
    matrix = direct(trajectory, shape)
    want = (maps * x).reshape(2, 3, -1).to(torch.complex128) @ matrix.T
    assert error(op(x).reshape(2, 3, -1), want) < limit
    back = (y.reshape(2, 3, -1).to(torch.complex128) @ matrix.conj()).reshape(2, 3, *shape)
    assert error(op.A_adjoint(y), (maps.conj() * back).sum(1, keepdim=True)) < limit
    defect = (op(x).conj() * y).sum() - (x.conj() * op.A_adjoint(y)).sum()
    assert float(defect.abs()) < 100 * torch.finfo(dtype).eps * float(op(x).norm() * y.norm())


def test_on_the_cartesian_grid_it_is_the_cartesian_operator():
    maps = randc(2, 2, 3, 10, 9)[:, :1].reshape(2, 1, 3, 10, 9)
    x = randc(2, 1, 10, 9, seed=1)
    grid = cartesian((10, 9)).double()
    assert error(NonCartesianMRI(maps, grid, 1e-12)(x), MultiCoilMRI(maps)(x)) < 1e-11


def test_derivatives_by_everything_to_second_order():
    maps, trajectory = randc(2, 4, 5).requires_grad_(), points(6, shape=(4, 5)).mul(0.9).requires_grad_()
    x, y = randc(1, 1, 4, 5, seed=1).requires_grad_(), randc(1, 2, 6, seed=2).requires_grad_()

    def forward(m, t, x):
        return NonCartesianMRI(m, t, 1e-13)(x)

    def adjoint(m, t, y):
        return NonCartesianMRI(m, t, 1e-13).A_adjoint(y)

    assert torch.autograd.gradcheck(forward, (maps, trajectory, x))
    assert torch.autograd.gradcheck(adjoint, (maps, trajectory, y))
    assert torch.autograd.gradgradcheck(forward, (maps, trajectory, x))
    assert torch.autograd.gradgradcheck(adjoint, (maps, trajectory, y))


# torch.func.jvp, and torchkbnufft, import torch.jit on first use
DEPRECATED = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


@DEPRECATED
def test_forward_mode_by_the_trajectory():
    maps, x, trajectory = randc(2, 4, 5), randc(1, 1, 4, 5, seed=1), points(6, shape=(4, 5)).mul(0.9)
    step = points(6, shape=(4, 5), seed=3)
    f = lambda t: NonCartesianMRI(maps, t, 1e-13)(x)  # noqa: E731
    _, slope = torch.func.jvp(f, (trajectory,), (step,))
    want = (f(trajectory + 1e-5 * step) - f(trajectory - 1e-5 * step)) / 2e-5
    assert error(slope, want) < 1e-7


@pytest.mark.parametrize("shape", [(16, 18), (17, 20), (16, 17, 16)])
@pytest.mark.parametrize("lead", [(2,), (1, 2, 2)])
def test_toeplitz_is_adjoint_after_forward(shape, lead):
    maps = randc(*lead, *shape)
    op = NonCartesianMRI(maps, points(40, 30, shape=shape), 1e-12)
    x = randc(2, 2 if len(lead) == 3 else 1, *shape, seed=1)
    assert error(ToeplitzGram(op).A(x), op.A_adjoint(op(x))) < 1e-10


def test_toeplitz_is_chosen_where_it_is_cheaper():
    maps = randc(1, 64, 64, dtype=torch.complex64)
    many, few = radial(100, 128, 64), radial(3, 64, 64)
    assert isinstance(NonCartesianMRI(maps, many).gram, ToeplitzGram)
    assert not isinstance(NonCartesianMRI(maps, few).gram, ToeplitzGram)
    assert not isinstance(NonCartesianMRI(maps, many.requires_grad_()).gram, ToeplitzGram)


def test_toeplitz_carries_gradients_to_the_maps():
    maps = randc(1, 16, 16).requires_grad_()
    op = NonCartesianMRI(maps, radial(40, 32, 16).double(), 1e-12)
    x = randc(1, 1, 16, 16, seed=1)
    (a,) = torch.autograd.grad(ToeplitzGram(op).A(x).abs().square().sum(), maps)
    (b,) = torch.autograd.grad(op.A_adjoint(op.A(x)).abs().square().sum(), maps)
    assert error(a, b) < 1e-9


def test_density_of_the_cartesian_grid_is_one():
    weights = pipe_menon(cartesian((12, 10)), (12, 10))
    torch.testing.assert_close(weights, torch.ones(12, 10), rtol=1e-5, atol=0)


def test_pipe_menon_finds_the_ramp_of_radial_sampling():
    trajectory = radial(101, 128, 64, golden=False)
    ratio = pipe_menon(trajectory, (64, 64)) / radial_density(trajectory, (64, 64))
    radius = trajectory.norm(dim=-1)
    middle = ratio[(radius > 4) & (radius < 28)]
    assert float(middle.median()) == pytest.approx(1, abs=0.005)
    assert float((middle - 1).abs().quantile(0.9)) < 0.02


def test_radial_weights_add_up_to_the_area():
    trajectory = radial(64, 128, 64, golden=False)
    assert float(radial_density(trajectory, (64, 64)).sum()) == pytest.approx(math.pi * 32**2, rel=0.02)


@pytest.mark.parametrize("trajectory", [radial(101, 128, 64), spiral(16, 400, 64)], ids=["radial", "spiral"])
def test_analytic_kspace_becomes_the_phantom(trajectory):
    phantom = shepp_logan()
    y = phantom.kspace(trajectory, 64).to(torch.complex64)[None, None]
    op = NonCartesianMRI(torch.ones(1, 64, 64, dtype=torch.complex64), trajectory)
    # what is best on a disc of k-space: the exact Cartesian samples within it
    disc = (cartesian((64, 64)).norm(dim=-1) <= 32).float()
    want = CartesianMRI(disc).A_adjoint(phantom.cartesian(64).to(torch.complex64)[None, None])
    assert error(Gridding()(y, op), want) < 0.08
    assert error(SENSE(1e-3)(y, op), want) < 0.08


def test_shapes_of_trajectories():
    spokes = radial(5, 64, 32)
    assert spokes.shape == (5, 64, 2)
    assert bool((spokes[:, 32] == 0).all())
    assert float(spokes.norm(dim=-1).max()) == pytest.approx(16)
    angle = torch.atan2(spokes[1, 63, 0], spokes[1, 63, 1]) - torch.atan2(spokes[0, 63, 0], spokes[0, 63, 1])
    assert math.degrees(float(angle)) == pytest.approx(111.246, abs=1e-3)
    arms = spiral(4, 300, 32)
    # r = bφ has the arc length b/2·(φ√(1+φ²) + asinh φ), evenly shared by the samples
    b, phi = 16 / (2 * math.pi * 5), arms.double().norm(dim=-1) * (2 * math.pi * 5) / 16
    length = b / 2 * (phi * (1 + phi**2).sqrt() + phi.asinh())
    torch.testing.assert_close(
        length, torch.linspace(0, 1, 300).double() * length[:, -1:], rtol=2e-4, atol=2e-4
    )
    assert float(arms[:, 0].abs().max()) == 0
    assert float(arms.norm(dim=-1).max()) == pytest.approx(16, rel=1e-5)
    with pytest.raises(ParameterError, match="must be positive"):
        radial(0, 3, 4)


def test_units_there_and_back():
    shape, k = (20, 16), points(3, 7, shape=(20, 16))
    for there, back in [(to_cycles_per_pixel, from_cycles_per_pixel), (to_radians, from_radians)]:
        torch.testing.assert_close(back(there(k, shape), shape), k)
    assert to_torchkbnufft(k, shape).shape == (2, 21)
    torch.testing.assert_close(from_torchkbnufft(to_torchkbnufft(k, shape), shape), k.reshape(-1, 2))
    bart = to_bart(k)
    assert bart.shape == (3, 7, 3)
    torch.testing.assert_close(bart[0], k[..., 1].T)
    torch.testing.assert_close(from_bart(bart), k)
    with pytest.raises(SpaceError, match="z coordinates"):
        from_bart(torch.ones(3, 4))
    with pytest.raises(SpaceError, match="3, samples"):
        from_bart(torch.ones(2, 4))
    with pytest.raises(SpaceError, match="axes"):
        to_radians(k, (4, 4, 4))


def test_sigpy_sees_the_same_units():
    sigpy = pytest.importorskip("sigpy", reason="sigpy is a peer, installed for comparisons")
    x, k = randc(1, 1, 20, 16), points(50, shape=(20, 16))
    ours = NonCartesianMRI(torch.ones(1, 20, 16, dtype=torch.complex128), k, 1e-9)(x)
    theirs = sigpy.nufft(x[0, 0].numpy(), k.numpy(), oversamp=2.0, width=6)
    assert error(ours[0, 0], torch.from_numpy(theirs)) < 5e-3


@DEPRECATED
def test_torchkbnufft_sees_the_same_units():
    kb = pytest.importorskip("torchkbnufft", reason="torchkbnufft is a peer, installed for comparisons")
    x, k = randc(1, 1, 20, 16), points(50, shape=(20, 16))
    ours = NonCartesianMRI(torch.ones(1, 20, 16, dtype=torch.complex128), k, 1e-9)(x)
    transform = kb.KbNufft(im_size=(20, 16)).to(torch.complex128)
    theirs = transform(x, to_torchkbnufft(k, (20, 16)), norm="ortho") * math.sqrt(4)
    assert error(ours, theirs.reshape(1, 1, 50)) < 5e-3


def test_wrong_trajectories_get_a_sentence():
    maps = randc(2, 32, 32)
    with pytest.raises(ParameterError, match=r"cycles per pixel.*from_cycles_per_pixel"):
        NonCartesianMRI(maps, points(20, shape=(1, 1)))
    with pytest.raises(ParameterError, match=r"radians per pixel.*from_radians"):
        NonCartesianMRI(maps, torch.tensor([[math.pi, 0.0], [0.1, 0.1]]))
    with pytest.raises(ParameterError, match=r"±17.*32 pixels ends at ±16.*reconstruct 34 pixels"):
        NonCartesianMRI(maps, torch.tensor([[17.0, 0.0]]))
    with pytest.raises(ParameterError, match="NaN"):
        NonCartesianMRI(maps, torch.tensor([[float("nan"), 0.0]]))
    with pytest.raises(SpaceError, match="2 or 3 coordinates"):
        NonCartesianMRI(maps, torch.zeros(2, 20))
    with pytest.raises(DtypeError, match="view_as_real"):
        NonCartesianMRI(maps, torch.zeros(2, 2, dtype=torch.complex64))
    with pytest.raises(ParameterError, match="accuracy"):
        NonCartesianMRI(maps, points(20, shape=(32, 32)), accuracy=0.0)
    with pytest.raises(UnsuitableError, match="Gridding needs a trajectory"):
        Gridding()(randc(1, 2, 32, 32), MultiCoilMRI(maps))


def test_mapped_over_points_and_images():
    maps, ks = randc(1, 6, 6), torch.stack([points(4, shape=(6, 6), seed=s) for s in (1, 2)])
    x = randc(2, 1, 1, 6, 6)
    f = lambda k, x: NonCartesianMRI(maps, k, 1e-12)(x)  # noqa: E731
    got = torch.func.vmap(f)(ks, x)
    want = torch.stack([f(k, v) for k, v in zip(ks, x, strict=True)])
    assert error(got, want) < 1e-12
    assert np.isfinite(got.abs().sum().item())
