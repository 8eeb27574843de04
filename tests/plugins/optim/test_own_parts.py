"""Priors and denoisers of the user's own, and what is said where they do not fit."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from wellposed import Space
from wellposed.errors import DtypeError, ParameterError, SpaceError, StructureError, UnknownParameterError
from wellposed.operators import CircularConvolution
from wellposed_optim import ADMM, BM3D, FISTA, HQS, L1, PGD, ChambollePock, DenoiserPrior, PnP, TVDenoiser


@pytest.fixture
def blur():
    kernel = torch.full((3, 3), 1 / 9, dtype=torch.float64)
    return CircularConvolution(kernel, Space((1, 8, 8), torch.float64))


@pytest.fixture
def y(blur):
    x = torch.rand(2, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return blur(x)


def shrink(x, gamma):
    return x.sign() * (x.abs() - gamma).clamp(min=0)


class OnlyProx:
    def prox(self, x, gamma):
        return shrink(x, gamma)


class WithValue(OnlyProx):
    def value(self, x):
        return x.abs().flatten(1).sum(1)


class Callable(OnlyProx):
    def __call__(self, x):
        return x.abs().sum((1, 2, 3))


class Module(nn.Module):
    def prox(self, x, *args, gamma=1.0):
        assert not args
        return shrink(x, gamma)

    def forward(self, x):
        return x.abs().sum((1, 2, 3))


@pytest.mark.parametrize("prior", [shrink, OnlyProx(), WithValue(), Callable(), Module()])
@pytest.mark.parametrize("algorithm", [PGD, FISTA, ADMM, HQS, ChambollePock])
def test_own_priors_act_like_ours(prior, algorithm, blur, y):
    weight = torch.tensor([0.01, 0.02], dtype=torch.float64)
    options = {"weight": weight, "max_iterations": 20}
    assert torch.allclose(
        algorithm(prior=prior, **options)(y, blur), algorithm(prior=L1(), **options)(y, blur), atol=1e-12
    )


@pytest.mark.parametrize("prior", [WithValue(), Callable(), Module()])
def test_a_value_gives_the_objective(prior, blur, y):
    ours = FISTA(prior=L1(), weight=0.1).objective(y, y, blur)
    own = FISTA(prior=prior, weight=0.1)
    assert torch.allclose(own.objective(y, y, blur), ours)
    assert torch.equal(own.replace(weight=0.1).objective(y, y, blur), own.objective(y, y, blur))


def test_own_priors_that_do_not_fit(blur, y):
    wanted = r"a prior has prox\(x, gamma\) → image"
    for prior in (lambda x: x, 3, "tv"):
        with pytest.raises(ParameterError, match=wanted):
            FISTA(prior=prior)
    with pytest.raises(ParameterError, match=r"BM3D has no prox: .*DenoiserPrior\(denoiser\)"):
        FISTA(prior=BM3D())
    with pytest.raises(ParameterError, match=r"prior = L1 is a class; make one: L1\(…\)"):
        FISTA(prior=L1)
    with pytest.raises(ParameterError, match=r"the prior OnlyProx has no automatic weight; give .* weight=…"):
        FISTA(prior=OnlyProx())(y, blur)
    with pytest.raises(StructureError, match=r"the prior OnlyProx has no value\(x\)"):
        FISTA(prior=OnlyProx(), weight=1.0).objective(y, y, blur)
    with pytest.raises(
        SpaceError, match=r"of <lambda> returned shape \(2, 1, 7, 8\), expected \(2, 1, 8, 8\)"
    ):
        FISTA(prior=lambda x, gamma: x[..., 1:, :], weight=1.0)(y, blur)
    total = WithValue()
    total.value = lambda x: x.sum()
    with pytest.raises(SpaceError, match=r"value\(x\) returned shape \(\), expected \(2,\): one number per"):
        FISTA(prior=total, weight=1.0).objective(y, y, blur)
    total.weight_for = lambda sigma: 0.1
    assert FISTA(prior=total).weight_of(y, blur) == 0.1
    assert FISTA(prior=total, weight=1.0).objective(y[:1], y[:1], blur).shape == (1,)


@pytest.mark.parametrize("make", [PnP, DenoiserPrior])
def test_what_is_no_denoiser_is_told_how_one_is_called(make):
    called = r"a denoiser is called as denoiser\(x, sigma\), "
    with pytest.raises(ParameterError, match=called + r"but <lambda>\(x\) cannot be.*lambda x, sigma"):
        make(lambda x: x)
    with pytest.raises(ParameterError, match=called + r"but Identity\(input.* cannot be"):
        make(nn.Identity())
    with pytest.raises(ParameterError, match=called + r"but BM3D is a class; make one: BM3D\(…\)"):
        make(BM3D)
    with pytest.raises(ParameterError, match=called + "and 3 cannot be called"):
        make(3)
    make(torch.add)  # written in C: nobody knows its signature


@pytest.mark.parametrize("make", [PnP, lambda d: ADMM(prior=DenoiserPrior(d), weight=0.1)])
def test_what_a_denoiser_returns_is_looked_at(make, blur, y):
    with pytest.raises(
        SpaceError, match=r"denoiser\(x, sigma\) returned shape \(2, 1, 7, 8\), expected \(2, 1, 8, 8\)"
    ):
        make(lambda x, sigma: x[..., 1:, :])(y, blur)
    with pytest.raises(
        DtypeError, match=r"denoiser\(x, sigma\) returned torch.float32, expected torch.float64"
    ):
        make(lambda x, sigma: x.float())(y, blur)
    with pytest.raises(DtypeError, match=r"denoiser\(x, sigma\) returned a NoneType, expected a tensor"):
        make(lambda x, sigma: None)(y, blur)


@pytest.mark.parametrize("value", ["abc", float("nan"), 1j, [[1], [1, 2]]])
def test_impossible_numbers(value):
    with pytest.raises(ParameterError, match=r"weight = .* must be .*≥ 0"):
        FISTA(weight=value)
    with pytest.raises(ParameterError, match=r"strength = .* must be .*> 0"):
        PnP(strength=value)


@pytest.mark.parametrize("value", ["abc", 2.5, 0])
def test_impossible_counts(value):
    with pytest.raises(ParameterError, match=r"max_iterations = .* must be ≥ 1, a whole number"):
        FISTA(max_iterations=value)


@pytest.mark.parametrize("algorithm", [PGD, FISTA, ADMM, HQS, ChambollePock])
def test_a_misspelt_argument_is_answered_by_class_and_nearest_name(algorithm):
    with pytest.raises(
        UnknownParameterError,
        match=rf"{algorithm.__name__} has no parameter 'wieght'; .*Did you mean 'weight'\?",
    ):
        algorithm(wieght=1)


def test_misspelt_arguments_elsewhere():
    with pytest.raises(UnknownParameterError, match=r"PnP has no parameter 'denoizer'.*mean 'denoiser'"):
        PnP(denoizer=TVDenoiser())
    with pytest.raises(UnknownParameterError, match=r"DenoiserPrior has no parameter 'denoise'"):
        DenoiserPrior(denoise=TVDenoiser())


@pytest.mark.parametrize("method", [FISTA(), PnP()])
def test_parameters_of_the_physics_belong_to_the_physics(method, blur, y):
    with pytest.raises(UnknownParameterError, match=r"does not take kernel=….* physics.replace\(kernel=…\)"):
        method(y, blur, kernel=blur.kernel)
