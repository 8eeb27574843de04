"""Encodings beyond one static slice, 8 coils: each against its expression in torch, or finufft's plans."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from importlib import metadata
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.machine import versions
from bench.mri.agreement import relative

COILS, THREADS, TARGET = 8, 2, 1.25
AXES = (-2, -1)


def cases() -> list[Case]:
    """Return A and A* of each encoding."""
    torch_peer = f"plain torch {versions()['torch']}"
    plan = f"finufft {metadata.version('finufft')} plan for every segment"
    make = partial(Case, threads=THREADS, target=TARGET)
    rows = [
        ("dynamic 16 × 192²", "DynamicMRI", torch_peer, _dynamic),
        ("subspace 4 of 32 × 192²", "SubspaceMRI", torch_peer, _subspace),
        ("4 slices at once, 256²", "SimultaneousMultiSliceMRI", torch_peer, _slices),
        ("motion of 8 shots, 256²", "MotionMRI", torch_peer, _motion),
        ("echo-planar trajectory, 256²", "NonCartesianMRI", torch_peer, _grid),
        ("off-resonance, 32 spirals, 192²", "OffResonanceMRI", plan, _offresonance),
    ]
    found = [
        make(f"Encodings: {name}, {what}", ours=ours, peer=peer, prepare=partial(_sides, build, what))
        for name, ours, peer, build in rows
        for what in ("A", "A*")
    ]
    name, peer = "Encodings: subspace 4 of 32 × 4 spokes, 192², A*A", f"{torch_peer} pad-fft-mix-crop"
    found.append(make(name, ours="SubspaceNonCartesianMRI", peer=peer, prepare=_subspace_pairs))
    return found


Built = tuple[Any, Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]


def _sides(build: Callable[[], Built], what: str) -> Sides:
    op, forward, adjoint = build()
    generator = torch.Generator().manual_seed(9)
    x = op.domain.randn(1, generator)
    with torch.no_grad():
        if what == "A":
            return _quiet(lambda: op.A(x), lambda: forward(x))
        y = op.range.randn(1, generator)
        return _quiet(lambda: op.A_adjoint(y), lambda: adjoint(y))


def _quiet(ours: Callable[[], Tensor], peer: Callable[[], Tensor]) -> Sides:
    return Sides(torch.no_grad()(ours), torch.no_grad()(peer), relative(ours(), peer()))


def _randn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.complex64, generator=torch.Generator().manual_seed(seed))


def _fft(x: Tensor) -> Tensor:
    """Return the centred transform as people write it."""
    k: Tensor = torch.fft.fftn(torch.fft.ifftshift(x, AXES), dim=AXES, norm="ortho")
    return torch.fft.fftshift(k, AXES)


def _ifft(k: Tensor) -> Tensor:
    x: Tensor = torch.fft.ifftn(torch.fft.ifftshift(k, AXES), dim=AXES, norm="ortho")
    return torch.fft.fftshift(x, AXES)


def _columns(*lead: int, n: int) -> Tensor:
    return (torch.rand(*lead, 1, n, generator=torch.Generator().manual_seed(1)) < 0.3).float()


def _dynamic() -> Built:
    from wellposed_mri import DynamicMRI

    maps, mask = _randn(COILS, 192, 192), _columns(16, n=192)
    wide = maps[None, :, None]
    return (
        DynamicMRI(maps, mask),
        lambda x: _fft(wide * x) * mask,
        lambda y: (wide.conj() * _ifft(mask * y)).sum(1, keepdim=True),
    )


def _subspace() -> Built:
    from wellposed_mri import SubspaceMRI

    maps, mask = _randn(COILS, 192, 192), _columns(32, n=192)
    basis = torch.linalg.qr(torch.randn(32, 4, generator=torch.Generator().manual_seed(2))).Q
    wide, phi = maps[None, :, None], basis.to(torch.complex64)
    return (
        SubspaceMRI(maps, basis, mask),
        lambda x: torch.einsum("tk,bckhw->bcthw", phi, _fft(wide * x[:, None])) * mask,
        lambda y: (wide.conj() * _ifft(torch.einsum("tk,bcthw->bckhw", phi, mask * y))).sum(1),
    )


def _slices() -> Built:
    from wellposed_mri import SimultaneousMultiSliceMRI

    maps = _randn(COILS, 4, 256, 256)
    turns = torch.arange(4)[:, None, None] / 4 * (torch.arange(256) - 128)
    phases = torch.exp(-2j * math.pi * turns).to(torch.complex64)
    return (
        SimultaneousMultiSliceMRI(maps),
        lambda x: (_fft(maps * x[:, None]) * phases).sum(2),
        lambda y: (maps.conj() * _ifft(phases.conj() * y.unsqueeze(2))).sum(1),
    )


def _motion() -> Built:
    """Compare with a loop of shears, each a transform along one axis."""
    from wellposed_mri import MotionMRI
    from wellposed_mri.encoding.rigid import moved, moved_back

    n, shots = 256, 8
    maps = _randn(COILS, n, n)
    masks = (torch.arange(n) % shots == torch.arange(shots)[:, None])[:, None].float()
    generator = torch.Generator().manual_seed(3)
    angles, shifts = 0.1 * torch.randn(shots, generator=generator), torch.randn(shots, 2, generator=generator)

    def forward(x: Tensor) -> Tensor:
        each = (_fft(maps * moved(x, angles[s], shifts[s])) * masks[s] for s in range(shots))
        return torch.stack(list(each)).sum(0)

    def adjoint(y: Tensor) -> Tensor:
        each = ((maps.conj() * _ifft(masks[s] * y)).sum(1, keepdim=True) for s in range(shots))
        return torch.stack([moved_back(x, angles[s], shifts[s]) for s, x in enumerate(each)]).sum(0)

    return MotionMRI(maps, masks, angles, shifts), forward, adjoint


def _grid() -> Built:
    from wellposed_mri import NonCartesianMRI, cartesian

    maps, grid = _randn(COILS, 256, 256), cartesian((256, 256))
    grid[1::2] = grid[1::2].flip(1)  # every second line is read backwards

    def reversed_lines(k: Tensor) -> Tensor:
        k = k.clone()
        k[:, :, 1::2] = k[:, :, 1::2].flip(3)
        return k

    return (
        NonCartesianMRI(maps, grid),
        lambda x: reversed_lines(_fft(maps * x)),
        lambda y: (maps.conj() * _ifft(reversed_lines(y))).sum(1, keepdim=True),
    )


def _offresonance() -> Built:
    """Compare with the same segmentation by finufft's plans, made beforehand."""
    import finufft

    from wellposed_mri import OffResonanceMRI, shepp_logan, spiral_readout

    n = 192
    maps, arms = _randn(COILS, n, n), spiral_readout(32, n)
    times = 1e-5 * torch.arange(arms.shape[1])
    op = OffResonanceMRI(maps, arms, 200 * (shepp_logan().image(n) - 0.5), times, 1e-4)
    theta = (2 * math.pi / n * arms.reshape(-1, 2)).numpy()
    plans = []
    for kind in (1, 2):
        plan = finufft.Plan(
            kind, (n, n), n_trans=COILS, eps=1e-4, isign=-1 if kind == 2 else 1, dtype="complex64",
            upsampfac=1.25, nthreads=THREADS, showwarn=0,
        )  # fmt: skip
        plan.setpts(np.ascontiguousarray(theta[:, 0]), np.ascontiguousarray(theta[:, 1]))
        plans.append(plan)
    turns, weights = op._turns()[:, 0], op.segmentation.weights.to(torch.complex64)

    def forward(x: Tensor) -> Tensor:
        images = maps * x[0] / n
        pairs = zip(turns, weights, strict=True)
        parts = [w * torch.from_numpy(plans[1].execute((t * images).numpy())) for t, w in pairs]
        return torch.stack(parts).sum(0).reshape(1, COILS, *arms.shape[:-1])

    def adjoint(y: Tensor) -> Tensor:
        flat = y.reshape(COILS, -1) / n
        pairs = zip(turns.conj(), weights.conj(), strict=True)
        parts = [t * torch.from_numpy(plans[0].execute((w * flat).numpy())) for t, w in pairs]
        return (maps.conj() * torch.stack(parts).sum(0)).sum(0)[None, None]

    return op, forward, adjoint


def _subspace_pairs() -> Sides:
    """Compare with the convolutions by all pairs of basis functions, from the same kernels."""
    from wellposed_mri import SubspaceNonCartesianMRI, radial
    from wellposed_mri.encoding.toeplitz import pairs

    n, frames = 192, 32
    maps, spokes = _randn(COILS, n, n), radial(4 * frames, 2 * n, n).reshape(frames, 4, 2 * n, 2)
    basis = torch.linalg.qr(torch.randn(frames, 4, generator=torch.Generator().manual_seed(2))).Q
    op = SubspaceNonCartesianMRI(maps, basis, spokes, 1e-4)
    kernel = pairs(basis.mT.repeat_interleave(8 * n, 1), spokes, (n, n), 1e-4)
    gram, x = op.gram, op.domain.randn(1, torch.Generator().manual_seed(9))

    def plain(x: Tensor) -> Tensor:
        k = torch.fft.fft2(maps * x[0, :, None], s=(2 * n, 2 * n))
        k = torch.einsum("klhw,lchw->kchw", kernel.to(k.dtype), k)
        return (torch.fft.ifft2(k)[..., :n, :n] * maps.conj()).sum(1)[None]

    return _quiet(lambda: gram.A(x), lambda: plain(x))
