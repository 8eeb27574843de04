"""Trajectories: gradient limits by differences, angles and areas by formula, units by the libraries."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_mri import (
    Gradients,
    KooshballTrajectory,
    NonCartesianMRI,
    RadialTrajectory,
    SpiralTrajectory,
    StackMRI,
    StackOfStarsTrajectory,
    cartesian,
    from_bart,
    from_mrinufft,
    from_sigpy,
    golden_angle,
    kooshball,
    pipe_menon,
    radial,
    radial_density,
    rosette,
    spiral_readout,
    stack_of_stars,
    to_bart,
    to_mrinufft,
    to_sigpy,
    voronoi,
)

GAMMA = 42.577478518e6  # Hz/T


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def played(trajectory, raster, fov):
    """Gradient in T/m and slew rate in T/m/s of samples in cycles/FOV, by differences, from rest."""
    k = np.asarray(trajectory, dtype=np.float64) / fov
    g = np.diff(k, axis=-2) / (GAMMA * raster)
    start = np.zeros_like(g[..., :1, :])
    return np.linalg.norm(g, axis=-1), np.linalg.norm(np.diff(g, axis=-2, prepend=start), axis=-1) / raster


@pytest.mark.parametrize(
    ("arms", "spacing", "limits"),
    [
        (8, (0.8, 0.8), Gradients()),
        (4, (0.5, 1.5), Gradients(80.0, 200.0)),
        (16, (0.8, 0.8), Gradients(20.0, 80.0, 4e-6, 0.3)),
    ],
)
def test_spirals_keep_the_limits_and_use_them(arms, spacing, limits):
    k = spiral_readout(arms, 96, limits, spacing)
    amplitude, slew = played(k.double(), limits.raster, limits.fov)
    # float32 numbers leave some 1e-3 of a second difference
    assert amplitude.max() <= limits.amplitude * 1e-3 * (1 + 1e-4)
    assert slew.max() <= limits.slew * (1 + 5e-3)
    # time-optimal: one of the two limits is reached all along
    used = np.maximum(amplitude[:, 5:-5] / (limits.amplitude * 1e-3), slew[:, 5:-5] / limits.slew)
    assert used.min() > 0.95
    assert float(k[:, 0].abs().max()) == 0
    assert 47.5 < float(k.norm(dim=-1).max()) <= 48
    np.testing.assert_allclose(limits.amplitudes(k)[0], amplitude[0] * 1e3, rtol=1e-9)
    np.testing.assert_allclose(limits.slew_rates(k)[0], slew[0], rtol=1e-9)


def test_spirals_have_the_spacing_asked_for():
    """Along a ray through the centre, neighbouring arms are δ(r) apart."""
    arms, inner, outer, edge = 6, 0.6, 1.4, 64
    k = spiral_readout(arms, 2 * edge, None, (inner, outer)).double()
    radius = k.norm(dim=-1)
    turned = np.unwrap(torch.atan2(k[0, :, 0], k[0, :, 1]).numpy())
    for middle in (10.0, 30.0, 50.0):
        i = int((radius[0] - middle).abs().argmin())
        j = int(np.argmin(np.abs(turned - turned[i] - 2 * math.pi / arms)))
        wanted = inner + (outer - inner) * (radius[0, i] + radius[0, j]) / 2 / edge
        assert float(radius[0, j] - radius[0, i]) == pytest.approx(float(wanted), rel=0.06)


def test_a_straight_line_is_ridden_as_physics_says():
    """From rest with constant acceleration, then at constant speed: k(t) = a t²/2 up to v²/(2a)."""
    limits = Gradients(30.0, 100.0, 1e-5, 0.25)
    line = torch.stack([torch.linspace(0, 100, 400), torch.zeros(400)], -1)
    k = limits.traverse(line)[:, 0]
    a, v = GAMMA * 100 * 0.25, GAMMA * 0.03 * 0.25
    t = torch.arange(len(k)) * 1e-5
    want = torch.where(t < v / a, a * t.double() ** 2 / 2, v * t.double() - v * v / (2 * a))
    assert float((k - want).abs().max()) < 0.15


def test_limits_that_cannot_be_kept_are_named():
    with pytest.raises(ParameterError, match=r"is it too short"):
        Gradients(raster=1e-2).traverse(torch.linspace(0, 1, 20)[:, None].expand(-1, 2))
    with pytest.raises(ParameterError, match=r"slew = 0"):
        Gradients(slew=0)
    with pytest.raises(ParameterError, match=r"n ≥ 8 points"):
        Gradients().traverse(torch.zeros(3, 2))


def test_golden_angles():
    assert math.degrees(golden_angle()) == pytest.approx(111.24611, abs=1e-4)
    # Wundrak et al. (2015), table I
    assert math.degrees(golden_angle(2)) == pytest.approx(68.7539, abs=1e-4)
    assert math.degrees(golden_angle(7)) == pytest.approx(23.6281, abs=1e-4)
    spokes = radial(3, 8, 8, order=7)
    angles = torch.atan2(spokes[:, -1, 0], spokes[:, -1, 1]).double()
    assert float(angles[1] - angles[0]) == pytest.approx(golden_angle(7), abs=1e-6)
    with pytest.raises(ParameterError, match="order = 0"):
        golden_angle(0)


def test_rosettes_pass_the_centre_once_a_petal():
    k = rosette(5, 1001, 32, shots=2)
    assert k.shape == (2, 1001, 2)
    radius = k.norm(dim=-1)
    assert float(radius[:, ::200].max()) < 1e-4
    assert float(radius.max()) == pytest.approx(16, rel=1e-4)
    peak = k[:, 100::200]  # the tips of all petals are evenly spread over the circle
    angles = torch.atan2(peak[..., 0], peak[..., 1]).flatten().double().sort().values
    torch.testing.assert_close(
        angles.diff(), torch.full((9,), 2 * math.pi / 10).double(), rtol=1e-3, atol=1e-3
    )


def test_kooshballs_are_even_on_the_sphere():
    k = kooshball(2000, 9, 16)
    assert bool((k[:, 4] == 0).all())
    tips = k[:, 0].double() / k[:, 0].double().norm(dim=-1, keepdim=True)
    # ⟨n nᵀ⟩ of an even covering is I/3
    torch.testing.assert_close(tips.T @ tips / 2000, torch.eye(3).double() / 3, rtol=0, atol=2e-3)
    torch.testing.assert_close(kooshball(5, 9, 16, first=7), k[7:12])


def test_a_stack_of_stars_is_a_stack():
    stars = stack_of_stars(4, 5, 16, 12)
    torch.testing.assert_close(stars[2, ..., 1:], radial(5, 16, 12))
    assert stars[:, 0, 0, 0].tolist() == [-2, -1, 0, 1]
    maps, x = randc(2, 4, 12, 12), randc(1, 1, 4, 12, 12, seed=1)
    whole = NonCartesianMRI(maps, stars.double(), 1e-12)
    assert error(StackMRI(maps, radial(5, 16, 12).double(), accuracy=1e-12)(x), whole(x)) < 1e-10


def test_generated_trajectories_are_parameters_of_a_call():
    maps, generator = randc(2, 16, 16), RadialTrajectory(4, 16, 16)
    drawn = generator.step(2, torch.Generator().manual_seed(0))
    scan = NonCartesianMRI(maps, drawn["trajectory"], batched=True)
    x, other = randc(2, 1, 16, 16, seed=1), generator.step(2, torch.Generator().manual_seed(1))
    assert scan(x, **other).shape == (2, 2, 4, 16)
    assert error(scan(x, **other), scan(x)) > 0.1
    arms = SpiralTrajectory(3, 16).step(2, torch.Generator().manual_seed(0))["trajectory"]
    torch.testing.assert_close(arms.norm(dim=-1)[0], arms.norm(dim=-1)[1], rtol=1e-4, atol=1e-5)
    assert KooshballTrajectory(3, 8, 8).step(2)["trajectory"].shape == (2, 3, 8, 3)
    assert StackOfStarsTrajectory(2, 3, 8, 8).step(2)["trajectory"].shape == (2, 2, 3, 8, 3)
    with pytest.raises(ParameterError, match="spokes = 0"):
        RadialTrajectory(0, 8, 8)


def test_voronoi_cells_of_known_shapes():
    torch.testing.assert_close(voronoi(cartesian((12, 10)), (12, 10)), torch.ones(12, 10))
    spokes = radial(48, 128, 64, golden=False)
    ours, ramp = voronoi(spokes, (64, 64)), radial_density(spokes, (64, 64))
    middle = (spokes.norm(dim=-1) > 1) & (spokes.norm(dim=-1) < 31)
    torch.testing.assert_close(ours[middle], ramp[middle], rtol=2e-3, atol=0)
    # a cell in closed form: the regular polygon around the centre, shared by all spokes
    centre = 2 * 48 * 0.25**2 * math.tan(math.pi / 96)
    assert float(ours[:, 64].sum()) == pytest.approx(centre, rel=1e-3)
    twice = torch.cat([cartesian((6, 6)), cartesian((6, 6))])
    torch.testing.assert_close(voronoi(twice, (6, 6)), torch.full((12, 6), 0.5))
    with pytest.raises(ParameterError, match="areas of planar cells"):
        voronoi(stack_of_stars(4, 5, 16, 12), (4, 12, 12))


def test_voronoi_and_pipe_menon_agree_on_a_spiral():
    k = spiral_readout(8, 64, Gradients(raster=5e-6))
    inner = k.norm(dim=-1) < 28
    a, b = voronoi(k, (64, 64))[inner].double(), pipe_menon(k, (64, 64))[inner].double()
    assert float(a @ b / (a.norm() * b.norm())) > 0.98


def test_bart_as_documented():
    """`bart traj -r -x4 -y2`: 3 × samples × spokes; the first coordinate is x, along columns, in ±n/2."""
    x = torch.tensor([[-2.0, -1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    y = torch.tensor([[0.0, 0.0, 0.0, 0.0], [-2.0, -1.0, 0.0, 1.0]])
    bart = torch.stack([x.T, y.T, torch.zeros(4, 2)])
    ours = from_bart(bart)
    assert ours.shape == (2, 4, 2)
    torch.testing.assert_close(ours[0], torch.stack([torch.zeros(4), x[0]], -1))
    torch.testing.assert_close(to_bart(ours), bart)


@pytest.fixture
def mrinufft():
    from bench.peers import deepinv

    deepinv()  # repairs torchvision, which mri-nufft imports
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("mrinufft", reason="mri-nufft is a peer, installed for comparisons")


def test_mrinufft_sees_the_same_units(mrinufft):
    shape = (20, 16)
    k = (torch.rand(50, 2, generator=torch.Generator().manual_seed(0)).double() - 0.5) * torch.tensor(shape)
    x = randc(1, 1, *shape)
    ours = NonCartesianMRI(torch.ones(1, *shape, dtype=torch.complex128), k, 1e-9)(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        transform = mrinufft.get_operator("finufft")(
            to_mrinufft(k, shape).float().numpy(), shape, density=False
        )
        theirs = transform.op(x[0, 0].to(torch.complex64).numpy())
    # it divides by the root of the pixels of the doubled grid
    theirs = 2 * torch.as_tensor(theirs).reshape(-1).to(torch.complex128)
    assert error(theirs, ours.reshape(-1)) < 1e-4
    torch.testing.assert_close(from_mrinufft(to_mrinufft(k, shape), shape), k)


def test_sigpy_sees_the_same_numbers():
    sigpy = pytest.importorskip("sigpy", reason="sigpy is a peer, installed for comparisons")
    mri = pytest.importorskip("sigpy.mri", reason="sigpy is a peer, installed for comparisons")
    theirs = mri.radial((8, 16, 2), (16, 16), golden=True, dtype=np.float64)
    ours = from_sigpy(torch.from_numpy(theirs))
    assert float(ours.norm(dim=-1).max()) == pytest.approx(7.5)
    torch.testing.assert_close(to_sigpy(ours), torch.from_numpy(theirs))
    x = randc(1, 1, 16, 16)
    got = NonCartesianMRI(torch.ones(1, 16, 16, dtype=torch.complex128), ours, 1e-9)(x)
    want = sigpy.nufft(x[0, 0].numpy(), theirs, oversamp=2.0, width=6)
    assert error(got[0, 0], torch.from_numpy(want)) < 5e-3
