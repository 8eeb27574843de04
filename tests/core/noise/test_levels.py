"""Levels: reading back, per-sample values, moving, freezing, and clear errors."""

from __future__ import annotations

import copy
import math
import pickle

import pytest
import torch
from torch import nn

from wellposed import noise as N
from wellposed.errors import DtypeError, ImmutableError, ParameterError, SpaceError, UnknownParameterError
from wellposed.noise.base import Noise
from wellposed.protocols import NoiseModel

X = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def test_arguments_read_back_exactly():
    model = N.PoissonGaussian(gain=0.1, sigma=0.3)
    assert float(model.gain) == 0.1
    assert float(model.sigma) == 0.3
    assert repr(model) == "PoissonGaussian(gain=0.1, sigma=0.3)"
    assert repr(N.Gaussian(torch.ones(3))) == "Gaussian(sigma=tensor(3,))"
    assert isinstance(model, NoiseModel)


@pytest.mark.parametrize(
    ("model", "names"),
    [
        (N.Gaussian(), ["sigma"]), (N.Poisson(), ["gain"]), (N.PoissonGaussian(), ["gain", "sigma"]),
        (N.Uniform(), ["half_width"]), (N.SaltAndPepper(), ["salt", "pepper"]), (N.Laplace(), ["scale"]),
        (N.Gamma(), ["looks"]), (N.LogPoisson(), ["N0", "mu"]), (N.Rician(), ["sigma"]),
        (N.Quantisation(), ["step", "sigma"]),
    ],
)  # fmt: skip
def test_level_and_state(model, names):
    level = model.level if isinstance(model.level, tuple) else (model.level,)
    assert all(a is getattr(model, n) for a, n in zip(level, names, strict=True))
    assert set(names) <= set(model.state_dict())
    for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), model.replace()):
        assert type(twin) is type(model)
        assert torch.equal(getattr(twin, names[0]), level[0])


def test_each_sample_has_its_own_level():
    g = torch.Generator
    sigmas = torch.tensor([0.1, 0.2, 0.3])
    batch = N.Gaussian(sigmas)
    y = batch(X, g().manual_seed(1))
    for i in range(3):
        same = N.Gaussian(float(sigmas[i]))
        torch.testing.assert_close(y[i], same(X, g().manual_seed(1))[i])
        torch.testing.assert_close(batch.log_prob(y, X)[i], same.log_prob(y, X)[i])


def test_float_levels_never_promote():
    assert N.Gaussian(0.1)(X).dtype == torch.float32
    assert N.Gaussian(torch.full((3,), 0.1, dtype=torch.float64))(X).dtype == torch.float32
    assert N.Gaussian(1)(X.double()).dtype == torch.float64


def test_a_level_may_be_learnt():
    model = N.Gaussian(nn.Parameter(torch.tensor(0.5)))
    assert [n for n, _ in model.named_parameters()] == ["sigma"]
    (-model.log_prob(X, X + 0.1).sum()).backward()
    assert model.sigma.grad.item() > 0


