"""Blur of 4 colour images of 512 × 512 with 31 × 31 taps, against deepinv and against the bare FFT.

The bound of a boundary rule is rfft2·OTF·irfft2 on images that already have their border, at the grid we
choose: no padding, no cutting, everything at once, as one writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.core.agreement import relative
from bench.machine import versions
from bench.peers import deepinv, deepinv_version

SHAPE, BATCH, TAPS = (3, 512, 512), 4, 31
RULES = ("zero", "replicate", "reflect", "valid")
THREADS = 2


def cases() -> list[Case]:
    """Return circular blur, the other boundary rules, the closed form, and small kernels."""
    bare, dinv = f"bare torch {versions()['torch']} rfft2·OTF·irfft2", deepinv_version()
    make = partial(Case, threads=THREADS)
    found = [
        make("blur: circular, A, bare", "CircularConvolution", bare, partial(_circular, False), 1.1),
        make("blur: circular, A*, bare", "CircularConvolution", bare, partial(_circular, True), 1.1),
        make("blur: circular, A*A, bare", "CircularConvolution.gram", f"{bare}, |OTF|²", _gram, 1.1),
        make("blur: circular, A", "CircularConvolution", f"{dinv} BlurFFT", partial(_blur_fft, False), 1.0),
        make("blur: circular, A*", "CircularConvolution", f"{dinv} BlurFFT", partial(_blur_fft, True), 1.0),
        make("blur: circular, prox_l2", "prox_l2, closed form", f"{dinv} BlurFFT.prox_l2", _prox, 1.0),
        make(
            "blur: circular, prox_l2, CG", "prox_l2, closed form", f"{dinv} LinearPhysics.prox_l2 (CG)",
            _prox_cg, 1 / 8, note="the peer stops at a relative residual of 1e-5",
        ),
    ]  # fmt: skip
    for rule in RULES:
        for adjoint, name in ((False, "A"), (True, "A*")):
            found.append(
                make(
                    f"blur: {rule}, {name}, bound", f"Convolution({rule})", f"{bare}, border given",
                    partial(_bound, rule, adjoint), 1.3,
                )
            )  # fmt: skip
            found.append(
                make(
                    f"blur: {rule}, {name}", f"Convolution({rule})", f"{dinv} Blur",
                    partial(_blur, rule, TAPS, adjoint), 1.0,
                )
            )  # fmt: skip
    found += [
        make(
            f"blur: {k} × {k} taps, reflect, A", "Convolution(reflect), direct",
            "the same by FFT", partial(_direct, k), 1.0,
        )
        for k in (3, 5, 7, 11)
    ]  # fmt: skip
    found += [
        make(
            f"blur: {k} × {k} taps, reflect, A, deepinv", "Convolution(reflect)", f"{dinv} Blur",
            partial(_blur, "reflect", k, False), 1.0,
        )
        for k in (3, 7)
    ]  # fmt: skip
    return found


@cache
def images() -> Tensor:
    """Return the images, uniform noise."""
    return torch.rand((BATCH, *SHAPE), generator=torch.Generator().manual_seed(0))


def kernel(taps: int = TAPS) -> Tensor:
    """Return a kernel without symmetry, so that a flip would show."""
    k = torch.rand((taps, taps), generator=torch.Generator().manual_seed(1))
    return k / k.sum()


def bare_filter(spectrum: Tensor) -> Callable[[Tensor], Tensor]:
    """Return rfft2·spectrum·irfft2."""

    def run(x: Tensor) -> Tensor:
        return torch.fft.irfft2(torch.fft.rfft2(x) * spectrum, s=x.shape[-2:])

    return run


def _between(ours: Callable[[Tensor], Tensor], peer: Callable[[Tensor], Tensor], x: Tensor) -> Sides:
    return Sides(lambda: ours(x), lambda: peer(x), relative(ours(x), peer(x)))


def _circular(adjoint: bool) -> Sides:
    from wellposed.operators import CircularConvolution

    op = CircularConvolution(kernel(), SHAPE)
    otf = op.spectrum().spectrum
    if adjoint:
        return _between(op.A_adjoint, bare_filter(otf.conj().resolve_conj()), images())
    return _between(op, bare_filter(otf), images())


def _gram() -> Sides:
    from wellposed.operators import CircularConvolution

    op = CircularConvolution(kernel(), SHAPE)
    return _between(op.gram, bare_filter(op.spectrum().spectrum.abs() ** 2), images())


def _blur_fft(adjoint: bool) -> Sides:
    from wellposed.operators import CircularConvolution

    op, peer = CircularConvolution(kernel(), SHAPE), _peer_circular()
    return _between(op.A_adjoint if adjoint else op.A, peer.A_adjoint if adjoint else peer.A, images())


def _peer_circular() -> Any:
    return deepinv().physics.BlurFFT(SHAPE, kernel()[None, None])


def _prox() -> Sides:
    from wellposed.operators import CircularConvolution

    op, peer = CircularConvolution(kernel(), SHAPE), _peer_circular()
    z, y = images(), images().flip(0)
    return _between(lambda z: op.prox_l2(z, y, 2.0), lambda z: peer.prox_l2(z, y, 2.0), z)


def _prox_cg() -> Sides:
    from wellposed.operators import CircularConvolution

    op, peer = CircularConvolution(kernel(), SHAPE), _peer_circular()
    z, y = images(), images().flip(0)
    generic = deepinv().physics.LinearPhysics.prox_l2

    def iterate(z: Tensor) -> Tensor:
        found: Tensor = generic(peer, z, y, 2.0, solver="CG", max_iter=50, tol=1e-5)
        return found

    return _between(lambda z: op.prox_l2(z, y, 2.0), iterate, z)


def _bound(rule: str, adjoint: bool) -> Sides:
    from wellposed.operators import Convolution
    from wellposed.operators.convolution import transfer_function

    op = Convolution(kernel(), SHAPE, rule)  # type: ignore[arg-type]
    border = lambda x: _bordered(x, rule, op._grid)  # noqa: E731
    origin = (TAPS // 2, TAPS // 2) if rule == "zero" else (TAPS - 1, TAPS - 1)
    otf = transfer_function(kernel(), op._grid, True, origin)
    if not adjoint:
        x, run = border(images()), bare_filter(otf)
        y = op.A(images())
        cut = run(x)[..., : y.shape[-2], : y.shape[-1]]
        return Sides(lambda: op.A(images()), lambda: run(x), relative(y, cut))
    run = bare_filter(otf.conj().resolve_conj())
    y = op.A(images())
    y_large = torch.zeros(*y.shape[:2], *op._grid)
    y_large[..., : y.shape[-2], : y.shape[-1]] = y
    folded = torch.func.vjp(border, images())[1](run(y_large))[0]
    return Sides(lambda: op.A_adjoint(y), lambda: run(y_large), relative(op.A_adjoint(y), folded))


def _bordered(x: Tensor, rule: str, grid: tuple[int, ...]) -> Tensor:
    if rule in ("replicate", "reflect"):
        x = torch.nn.functional.pad(x, (TAPS // 2,) * 4, mode=rule)
    return torch.nn.functional.pad(x, (0, grid[1] - x.shape[-1], 0, grid[0] - x.shape[-2]))


def _blur(rule: str, taps: int, adjoint: bool) -> Sides:
    from wellposed.operators import Convolution

    padding = "constant" if rule == "zero" else rule
    op = Convolution(kernel(taps), SHAPE, rule)  # type: ignore[arg-type]
    peer = deepinv().physics.Blur(kernel(taps)[None, None], padding=padding)
    if adjoint:
        return _between(op.A_adjoint, peer.A_adjoint, op.A(images()))
    return _between(op.A, peer.A, images())


def _direct(taps: int) -> Sides:
    from wellposed.operators import Convolution, direct

    op = Convolution(kernel(taps), SHAPE, "reflect")
    rule = direct.is_faster

    def by_fft(x: Tensor) -> Tensor:
        direct.is_faster = lambda *_: False
        try:
            return op._forward(x)
        finally:
            direct.is_faster = rule

    return _between(op, by_fft, images())
