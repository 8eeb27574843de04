"""One iteration of deblurring: FISTA against a bare loop with the normal operator, PGD against deepinv.

deepinv's FISTA takes another momentum than Beck & Teboulle's, so the comparison is of the plain iteration.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.core.agreement import relative
from bench.core.blur import bare_filter, kernel
from bench.machine import versions
from bench.peers import deepinv, deepinv_version

SHAPE, ITERATIONS = (3, 512, 512), 20
NOTE = f"per iteration of {ITERATIONS}, non-negativity as the prior; one image, set-up included"


def cases() -> list[Case]:
    """Return FISTA against bare torch, and PGD against deepinv."""
    bare = f"bare torch {versions()['torch']} loop, A*A as one FFT pair"
    return [
        Case("optimisation: FISTA, bare", "FISTA", bare, _against_bare, 1.15, threads=2, note=NOTE),
        Case(
            "optimisation: PGD", "PGD", f"{deepinv_version()} optim.PGD", _against_deepinv, 0.5,
            threads=2, note=NOTE,
        ),
    ]  # fmt: skip


def _problem() -> tuple[Tensor, Tensor]:
    y = torch.rand((1, *SHAPE), generator=torch.Generator().manual_seed(0))
    return kernel(), y


def _ours(k: Tensor, y: Tensor, method: str = "FISTA") -> Tensor:
    import wellposed_optim
    from wellposed.operators import CircularConvolution

    solver = getattr(wellposed_optim, method)(
        prior=wellposed_optim.Box(), weight=1.0, step=1.0, max_iterations=ITERATIONS, tolerance=0.0
    )
    with torch.no_grad():
        found: Tensor = solver(y, CircularConvolution(k, SHAPE), x0=torch.zeros_like(y))
    return found


def _bare(k: Tensor, y: Tensor) -> Tensor:
    from wellposed.operators.convolution import transfer_function

    otf = transfer_function(k, SHAPE[1:], True)
    normal, right = bare_filter(otf.abs() ** 2), bare_filter(otf.conj())(y)
    x, z, t = torch.zeros_like(y), torch.zeros_like(y), 1.0
    for _ in range(ITERATIONS):
        old, x = x, (z - (normal(z) - right)).clamp(min=0)
        t, before = (1 + math.sqrt(1 + 4 * t * t)) / 2, t
        z = x + (before - 1) / t * (x - old)
    return x


def _against_bare() -> Sides:
    k, y = _problem()
    return Sides(lambda: _ours(k, y), lambda: _bare(k, y), relative(_ours(k, y), _bare(k, y)), ITERATIONS)


def _against_deepinv() -> Sides:
    dinv = deepinv()
    k, y = _problem()
    physics = dinv.physics.BlurFFT(SHAPE, k[None, None])
    prior = dinv.optim.Prior(g=lambda x, *_, **__: x.new_zeros(len(x)))
    prior.prox = lambda x, *_, **__: x.clamp(min=0)
    prior.explicit_prior = True

    def peer() -> Tensor:
        solver = dinv.optim.PGD(
            data_fidelity=dinv.optim.L2(), prior=prior, stepsize=1.0, lambda_reg=1.0,
            max_iter=ITERATIONS, early_stop=False,
        )  # fmt: skip
        with torch.no_grad():
            found: Tensor = solver(y, physics, init=torch.zeros_like(y))
        return found

    ours = lambda: _ours(k, y, "PGD")  # noqa: E731
    return Sides(ours, peer, relative(ours(), peer()), ITERATIONS)
