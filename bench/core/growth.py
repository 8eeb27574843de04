"""How cost grows: linearly in the batch, n log n in the pixels, linearly in a solver's iterations."""

from __future__ import annotations

from functools import partial

import torch

from bench.case import Case, Sides
from bench.core.agreement import relative
from bench.core.blur import bare_filter, kernel
from bench.machine import versions

BATCHES, SIDES, ITERATIONS = (1, 2, 4, 8), (128, 256, 512, 1024), (5, 10, 20, 40)


def cases() -> list[Case]:
    """Return the three growths."""
    bare = f"bare torch {versions()['torch']} rfft2·OTF·irfft2"
    found = [
        Case(
            f"growth: reflect blur of {b} images", f"Convolution, batch {b}", f"the same, {b} × batch 1",
            partial(_batch, b), 1.0 if b == 8 else None, threads=2, curve="images in the batch", x=b,
            note="3 × 256 × 256, 31 × 31 taps",
        )
        for b in BATCHES
    ]  # fmt: skip
    found += [
        Case(
            f"growth: circular blur of {n} × {n}", "CircularConvolution", bare, partial(_pixels, n),
            1.3, threads=2, curve="pixels of the image", x=n * n, note="3 channels, 31 × 31 taps",
        )
        for n in SIDES
    ]  # fmt: skip
    found += [
        Case(
            f"growth: {k} iterations of CG", "solvers.cg", "A*A alone, as often", partial(_solve, k),
            None, threads=2, curve="iterations of a solve", x=k, note="reflect blur of 3 × 128 × 128",
        )
        for k in ITERATIONS
    ]  # fmt: skip
    return found


def _images(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def _batch(batch: int) -> Sides:
    from wellposed.operators import Convolution

    op, x = Convolution(kernel(), (3, 256, 256), "reflect"), _images(batch, 3, 256, 256)
    singles = x.split(1)
    return Sides(
        lambda: op(x),
        lambda: [op(s) for s in singles],
        relative(op(x), torch.cat([op(s) for s in singles])),
    )


def _pixels(n: int) -> Sides:
    from wellposed.operators import CircularConvolution

    op, x = CircularConvolution(kernel(), (3, n, n)), _images(1, 3, n, n)
    bare = bare_filter(op.spectrum().spectrum)
    return Sides(lambda: op(x), lambda: bare(x), relative(op(x), bare(x)))


def _solve(iterations: int) -> Sides:
    from wellposed.operators import Convolution
    from wellposed.solvers import cg

    op = Convolution(kernel(), (3, 128, 128), "reflect")
    normal, b = op.gram, _images(1, 3, 128, 128)
    done = int(cg(normal, b, tol=0, max_iter=iterations).iterations[0])
    if done != iterations:
        raise SystemExit(f"CG made {done} iterations instead of {iterations}")
    return Sides(
        lambda: cg(normal, b, tol=0, max_iter=iterations),
        lambda: [normal(b) for _ in range(iterations)],
        0.0,
    )
