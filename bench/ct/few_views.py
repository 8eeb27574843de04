"""Total variation of a 512 × 512 slice from 60 views: how far after how long.

``python -m bench.ct.few_views`` prints, for ``ct.tv`` and for FISTA of wellposed-optim (with an inner loop
for the proximal operator of total variation), seconds, objective, objective over the best, and PSNR.
"""

from __future__ import annotations

import time

import torch

from bench.ct.anchors import psnr

SIZE, VIEWS, SHARE = 512, 60, 0.02


def main() -> None:
    """Print the table."""
    from wellposed import ForwardModel
    from wellposed.noise import Gaussian
    from wellposed_ct import FBP, TV, ParallelBeam, shepp_logan
    from wellposed_ct.methods.tv import column_norm
    from wellposed_optim import FISTA, TotalVariation

    angles = torch.arange(VIEWS, dtype=torch.float64) * torch.pi / VIEWS
    op = ParallelBeam(angles, (1, SIZE, SIZE))
    truth = shepp_logan(0.47 * SIZE).scaled(1.0, 0.02).image(op.geometry, 2).float()
    sigma = SHARE * float(op.A(truth).max())
    physics = ForwardModel(op, Gaussian(sigma))
    y = physics(truth, generator=torch.Generator().manual_seed(0))
    weight = sigma * column_norm(op, y)
    start = FBP("hann")(y, op)
    prior = TotalVariation(tolerance=1e-3, iterations=25)

    def fista(n: int):
        method = FISTA(prior=prior, weight=weight, max_iterations=n, tolerance=0.0)
        return lambda: method(y, physics, x0=start)

    runs = {
        f"ct.tv, {n}": lambda n=n: TV(weight=weight, iterations=n, tolerance=0)(y, op) for n in (50, 100, 200)
    }
    runs |= {f"FISTA, {n}": fista(n) for n in (50, 200)}
    rows = []
    for name, run in runs.items():
        begin = time.perf_counter()
        x = run()
        seconds = time.perf_counter() - begin
        misfit = (
            0.5 * (op.A(x) - y).double().square().sum() + weight * TotalVariation().value(x).double().sum()
        )
        rows.append((name, seconds, float(misfit), float(psnr(x, truth))))
    best = min(row[2] for row in rows)
    print("| method, iterations | seconds | objective | above the best | PSNR |\n|---|---|---|---|---|")
    for name, seconds, value, decibels in rows:
        print(f"| {name} | {seconds:.1f} | {value:.2f} | {value / best - 1:.1%} | {decibels:.1f} dB |")


if __name__ == "__main__":
    main()
