"""Optimisation for imaging: fidelities, priors, algorithms, denoisers without weights, and presets.

A problem is ``f(x; y, A) + λ·g(x)``: a fidelity f that follows from the noise, a prior g, and an algorithm
that minimises it and is a reconstructor: ``x_hat = algorithm(y, physics)``. Names load on first use, so
that discovery of this pack never imports torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wellposed_optim.algorithms import ADMM, FISTA, HQS, PGD, ChambollePock, GradientDescent, Result
    from wellposed_optim.denoisers import BM3D, TVDenoiser, WaveletDenoiser
    from wellposed_optim.fidelities import L2, Fidelity, Likelihood, Poisson, fidelity_of
    from wellposed_optim.noise_estimate import estimate_noise, noise_level
    from wellposed_optim.presets import PnP, l1, tv, wavelet
    from wellposed_optim.priors import L1, Box, DenoiserPrior, Prior, Tikhonov, TotalVariation, WaveletL1

__version__ = "0.1.0"

_HOMES = {
    "ADMM": "algorithms",
    "BM3D": "denoisers",
    "FISTA": "algorithms",
    "HQS": "algorithms",
    "L1": "priors",
    "L2": "fidelities",
    "PGD": "algorithms",
    "Box": "priors",
    "ChambollePock": "algorithms",
    "DenoiserPrior": "priors",
    "Fidelity": "fidelities",
    "GradientDescent": "algorithms",
    "Likelihood": "fidelities",
    "PnP": "presets",
    "Poisson": "fidelities",
    "Prior": "priors",
    "Result": "algorithms",
    "TVDenoiser": "denoisers",
    "Tikhonov": "priors",
    "TotalVariation": "priors",
    "WaveletDenoiser": "denoisers",
    "WaveletL1": "priors",
    "estimate_noise": "noise_estimate",
    "fidelity_of": "fidelities",
    "l1": "presets",
    "noise_level": "noise_estimate",
    "tv": "presets",
    "wavelet": "presets",
}

__all__ = [
    "ADMM",
    "BM3D",
    "FISTA",
    "HQS",
    "L1",
    "L2",
    "PGD",
    "Box",
    "ChambollePock",
    "DenoiserPrior",
    "Fidelity",
    "GradientDescent",
    "Likelihood",
    "PnP",
    "Poisson",
    "Prior",
    "Result",
    "TVDenoiser",
    "Tikhonov",
    "TotalVariation",
    "WaveletDenoiser",
    "WaveletL1",
    "estimate_noise",
    "fidelity_of",
    "l1",
    "noise_level",
    "tv",
    "wavelet",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
