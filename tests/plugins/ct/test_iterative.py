"""Algebraic methods, preconditioners and TV: against SciPy, dense algebra and other solvers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from wellposed import ForwardModel
from wellposed.errors import ParameterError, StructureError
from wellposed.noise import Gaussian, LogPoisson
from wellposed.operators import Identity
from wellposed.solvers import lsqr
from wellposed.spaces import Space
from wellposed_ct import (
    ASDPOCS,
    FBP,
    LSQR,
    MLEM,
    MLTR,
    PWLS,
    SART,
    SIRT,
    TV,
    ConeBeam,
    ConeGeometry,
    CTPnP,
    FanBeam,
    FanGeometry,
    ParallelBeam,
    ParallelGeometry,
    circulant_preconditioner,
    ordered_subsets,
    ramp_preconditioner,
    shepp_logan,
)
from wellposed_ct.methods.primal_dual import Ramped, Weighted, minimise_tv
from wellposed_ct.methods.subsets import access_order, with_views
from wellposed_optim import FISTA, TotalVariation, TVDenoiser

F64 = torch.float64


def parallel(n=48, views=40, **more):
    g = ParallelGeometry(np.arange(views) * np.pi / views, (n, n), **more)
    return ParallelBeam.from_geometry(g, dtype=F64)


def fan(n=48, views=60):
    g = FanGeometry(np.arange(views) * 2 * np.pi / views, (n, n), 150.0, 250.0, 80, 1.5, pixel_mm=1.0)
    return FanBeam.from_geometry(g, dtype=F64)


def cone(n=12, views=16):
    turn = np.arange(views) * 2 * np.pi / views
    g = ConeGeometry(turn, (6, n, n), 60.0, 90.0, (10, 26), 1.2, voxel_mm=1.0)
    return ConeBeam.from_geometry(g, dtype=F64)


def tiny():
    return ParallelBeam(torch.arange(5, dtype=F64) * np.pi / 5, Space((1, 5, 4), F64), 7)


def noise(shape, seed=0):
    return torch.randn(shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("make", [parallel, fan])
def test_subsets_are_the_scan_cut_into_views(make):
    op = make()
    axis = torch.linspace(-1, 1, len(op.angles), dtype=F64)
    op = op.replace(axis_mm=axis)  # one per view: it has to be cut too
    x = op.domain.randn(2, torch.Generator().manual_seed(0))
    y = op.A(x)
    parts = ordered_subsets(ForwardModel(op, Gaussian(1.0)), y, 7)
    assert sorted(torch.cat([p.views for p in parts]).tolist()) == list(range(len(op.angles)))
    for part in parts:
        torch.testing.assert_close(part.operator.A(x), part.of(y))
    total = sum(p.operator.A_adjoint(p.of(y)) for p in parts)
    torch.testing.assert_close(total, op.A_adjoint(y))
    assert len(ordered_subsets(op, y, 1000)) == len(op.angles)


def test_methods_take_volumes():
    """Every iterative method on a cone beam: closer to the truth than its first guess, in 3-D."""
    op = cone()
    x = torch.zeros(2, 1, 6, 12, 12, dtype=F64)
    x[0, :, 1:5, 3:9, 3:9], x[1, :, 2:4, 4:8, 2:10] = 0.1, 0.05
    counting = ForwardModel(op, LogPoisson(5e3))
    y = counting(x, generator=torch.Generator().manual_seed(0))
    methods = (
        SART(4), SART(8, subsets=4), LSQR(10, preconditioner="circulant"), MLTR(15, subsets=4),
        TV(iterations=60), ASDPOCS(5, tolerance=1e6), PWLS("huber", iterations=15, subsets=4),
        PWLS("tv", iterations=60),
    )  # fmt: skip
    for method in methods:
        got = method(y, counting)
        assert float((got - x).norm() / x.norm()) < 0.4, method
        torch.testing.assert_close(method(y[1:], counting), got[1:], rtol=1e-5, atol=1e-8)
    parts = ordered_subsets(op, y, 4)
    torch.testing.assert_close(sum(p.operator.A_adjoint(p.of(y)) for p in parts), op.A_adjoint(y))
    counts = torch.poisson(500 * op.A(x), generator=torch.Generator().manual_seed(0))
    got = MLEM(10, subsets=4)(counts, op) / 500
    assert float((got - x).norm() / x.norm()) < 0.4


def test_two_views_keep_the_centre_whole():
    op = ParallelBeam([0.1, 1.2], Space((1, 6, 6), F64), 9, centre_mm=(0.4, -0.3))
    one = with_views(op, [1])
    assert one.centre_mm.tolist() == [0.4, -0.3]
    assert one.angles.tolist() == [1.2]


def test_successive_subsets_lie_far_apart():
    order = access_order(20)
    assert sorted(order) == list(range(20))
    steps = [min(abs(a - b), 20 - abs(a - b)) for a, b in itertools.pairwise(order)]
    assert min(steps) >= 4
    assert access_order(4, "sequential") == [0, 1, 2, 3]


def test_one_subset_is_sirt():
    op = parallel()
    y = op.A(shepp_logan(20.0).image(op.geometry))
    torch.testing.assert_close(
        SART(7, subsets=1, relaxation=1.0)(y, op), SIRT(7, relaxation=1.0)(y, op), rtol=1e-10, atol=1e-12
    )


@pytest.mark.parametrize("make", [parallel, fan])
def test_sart_needs_fewer_passes_than_sirt(make):
    op = make()
    x = shepp_logan(20.0).image(op.geometry)
    y = op.A(x)

    def error(method):
        return float((method(y, op) - x).norm() / x.norm())

    assert error(SART(3)) < error(SIRT(20))
    assert error(SART(3, subsets=10, relaxation=1.0)) < error(SIRT(20))


def test_sart_solves_a_consistent_system():
    """Kaczmarz' method by blocks ends at a solution: here the only one."""
    op = ParallelBeam(torch.arange(12, dtype=F64) * np.pi / 12, Space((1, 4, 4), F64), 9, detector_mm=0.6)
    x = noise((2, 1, 4, 4)).abs()
    assert np.linalg.matrix_rank(op.to_matrix().numpy()) == 16
    got = SART(2000, relaxation=1.0)(op.A(x), op)
    assert float((got - x).norm() / x.norm()) < 1e-3