def test_immutable_and_replaced():
    model = N.Gaussian(0.1)
    with pytest.raises(ImmutableError, match=r"replace\(sigma=…\)"):
        model.sigma = torch.tensor(0.2)
    assert float(model.replace(sigma=0.2).sigma) == 0.2
    with pytest.raises(UnknownParameterError, match="no parameter 'sigm'; it has: sigma"):
        model.replace(sigm=0.2)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: N.Gaussian(-0.1),
            "sigma=-0.1 is impossible, it must be finite and ≥ 0; give a standard dev",
        ),
        (lambda: N.Gaussian(math.nan), "sigma=nan is impossible"),
        (lambda: N.Gaussian(torch.tensor([0.1, -2.0])), "sigma=-2 is impossible"),
        (lambda: N.Gaussian("loud"), "sigma='loud' is not a number"),
        (lambda: N.Gaussian(torch.tensor(1j)), "complex64, but a noise level is real"),
        (lambda: N.Poisson(0.0), "gain=0 is impossible, it must be finite and > 0; give the data units"),
        (lambda: N.PoissonGaussian(0.1, 0.0), r"without read-out noise use Poisson\(gain\)"),
        (lambda: N.Uniform(0.0), "half_width=0 is impossible"),
        (lambda: N.Laplace(-1.0), "scale=-1 is impossible"),
        (lambda: N.Gamma(0.0), "looks=0 is impossible"),
        (lambda: N.LogPoisson(0.0), "N0=0 is impossible"),
        (lambda: N.LogPoisson(zero_count=1.0), "zero_count=1 is impossible, .* ≤ 0.999"),
        (lambda: N.Rician(0.0), r"without noise take y.abs\(\)"),
        (lambda: N.Quantisation(0.0), "step=0 is impossible"),
        (lambda: N.SaltAndPepper(1.5), "salt=1.5 is impossible, it must be finite and ≥ 0 and ≤ 1"),
        (lambda: N.SaltAndPepper(0.6, 0.6), r"salt \+ pepper = 1.2 > 1"),
    ],
)
def test_impossible_levels(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


@pytest.mark.parametrize("model", [N.Poisson(), N.PoissonGaussian(), N.Gamma()])
def test_negative_rates(model):
    with pytest.raises(ParameterError, match=r"has the entry -0.5, but a photon rate is ≥ 0; clamp it"):
        model(X - X - 0.5)
    assert torch.isfinite(model(X - X.min() - 1e-7)).all()
    with pytest.raises(ParameterError, match="the entry nan"):
        model(X * math.nan)
    assert torch.equal(model.log_prob(X, -1 - X), torch.full((3,), -math.inf))


def test_dtypes_and_shapes():
    with pytest.raises(DtypeError, match=r"Poisson acts on real floats but was given torch.complex64"):
        N.Poisson()(X + 0j)
    with pytest.raises(DtypeError, match=r"was given torch.uint8; convert with y.float\(\)"):
        N.Gaussian()(X.to(torch.uint8))
    with pytest.raises(DtypeError, match=r"y is torch.complex64 but mean is torch.float32"):
        N.Gaussian().log_prob(X + 0j, X)
    with pytest.raises(DtypeError, match="a magnitude is real"):
        N.Rician().log_prob(X + 0j, X)
    with pytest.raises(SpaceError, match=r"y has shape \(3, 1, 4, 4\) but mean has shape \(1, 1, 4, 4\)"):
        N.Gaussian().log_prob(X, X[:1])
    with pytest.raises(SpaceError, match=r"sigma has shape \(2,\) but the data has shape \(3, 1, 4, 4\)"):
        N.Gaussian(torch.ones(2))(X)
    with pytest.raises(SpaceError, match="an empty tuple has no likelihood"):
        N.Gaussian().log_prob((), ())


def test_a_half_written_law_says_what_it_lacks():
    law = Noise()
    assert law.mean(X) is None
    assert law.variance(X) is None
    with pytest.raises(NotImplementedError, match="does not say its level"):
        _ = law.level
    with pytest.raises(NotImplementedError, match="cannot be drawn from"):
        law(X)
    with pytest.raises(NotImplementedError, match="has no likelihood"):
        law.log_prob(X, X)
    with pytest.raises(NotImplementedError, match="where its mass lies"):
        law.support(X)


def test_vmap_over_levels():
    def f(s):
        return torch.func.functional_call(_Evaluate(N.Gaussian(1.0)), {"law.sigma": s}, (X,))

    sigmas = torch.tensor([0.1, 0.2])
    expected = torch.stack([N.Gaussian(s).log_prob(X, X + 0.1) for s in sigmas])
    torch.testing.assert_close(torch.func.vmap(f)(sigmas), expected)


class _Evaluate(nn.Module):
    def __init__(self, law):
        super().__init__()
        self.law = law

    def forward(self, x):
        return self.law.log_prob(x, x + 0.1)


def test_whole_numbers_and_empty_images_are_fine():
    assert torch.equal(
        N.Gaussian(torch.tensor([1, 2, 3])).sigma, torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    )
    for model in (N.Poisson(), N.Gaussian(), N.PoissonGaussian(), N.LogPoisson()):
        empty = torch.zeros(2, 1, 0, 4)
        assert model(empty).shape == empty.shape
        assert torch.equal(model.log_prob(empty, empty), torch.zeros(2))


def test_a_law_of_its_own_may_have_other_arguments():
    class Named(Noise):
        def __init__(self, name="shot"):
            super().__init__()
            self.name = name

    assert repr(Named()) == "Named(name='shot')"


@pytest.mark.parametrize(
    "model", [N.Poisson(1e-6), N.LogPoisson(1e7), N.Quantisation(1e-6), N.Quantisation(1e-6, 0.1)]
)
def test_data_drawn_in_float32_are_possible_in_float64(model):
    y = model(X, torch.Generator().manual_seed(0))
    assert torch.isfinite(model.log_prob(y.double(), X.double())).all()
