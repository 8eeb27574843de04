"""Signal models against their formulas, and the fit against truth, SciPy and the Cramér–Rao bound."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.optimize import least_squares

from wellposed.errors import ParameterError, SpaceError, UnsuitableError
from wellposed_mri import (
    FieldMapEchoes,
    MultiCoilMRI,
    MultiEchoT2,
    RecoveryT1,
    SignalFit,
    VariableFlipAngleT1,
    WaterFatEchoes,
    cramer_rao,
)

# torch.func.jvp imports torch.jit on first use
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")

ECHOES = torch.arange(1, 9, dtype=torch.float64) * 0.012
RECOVERY = torch.tensor([0.05, 0.15, 0.4, 0.8, 1.6, 3.0], dtype=torch.float64)
ANGLES = torch.tensor([2.0, 5.0, 10.0, 18.0, 28.0], dtype=torch.float64).deg2rad()
DIXON = 1.2e-3 + 1.1e-3 * torch.arange(6, dtype=torch.float64)


def even(low, high, shape, seed):
    return low + (high - low) * torch.rand(shape, generator=torch.Generator().manual_seed(seed)).double()


def stacked(*ranges, shape=(2, 3, 4)):
    return torch.stack([even(low, high, shape, i) for i, (low, high) in enumerate(ranges)], 1)


CASES = {
    "t2": (MultiEchoT2(ECHOES), stacked((0.5, 2), (5, 40))),
    "inversion": (RecoveryT1(RECOVERY), stacked((0.5, 2), (0.4, 4))),
    "saturation": (RecoveryT1(RECOVERY, 1.0), stacked((0.5, 2), (0.4, 4))),
    "flip": (VariableFlipAngleT1(ANGLES, 0.02), stacked((0.5, 2), (0.4, 4))),
    "field": (FieldMapEchoes(DIXON), stacked((-1, 1), (0.5, 2), (-300, 300))),
    "fat": (WaterFatEchoes(DIXON, 1.5), stacked((0.8, 2), (0.1, 1), (0.8, 2), (0.1, 1), (-60, 60))),
}


@pytest.fixture(params=CASES, scope="module")
def case(request):
    return CASES[request.param]


def formula(model, values):
    """The signals of one pixel, term by term."""
    if isinstance(model, MultiEchoT2):
        return [values[0] * math.exp(-values[1] * t) for t in model.echo_times.tolist()]
    if isinstance(model, RecoveryT1):
        return [values[0] * (1 - model.inversion * math.exp(-t * values[1])) for t in model.times.tolist()]
    if isinstance(model, VariableFlipAngleT1):
        e = math.exp(-model.repetition_time * values[1])
        return [values[0] * math.sin(a) * (1 - e) / (1 - e * math.cos(a)) for a in model.angles.tolist()]
    signals = []
    for t in model.echo_times.tolist():
        amplitude = complex(values[0], values[1])
        if isinstance(model, WaterFatEchoes):
            peaks = [
                (-3.8, 0.087),
                (-3.4, 0.693),
                (-2.6, 0.128),
                (-1.94, 0.004),
                (-0.39, 0.039),
                (0.6, 0.048),
            ]
            fat = sum(s * np.exp(-2j * math.pi * ppm * 42.577478518 * 1.5 * t) for ppm, s in peaks) / 0.999
            amplitude += complex(values[2], values[3]) * fat
        signals.append(amplitude * np.exp(-2j * math.pi * values[-1] * t))
    return signals


def test_signals_are_the_formula(case):
    model, x = case
    y = model(x)
    want = torch.tensor(formula(model, x[1, :, 2, 3].tolist()), dtype=y.dtype)
    torch.testing.assert_close(y[1, :, 2, 3], want, rtol=1e-12, atol=1e-12)


def test_the_jacobian_is_that_of_differences(case):
    model, x = case
    jacobian, step = model.jacobian(x), 1e-6
    for p in range(x.shape[1]):
        move = torch.zeros_like(x)
        move[:, p] = step * x[:, p].abs()
        slope = (model(x + move) - model(x - move)) / (2 * step * x[:, p].abs()).unsqueeze(1)
        gap = (jacobian[:, :, p] - slope).abs().max() / slope.abs().max()
        assert float(gap) < 1e-6


def test_the_fit_returns_the_truth(case):
    model, x = case
    torch.testing.assert_close(SignalFit()(model(x), model), x, rtol=1e-5, atol=1e-6)
    arguments = {k: v.float() if isinstance(v, torch.Tensor) else v for k, v in model.arguments().items()}
    single = type(model)(**arguments)
    got = SignalFit()(single(x.float()), single)
    torch.testing.assert_close(got, x.float(), rtol=5e-3, atol=5e-3)


def test_the_fit_is_scipys(case):
    model, x = case
    generator = torch.Generator().manual_seed(5)
    y = model(x) + 0.02 * torch.randn(model(x).shape, dtype=model(x).dtype, generator=generator)
    got = SignalFit(tolerance=1e-9)(y, model)

    def residual(v):
        r = torch.tensor(formula(model, v.tolist()), dtype=y.dtype) - y[0, :, 1, 2]
        return torch.view_as_real(r).flatten().numpy() if r.is_complex() else r.numpy()

    want = least_squares(residual, x[0, :, 1, 2].numpy(), xtol=1e-14, ftol=1e-14, x_scale="jac")
    np.testing.assert_allclose(got[0, :, 1, 2].numpy(), want.x, rtol=1e-4, atol=1e-5)


def test_noise_is_that_of_the_cramer_rao_bound(case):
    """4000 repetitions at high SNR: standard deviations within 6 % of the bound, and no bias."""
    model, x = case
    one, sigma = x[:1, :, :1, :1], 2e-3
    clean = model(one.expand(-1, -1, 50, 80).contiguous())
    noise = torch.randn(clean.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    if clean.is_complex():
        noise = torch.complex(
            noise, torch.randn(noise.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
        )
    fitted = SignalFit()(clean + sigma * noise, model)[0].flatten(1)
    bound = cramer_rao(model, one, sigma).flatten()
    spread = fitted.std(1)
    assert bool(((spread / bound - 1).abs() < 0.06).all())
    assert bool(((fitted.mean(1) - one.flatten()).abs() < 5 * bound / math.sqrt(4000) + 0.02 * bound).all())


def test_pixels_and_samples_are_fitted_by_themselves(case):
    model, x = case
    y = model(x) + 0.05
    torch.testing.assert_close(SignalFit()(y[1:, :, 1:], model), SignalFit()(y, model)[1:, :, 1:])


def test_gradients_of_the_fit_are_those_of_the_truth(case):
    model, x = case
    x = x[:1, :, :1, :2].contiguous()
    y = model(x).requires_grad_()
    fit = SignalFit()(y, model)
    # where the model fits, x(y) inverts y(x): moving x by d moves y by J d, and the fit by d
    direction = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    probe = torch.randn(x.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    (slope,) = torch.autograd.grad((fit * probe).sum(), y)
    moved = torch.func.jvp(model._forward, (x,), (direction,))[1]
    got = (slope.conj() * moved).real.sum()
    assert float(got) == pytest.approx(float((direction * probe).sum()), rel=1e-5)


def test_background_stays_finite():
    model = MultiEchoT2(ECHOES)
    y = torch.zeros(1, 8, 2, 2, dtype=torch.float64)
    y[..., 1] = model(torch.tensor([1.0, 20.0], dtype=torch.float64).reshape(1, 2, 1, 1))[..., 0]
    got = SignalFit()(y, model)
    assert bool(torch.isfinite(got).all())
    torch.testing.assert_close(got[0, :, 0, 1], torch.tensor([1.0, 20.0]).double(), rtol=1e-6, atol=1e-6)


def test_field_maps_wrap_where_echoes_cannot_tell():
    even_echoes = FieldMapEchoes(torch.tensor([2e-3, 4e-3, 6e-3], dtype=torch.float64))
    truth = torch.tensor([1.0, 0.0, 300.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    got = SignalFit()(even_echoes(truth), even_echoes)
    assert float(got[0, 2]) == pytest.approx(300 - 500, abs=1e-3)  # 1/2 ms = 500 Hz
    uneven = FieldMapEchoes(torch.tensor([2e-3, 4e-3, 7e-3], dtype=torch.float64), span=400.0)
    assert float(SignalFit()(uneven(truth), uneven)[0, 2]) == pytest.approx(300, abs=1e-3)


def test_wrong_inputs_get_a_sentence():
    with pytest.raises(ParameterError, match="divide milliseconds by 1000"):
        MultiEchoT2(torch.tensor([10.0, 2000.0]))
    with pytest.raises(ParameterError, match=r"pass angles.deg2rad\(\)"):
        VariableFlipAngleT1(torch.tensor([2.0, 20.0]), 0.01)
    with pytest.raises(ParameterError, match="1 signals per pixel do not determine 2 maps"):
        MultiEchoT2(torch.tensor([0.01]))
    with pytest.raises(ParameterError, match="2 inverts, 1 saturates"):
        RecoveryT1(RECOVERY, 3.0)
    with pytest.raises(SpaceError, match="a vector of seconds is expected"):
        MultiEchoT2(torch.zeros(2, 2))
    with pytest.raises(ParameterError, match="tesla are expected"):
        WaterFatEchoes(DIXON, 1500.0)
    with pytest.raises(ParameterError, match="two echo times are equal"):
        FieldMapEchoes(torch.tensor([0.01, 0.01])).start(torch.zeros(1, 2, 1, 1, dtype=torch.complex64))
    with pytest.raises(UnsuitableError, match=r"SignalFit needs a model of signals .* MultiCoilMRI"):
        SignalFit()(torch.ones(1, 2, 2, 2), MultiCoilMRI(torch.ones(1, 2, 2, dtype=torch.complex64)))
    with pytest.raises(ParameterError, match="NaN or infinite"):
        SignalFit()(torch.full((1, 8, 2, 2), float("nan")).double(), MultiEchoT2(ECHOES))
