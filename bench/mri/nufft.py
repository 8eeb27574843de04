"""Radial sampling, 8 coils, 256 × 256, 64 spokes of 512 samples: NUFFT, Toeplitz, against plans and peers."""

from __future__ import annotations

import math
from functools import cache, partial
from importlib import metadata
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.machine import versions
from bench.mri.agreement import relative

COILS, SIZE, SPOKES, SAMPLES, THREADS = 8, 256, 64, 512, 2
ACCURACY = 1e-4


def cases() -> list[Case]:
    """Return A, A* and A*A against each peer."""
    plan = f"finufft {metadata.version('finufft')} plan, eps {ACCURACY:g}, upsampling 1.25"
    bare = f"plain torch {versions()['torch']} pad-fft-multiply-crop"
    kb = f"torchkbnufft {metadata.version('torchkbnufft')}"
    sigpy = f"sigpy {metadata.version('sigpy')}"
    make = partial(Case, ours="NonCartesianMRI", threads=THREADS)
    loose = {"tolerance": 2e-2, "note": "the peer's default accuracy is about 1e-3"}
    return [
        make("NUFFT: A, plan", peer=plan, prepare=partial(_plan, 2), target=1.15, tolerance=1e-3),
        make("NUFFT: A*, plan", peer=plan, prepare=partial(_plan, 1), target=1.15, tolerance=1e-3),
        make("NUFFT: A*A Toeplitz, plain torch", peer=bare, prepare=_toeplitz, target=1.1),
        make("NUFFT: A, torchkbnufft", peer=kb, prepare=partial(_kb, "A"), target=0.25, **loose),
        make("NUFFT: A*, torchkbnufft", peer=kb, prepare=partial(_kb, "A*"), target=0.25, **loose),
        make("NUFFT: A, sigpy", peer=sigpy, prepare=partial(_sigpy, "A"), target=0.5, **loose),
        make("NUFFT: A*, sigpy", peer=sigpy, prepare=partial(_sigpy, "A*"), target=0.5, **loose),
    ]


@cache
def _data() -> tuple[Any, Tensor, Tensor, Tensor, Tensor]:
    """Return the operator, its maps, the trajectory, an image and data."""
    from wellposed_mri import NonCartesianMRI, radial

    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(COILS, SIZE, SIZE, dtype=torch.complex64, generator=generator)
    trajectory = radial(SPOKES, SAMPLES, SIZE)
    x = torch.randn(1, 1, SIZE, SIZE, dtype=torch.complex64, generator=generator)
    y = torch.randn(1, COILS, SPOKES, SAMPLES, dtype=torch.complex64, generator=generator)
    return NonCartesianMRI(maps, trajectory, ACCURACY), maps, trajectory, x, y


def _plan(kind: int) -> Sides:
    """Compare with the transforms of all coils alone, without the multiplication by maps."""
    import finufft

    op, maps, trajectory, x, y = _data()
    theta = (2 * math.pi / SIZE * trajectory.reshape(-1, 2)).numpy()
    plan = finufft.Plan(
        kind, (SIZE, SIZE), n_trans=COILS, eps=ACCURACY, isign=-1 if kind == 2 else 1, dtype="complex64",
        upsampfac=1.25, nthreads=torch.get_num_threads(), showwarn=0,
    )  # fmt: skip
    plan.setpts(np.ascontiguousarray(theta[:, 0]), np.ascontiguousarray(theta[:, 1]))
    data = (maps * x[0]).numpy() if kind == 2 else y.reshape(COILS, -1).numpy()
    out = torch.from_numpy(plan.execute(data)) / SIZE
    if kind == 2:
        return Sides(lambda: op.A(x), lambda: plan.execute(data), relative(op.A(x).reshape(COILS, -1), out))
    combined = (maps.conj() * out).sum(0)
    return Sides(
        lambda: op.A_adjoint(y), lambda: plan.execute(data), relative(op.A_adjoint(y)[0, 0], combined)
    )


def _toeplitz() -> Sides:
    from wellposed_mri.encoding.noncartesian import ToeplitzGram
    from wellposed_mri.encoding.toeplitz import spectrum

    op, maps, trajectory, x, _ = _data()
    gram, weights = ToeplitzGram(op), spectrum(trajectory, (SIZE, SIZE)).float()

    def plain() -> Tensor:
        k = torch.fft.fft2(maps * x, s=(2 * SIZE, 2 * SIZE)) * weights
        return (torch.fft.ifft2(k)[..., :SIZE, :SIZE] * maps.conj()).sum(1, keepdim=True)

    return Sides(lambda: gram.A(x), plain, relative(gram.A(x), plain()))


def _kb(what: str) -> Sides:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it scripts functions with torch.jit, which torch deprecates
        import torchkbnufft

    from wellposed_mri import to_torchkbnufft

    op, maps, trajectory, x, y = _data()
    omega = to_torchkbnufft(trajectory, (SIZE, SIZE))
    if what == "A":
        forward = torchkbnufft.KbNufft(im_size=(SIZE, SIZE))
        run = lambda: forward(x, omega, smaps=maps[None])  # noqa: E731
        return Sides(lambda: op.A(x), run, relative(op.A(x).reshape(1, COILS, -1), run() / SIZE))
    back, flat = torchkbnufft.KbNufftAdjoint(im_size=(SIZE, SIZE)), y.reshape(1, COILS, -1)
    run = lambda: back(flat, omega, smaps=maps[None])  # noqa: E731
    return Sides(lambda: op.A_adjoint(y), run, relative(op.A_adjoint(y), run() / SIZE))


def _sigpy(what: str) -> Sides:
    import sigpy.mri

    op, maps, trajectory, x, y = _data()
    theirs: Any = sigpy.mri.linop.Sense(maps.numpy(), coord=trajectory.numpy())
    if what == "A":
        image = x[0, 0].numpy()
        run = lambda: theirs(image)  # noqa: E731
        return Sides(lambda: op.A(x), run, relative(op.A(x)[0], torch.from_numpy(run())))
    back, data = theirs.H, y[0].numpy()
    run = lambda: back(data)  # noqa: E731
    return Sides(lambda: op.A_adjoint(y), run, relative(op.A_adjoint(y)[0, 0], torch.from_numpy(run())))