@pytest.mark.parametrize("make", [parallel, fan])
@pytest.mark.parametrize("kind", ["ramp", "circulant"])
def test_a_preconditioner_saves_iterations(make, kind):
    op = make()
    y = op.A(shepp_logan(20.0).image(op.geometry))
    makers = {"ramp": ramp_preconditioner, "circulant": circulant_preconditioner}

    def iterations(preconditioner):
        found = lsqr(op, y, preconditioner=preconditioner, tol=1e-2, max_iter=300)
        assert float((op.A(found.x) - y).norm() / y.norm()) < 1.01e-2
        return int(found.iterations.max())

    assert iterations(makers[kind](op)) < 0.8 * iterations(None)


@pytest.mark.parametrize("kind", ["none", "ramp", "circulant"])
def test_lsqr_is_damped_least_squares(kind):
    op = tiny()
    y = noise((2, 1, 5, 7))
    matrix = op.to_matrix().numpy()
    d = 0.3 * np.linalg.norm(matrix, 2)
    want = np.linalg.solve(matrix.T @ matrix + d**2 * np.eye(20), matrix.T @ y.reshape(2, -1).numpy().T).T
    got = LSQR(300, damping=0.3, preconditioner=kind, tolerance=1e-13)(y, op)
    np.testing.assert_allclose(got.reshape(2, -1), want, atol=3e-4)


@pytest.mark.parametrize("kind", [ramp_preconditioner, circulant_preconditioner])
def test_preconditioners_are_positive_and_self_adjoint(kind):
    op = parallel(8, 3)
    apply = kind(op)
    basis = torch.eye(64, dtype=F64).reshape(64, 1, 8, 8)
    matrix = apply(basis).reshape(64, 64).numpy()
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > 0


