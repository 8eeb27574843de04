"""Rules for weights: against dense matrices, and against the best weight of all."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed.forward import ForwardModel
from wellposed.noise import Gaussian
from wellposed_mri import (
    SENSE,
    TV,
    Gridding,
    L1Wavelet,
    MultiCoilMRI,
    NonCartesianMRI,
    PoissonDisc,
    Uniform,
    birdcage_maps,
    brain,
    radial,
    spin_echo,
    spiral_readout,
)
from wellposed_mri.reconstruction.outer_noise import noise_of_adjoint
from wellposed_mri.reconstruction.scale import squared_scale
from wellposed_mri.reconstruction.weights import DAMPING

SIZE = 64


def picture():
    """A T2-weighted brain with a smooth phase, brightest 1."""
    image = brain(spin_echo(3000, 90)).image(SIZE)
    phase = torch.linspace(-1, 1, SIZE)[:, None].expand(SIZE, SIZE)
    return torch.polar(image / image.max(), phase)[None, None]


def decibels(x, truth):
    return float(10 * torch.log10(truth.abs().max() ** 2 / (x - truth).abs().square().mean()))


def scan(op, x, sigma, seed=0):
    y = op(x)
    noise = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(seed))
    mask = getattr(op, "mask", None)
    return y + sigma * (noise if mask is None else noise * (mask != 0))


def encodings():
    maps, generator = birdcage_maps(8, (SIZE, SIZE)), torch.Generator().manual_seed(1)
    disc = PoissonDisc((SIZE, SIZE), acceleration=4, calibration=12).step(1, generator)["mask"]
    columns = Uniform((SIZE, SIZE), (1, 3), calibration=12).step(1, generator)["mask"]
    return {
        "disc": MultiCoilMRI(maps, disc),
        "columns": MultiCoilMRI(maps, columns),
        "radial": NonCartesianMRI(maps, radial(24, 128, SIZE)),
        "spiral": NonCartesianMRI(maps, spiral_readout(arms=6, size=SIZE)),
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "sigma", "losses"),
    [("disc", 0.01, (0.5, 0.5, 1.5)), ("columns", 0.05, (0.5, 0.5, 1.5))],
    ids=["disc", "columns"],
)
def test_wavelets_are_nearly_as_good_as_with_the_best_weight(name, sigma, losses):
    op, x = encodings()[name], picture()
    y = scan(op, x, sigma)
    unit = float(noise_of_adjoint(y, op, sigma) / op.A_adjoint(y).abs().flatten().kthvalue(4055).values)
    best = max(decibels(L1Wavelet(unit * 2**k, levels=3)(y, op), x) for k in (0.5, 0, -0.5, -1, -1.5))
    for rule, loss in zip(("sure", "gcv", "discrepancy"), losses, strict=True):
        found = decibels(L1Wavelet(rule, noise=sigma, levels=3)(y, op), x)
        assert best - loss < found < best + 0.3, rule


@pytest.mark.parametrize("name", ["disc", "columns", "radial", "spiral"])
@pytest.mark.parametrize("sigma", [0.01, 0.05])
def test_least_squares_is_nearly_as_good_as_with_the_best_weight(name, sigma):
    op, x = encodings()[name], picture()
    y = scan(op, x, sigma)
    best = max(decibels(SENSE(10 ** (-k / 2))(y, op), x) for k in range(10))
    for rule, loss in (("sure", 0.7), ("noise", 1.7)):
        found = decibels(SENSE(rule)(y, ForwardModel(op, Gaussian(sigma / 2**0.5))), x)
        assert found > best - loss, rule


@pytest.mark.slow
def test_total_variation_too():
    op, x = encodings()["disc"], picture()
    y = scan(op, x, 0.03)
    unit = float(noise_of_adjoint(y, op, 0.03) / op.A_adjoint(y).abs().flatten().kthvalue(4055).values)
    best = max(decibels(TV(unit * 2**k)(y, op), x) for k in (0, -0.5, -1, -1.5))
    assert decibels(TV("sure", noise=0.03)(y, op), x) > best - 0.5


def test_without_noise_least_squares_is_all_but_exact():
    """The weight vanishes, for trajectories as well, where a fixed one would cost detail."""
    x = picture()
    for name, op in encodings().items():
        assert float(SENSE()._weight(op(x), ForwardModel(op, Gaussian(0.0)))) == 0
        if name in ("radial", "spiral"):
            found = decibels(SENSE()(op(x), op), x)
            assert found > decibels(Gridding()(op(x), op), x) + 3
            assert found > decibels(SENSE(1e-2)(op(x), op), x) + 2


@pytest.mark.parametrize("rule", ["sure", "gcv", "discrepancy"])
def test_rules_find_what_dense_matrices_tell(rule):
    """Exact traces and exact inverses in place of probes and iterations."""
    n, sigma = 16, 0.05
    generator = torch.Generator().manual_seed(3)
    maps = birdcage_maps(4, (n, n)).to(torch.complex128)
    op = MultiCoilMRI(maps, (torch.arange(n) % 2 == 0).double())
    x = torch.polar(brain(spin_echo(600, 15)).image(n).double(), torch.ones(n, n).double())[None, None]
    x = x / x.abs().max()
    noise = torch.randn(1, 4, n, n, dtype=torch.complex128, generator=generator)
    y = op(x) + sigma * op.mask * noise

    keep = op.mask.expand(4, n, n).flatten() > 0
    a, data = op.to_matrix()[keep], y.flatten()[keep]
    eye, normal = torch.eye(n * n, dtype=torch.complex128), a.mH @ a
    delta = DAMPING * float(a.abs().square().sum()) / n**2
    inverse = torch.linalg.inv(normal + delta * eye)
    weights = torch.logspace(-4, 0.5, 46, dtype=torch.float64)
    scores = []
    for weight in weights:
        solve = torch.linalg.inv(normal + weight * eye) @ a.mH
        residual = a @ (solve @ data) - data
        power, trace = float(residual.abs().square().sum()), float((solve @ a).diagonal().real.sum())
        if rule == "gcv":
            scores.append(power / (1 - trace / len(data)) ** 2)
        elif rule == "discrepancy":
            scores.append(abs(power / (len(data) * sigma**2) - 1))
        else:
            seen = (inverse @ (a.mH @ residual)).abs().square().sum()
            freedom = (inverse @ normal @ solve @ a @ inverse).diagonal().real.sum()
            scores.append(float(seen + 2 * sigma**2 * freedom))
    want = float(weights[torch.tensor(scores).argmin()])
    found = float(SENSE(rule)._weight(y, ForwardModel(op, Gaussian(sigma / 2**0.5))))
    assert found == pytest.approx(want, rel={"sure": 0.5, "gcv": 0.5, "discrepancy": 0.15}[rule])


def test_samples_choose_for_themselves():
    op, x = encodings()["columns"], picture()
    y = torch.cat([scan(op, x, 0.01), scan(op, x, 0.1, seed=1)])
    together = SENSE("sure")._weight(y, op)
    apart = torch.cat([SENSE("sure")._weight(one[None], op) for one in y])
    torch.testing.assert_close(together, apart, rtol=1e-2, atol=0)
    assert float(together[1]) > 10 * float(together[0])
    assert squared_scale(op) >= together.max()


def test_the_global_phase_does_not_matter():
    op, x = encodings()["columns"], picture()
    y = scan(op, x, 0.05)
    method = L1Wavelet("sure", levels=2, max_iterations=5)
    turn = torch.exp(torch.tensor(1.3j))
    torch.testing.assert_close(method(turn * y, op), turn * method(y, op), rtol=1e-3, atol=1e-3)


def test_unknown_rules_get_a_sentence():
    for make in (L1Wavelet, TV, SENSE):
        with pytest.raises(ParameterError, match=r"= 'sur', but a number ≥ 0 or one of the rules \"noise\""):
            make("sur")
        with pytest.raises(ParameterError, match="= -1, but a number ≥ 0"):
            make(-1)
