"""Constructor arguments, and physics, that the conformance kit tests every component of this pack with."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing.example import Example

Arguments = st.SearchStrategy[dict[str, Any]]
Examples = st.SearchStrategy[Example]

_WEIGHTS = st.sampled_from([0.0, 0.01, 0.3])


def _image(**arguments: st.SearchStrategy[Any]) -> Examples:
    """Draw arguments of something that acts on images, with odd, even and tiny sizes."""
    shapes = st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 8))
    spaces = st.builds(Space, shapes, st.just(torch.float64))
    return st.builds(lambda a, d: Example(a, domain=d), st.fixed_dictionaries({}, optional=arguments), spaces)


def _blur() -> Any:
    from wellposed.operators import CircularConvolution

    kernel = torch.tensor([[0.0, 0.1, 0.0], [0.2, 0.4, 0.1], [0.0, 0.2, 0.0]], dtype=torch.float64)
    return CircularConvolution(kernel, Space((1, 8, 7), torch.float64))


def _solved(**arguments: st.SearchStrategy[Any]) -> Examples:
    """Draw arguments of a reconstructor, tried on a small blur."""
    return st.fixed_dictionaries(dict(arguments)).map(lambda a: Example(a, physics=_blur()))


def _priors() -> st.SearchStrategy[Any]:
    from wellposed_optim.priors import L1, TotalVariation, WaveletL1

    return st.sampled_from([L1(), WaveletL1("haar", 2), TotalVariation(iterations=20)])


def l2_fidelity() -> Examples:
    """Draw standard deviations."""
    return _image(sigma=st.sampled_from([0.1, 1.0, 3.0]))


def poisson_fidelity() -> Examples:
    """Draw gains and backgrounds."""
    return _image(gain=st.sampled_from([0.1, 1.0]), background=st.sampled_from([0.0, 0.5]))


def likelihood_fidelity() -> Examples:
    """Draw a Gaussian noise model."""
    from wellposed.noise import Gaussian

    return st.just(Example({"noise_model": Gaussian(0.3)}, domain=Space((1, 5, 6), torch.float64)))


def tv_prior() -> Examples:
    """Draw every kind of total variation, solved well enough to be held to optimality."""
    kinds = st.sampled_from([(True, "channelwise"), (True, "vectorial"), (False, "channelwise")])
    shapes = st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 8))

    def build(kind: tuple[bool, str], shape: tuple[int, int, int]) -> Example:
        arguments = {"isotropic": kind[0], "colour": kind[1], "tolerance": 1e-12, "iterations": 3000}
        return Example(arguments, domain=Space(shape, torch.float64))

    return st.builds(build, kinds, shapes)


def wavelet_prior() -> Examples:
    """Draw wavelets, scales and shifts."""
    return _image(
        wavelet=st.sampled_from(["haar", "db2", "sym4"]),
        levels=st.integers(1, 4),
        shift=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    )


def l1_prior() -> Examples:
    """Draw spaces only."""
    return _image()


def tikhonov_prior() -> Examples:
    """Draw spaces only."""
    return _image()


def box_prior() -> Examples:
    """Draw lower bounds."""
    return _image(lower=st.sampled_from([-0.5, 0.0]), upper=st.sampled_from([0.5, 1.0]))


def denoiser_prior() -> Examples:
    """Draw a denoiser that is a true prox."""
    from wellposed_optim.denoisers import TVDenoiser

    return _image().map(lambda e: Example({"denoiser": TVDenoiser()}, domain=e.domain))


def tv_denoiser() -> Examples:
    """Draw strengths."""
    return _image(strength=st.sampled_from([0.5, 0.9]))


def wavelet_denoiser() -> Examples:
    """Draw wavelets and scales."""
    return _image(wavelet=st.sampled_from(["haar", "db2"]), levels=st.integers(1, 3))


def bm3d() -> Examples:
    """Draw strides and group sizes."""
    return _image(stride=st.integers(3, 5), radius=st.integers(4, 6), group=st.sampled_from([8, 16]))


def gradient_descent() -> Examples:
    """Draw weights."""
    return _solved(weight=_WEIGHTS, max_iterations=st.integers(1, 20))


def pgd() -> Examples:
    """Draw priors and weights."""
    return _solved(prior=_priors(), weight=_WEIGHTS, max_iterations=st.integers(1, 10))


def fista() -> Examples:
    """Draw priors and weights."""
    return pgd()


def admm() -> Examples:
    """Draw priors and weights."""
    return pgd()


def hqs() -> Examples:
    """Draw priors and weights."""
    return pgd()


def chambolle_pock() -> Examples:
    """Draw priors and weights."""
    return pgd()


def tv() -> Examples:
    """Draw weights, chosen and automatic."""
    return _solved(weight=st.sampled_from([None, 0.01]), max_iterations=st.integers(1, 3))


def wavelet() -> Examples:
    """Draw weights, chosen and automatic."""
    return _solved(weight=st.sampled_from([None, 0.01]), max_iterations=st.integers(1, 10))


def l1() -> Examples:
    """Draw weights, chosen and automatic."""
    return _solved(weight=st.sampled_from([None, 0.01]), max_iterations=st.integers(1, 10))


def pnp() -> Examples:
    """Draw denoisers and rounds."""
    from wellposed_optim.denoisers import BM3D, WaveletDenoiser

    denoisers = st.sampled_from([WaveletDenoiser(levels=2), BM3D(radius=4)])
    return _solved(denoiser=denoisers, iterations=st.integers(1, 3))