def by_scipy(op, y, weight, w=None):
    """Minimise the TV problem by smoothing it less and less, from the outside."""
    matrix = op.to_matrix().numpy()
    shape = tuple(op.domain.concrete_shape)[1:]
    data = y.reshape(-1).numpy()
    trust = np.ones_like(data) if w is None else w.reshape(-1).numpy()

    def objective(flat, eps):
        x = flat.reshape(shape)
        dy, dx = np.zeros(shape), np.zeros(shape)
        dy[:-1], dx[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
        size = np.sqrt(dy**2 + dx**2 + eps**2 + 1e-300)
        r = matrix @ flat - data
        grad = np.zeros(shape)
        for d, axis in ((dy / size, 0), (dx / size, 1)):
            grad -= d
            grad += np.roll(d, 1, axis)
        return 0.5 * (trust * r * r).sum() + weight * size.sum(), matrix.T @ (
            trust * r
        ) + weight * grad.reshape(-1)

    flat, options = np.zeros(matrix.shape[1]), {"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-9}
    for eps in 10.0 ** -np.arange(1, 8):
        found = minimize(objective, flat, (eps,), "L-BFGS-B", jac=True, options=options)
        flat = found.x
    return objective(flat, 0.0)[0], flat.reshape(shape)


def value(op, x, y, weight, w=1.0):
    return float((0.5 * w * (op.A(x) - y) ** 2).sum() + weight * TotalVariation().value(x).sum())


def test_tv_finds_the_minimum_that_scipy_finds():
    op = tiny()
    x = torch.zeros(1, 1, 5, 4, dtype=F64)
    x[..., 1:4, 1:3] = 1
    y = op.A(x) + 0.05 * noise((1, 1, 5, 7))
    best, image = by_scipy(op, y, 0.1)
    got = TV(weight=0.1, iterations=5000, tolerance=0)(y, op)
    assert value(op, got, y, 0.1) == pytest.approx(best, rel=1e-4)
    np.testing.assert_allclose(got[0, 0], image, atol=2e-3)


@pytest.mark.parametrize("make", [parallel, fan])
def test_both_dual_steps_and_fista_agree(make):
    op = make(16, 12)
    y = op.A(shepp_logan(7.0).image(op.geometry)) + 0.1 * noise((1, 1, 12, op.detectors))
    y = torch.cat([y, 2 * y])
    weight = torch.full((2,), 0.3, dtype=F64)
    start = FBP("hann")(y, op)
    options = {"iterations": 3000, "tolerance": 0.0}
    ramped = minimise_tv(start, y, op, Ramped.of(op, y), weight, **options)
    weighted = minimise_tv(start, y, op, Weighted.of(op, torch.ones_like(y)), weight, **options)
    peer = FISTA(prior=TotalVariation(tolerance=1e-8), weight=0.3, max_iterations=600, tolerance=0)(y, op)
    for i in range(2):
        values = [value(op, x[i : i + 1], y[i : i + 1], 0.3) for x in (ramped, weighted, peer)]
        assert max(values) - min(values) < 1e-4 * min(values)
    assert float((ramped - peer).norm() / peer.norm()) < 5e-3


def test_tv_is_non_negative_where_asked_and_stops_each_sample_for_itself():
    op = parallel(32, 20)
    y = op.A(shepp_logan(14.0).image(op.geometry))
    y = torch.cat([y + 0.3 * noise(y.shape), 0.1 * y])
    method = TV(weight=0.2, iterations=400, tolerance=1e-3, non_negative=True)
    both = method(y, op)
    assert float(both.min()) >= 0
    torch.testing.assert_close(both[1:], method(y[1:], op))
    torch.testing.assert_close(both[:1], method(y[:1], op))
    assert float(TV(weight=0.2, iterations=100)(y, op).min()) < 0
    assert float(TV(weight=0.2, iterations=100, highest=0.5)(y, op).max()) <= 0.5
    known = torch.zeros(32, 32)
    known[8:24, 8:24] = 0.7
    inside = TV(weight=0.2, iterations=100, non_negative=True, highest=known)(y, op)
    assert bool((inside <= known).all())
    assert float(inside[0].max()) > 0.2


@pytest.mark.parametrize("make", [parallel, fan])
@pytest.mark.parametrize("sigma", [0.1, 0.5])
def test_asd_pocs_explains_the_data_with_little_variation(make, sigma):
    op = make(48, 15)
    x = shepp_logan(20.0).image(op.geometry)
    model = ForwardModel(op, Gaussian(sigma))
    y = model(x.expand(2, -1, -1, -1), generator=torch.Generator().manual_seed(0))
    got, sart = ASDPOCS()(y, model), SART(20)(y, model)
    tv = TotalVariation()
    misfit = (op.A(got) - y).flatten(1).norm(dim=1) / (sigma * y[0].numel() ** 0.5)
    assert bool((misfit <= 1.0).all())
    assert bool((tv.value(got) < tv.value(sart)).all())
    assert bool((tv.value(got) < tv.value(x)).all())  # the truth explains the data as well
    assert float(got.min()) >= 0


def test_asd_pocs_says_when_the_data_are_not_explained():
    op = parallel(48, 15)
    model = ForwardModel(op, Gaussian(0.1))
    y = model(shepp_logan(20.0).image(op.geometry), generator=torch.Generator().manual_seed(0))
    with pytest.warns(UserWarning, match=r"after 3 rounds .* and tolerance asks for 1; take more iterations"):
        got = ASDPOCS(3)(y, model)
    ratio = float((op.A(got) - y).norm()) / (0.1 * y.numel() ** 0.5)
    with pytest.warns(UserWarning, match=rf"is {ratio:.3g}·σ·√\(rays\), and tolerance asks for 2;"):
        ASDPOCS(3, tolerance=2.0)(y, model)
    ASDPOCS(3, tolerance=1.001 * ratio)(y, model)


def test_plug_and_play_is_better_than_filtered_back_projection_at_any_scale():
    op = parallel(64, 40)
    x = shepp_logan(28.0).scaled(1.0, 0.02).image(op.geometry)
    model = ForwardModel(op, Gaussian(0.02))
    y = model(x, generator=torch.Generator().manual_seed(0))
    method = CTPnP(TVDenoiser())
    got = method(y, model)

    def error(z):
        return float((z - x).norm() / x.norm())

    assert error(got) < 0.9 * min(error(FBP(w)(y, op)) for w in ("ramp", "hann"))
    scaled = ForwardModel(op, Gaussian(2.0))
    assert float((method(100 * y, scaled) / 100 - got).norm() / got.norm()) < 0.02


def test_bad_arguments_get_a_sentence():
    op = tiny()
    with pytest.raises(ParameterError, match="iterations = 0 and subsets = None must be ≥ 1"):
        SART(0)
    with pytest.raises(ParameterError, match=r"relaxation = 2 must be in \(0, 2\)"):
        SART(relaxation=2)
    with pytest.raises(ParameterError, match="order = 'random' must be one of spread, sequential"):
        SART(order="random")
    with pytest.raises(StructureError, match="Identity has no views to choose subsets from; use subsets=1"):
        SART()(torch.zeros(1, 1, 5, 7, dtype=F64), Identity(op.range))
    with pytest.raises(ParameterError, match="preconditioner = 'jacobi' must be none, ramp or circulant"):
        LSQR(preconditioner="jacobi")
    with pytest.raises(ParameterError, match=r"iterations = 0 must be ≥ 1 and damping = 0\.0 ≥ 0"):
        LSQR(0)
    with pytest.raises(ParameterError, match=r"highest = -1\.0 must be > 0 somewhere, as images are"):
        TV(non_negative=True, highest=-1.0)
    with pytest.raises(ParameterError, match="descents = 0 and subsets = None must be ≥ 1"):
        ASDPOCS(descents=0)
    with pytest.raises(ParameterError, match=r"relaxation = 3 must be in \(0, 2\)"):
        ASDPOCS(relaxation=3)
    with pytest.raises(ParameterError, match="does not see the pixel in the middle"):
        ramp_preconditioner(op.replace(axis_mm=1000.0))
    with pytest.raises(ParameterError, match="denoiser"):
        CTPnP(3)
