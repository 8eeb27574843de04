"""Published numbers of parallel-beam tomography, computed anew with the settings that their authors state.

``python -m bench.ct.anchors`` prints the table of ``docs/benchmarks/ct-anchors.md``. Sources of the settings:
the code of Adler & Öktem (2018, doi:10.1109/TMI.2018.2799231), ``reference/reference_{fbp,tv}_shepp.py``; and
that of Baguer, Leuschner & Schmidt (2020, doi:10.1088/1361-6420/aba415) on top of dival's ellipses.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

SIZE, VIEWS = 128, 30
RHO = SIZE / math.sqrt(2)
BINS = 2 * math.ceil(RHO) + 1
"""ODL's ``parallel_beam_geometry``: bins over ±RHO by Nyquist's criterion."""
CELL = 2 * RHO / BINS
RAY_WEIGHT = math.pi / VIEWS * CELL
"""ODL integrates squared residuals over angle and detector; we sum them."""


def angles() -> Tensor:
    """Return ODL's angles: middles of 30 equal parts of half a turn."""
    return (torch.arange(VIEWS, dtype=torch.float64) + 0.5) * math.pi / VIEWS


def projector(size: int = SIZE):
    from wellposed_ct import ParallelBeam

    return ParallelBeam(angles(), (1, size, size), BINS, pixel_mm=SIZE / size, detector_mm=CELL)


def psnr(x: Tensor, truth: Tensor) -> Tensor:
    """Return decibels per sample, with the truth's own range."""
    extent = truth.flatten(1).amax(1) - truth.flatten(1).amin(1)
    return 10 * torch.log10(extent**2 / ((x - truth) ** 2).flatten(1).mean(1))


def noisy(y: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Return sinograms with white noise of ``share`` times their mean modulus."""
    sigma = share * y.abs().flatten(1).mean(1).reshape(-1, 1, 1, 1)
    return y + sigma * torch.randn(y.shape, generator=generator)


def shepp(draws: int = 10) -> list[tuple[str, float, float]]:
    """Return (method, published, ours) of the Shepp–Logan phantom with 5 % noise."""
    from wellposed_ct import FBP, TV, shepp_logan

    op = projector()
    truth = shepp_logan(SIZE / 2).image(op.geometry, oversampling=1).float().expand(draws, -1, -1, -1)
    y = noisy(op.A(truth), 0.05, torch.Generator().manual_seed(0))
    tv = TV(weight=0.26 / (2 * RAY_WEIGHT), iterations=1000, tolerance=1e-5)
    return [
        ("Shepp–Logan, 5 % noise: FBP, Hann", 19.75, float(psnr(FBP("hann")(y, op), truth).mean())),
        ("Shepp–Logan, 5 % noise: TV", 28.06, float(psnr(tv(y, op), truth).mean())),
    ]


def random_image(random: np.random.RandomState) -> np.ndarray:
    """Return one picture of dival's ellipses: 70 drawn, a Poisson number kept, grey values made [0, 1]."""
    from wellposed_ct import Ellipses, ParallelGeometry

    most = 70
    value = random.uniform(-0.4, 1.0, most)
    a, b = 0.2 * random.exponential(1.0, most), 0.2 * random.exponential(1.0, most)
    x, y = random.uniform(-0.9, 0.9, most), random.uniform(-0.9, 0.9, most)
    turn = random.uniform(0.0, 2 * np.pi, most)
    kept = min(random.poisson(40), most)
    ellipses = Ellipses(np.stack([value, a, b, x, y, turn], 1)[:kept]).scaled(SIZE / 2)
    image = ellipses.image(ParallelGeometry([0.0], (SIZE, SIZE)), oversampling=1)[0, 0].numpy()
    image[image != 0] -= image.min()
    return image / image.max()


def ellipses(count: int = 100) -> list[tuple[str, float, float]]:
    """Return (method, published, ours) of dival's ellipses, simulated on a finer grid."""
    from wellposed_ct import FBP, TV

    random = np.random.RandomState(1)
    truth = torch.stack([torch.from_numpy(random_image(random)) for _ in range(count)])[:, None].float()
    fine = torch.nn.functional.interpolate(truth, size=(400, 400), mode="bilinear", align_corners=False)
    y = noisy(projector(400).A(fine), 0.025, torch.Generator().manual_seed(3))
    op = projector()
    fbp = FBP("hann", cutoff=0.7051282051282051)
    weight = 0.14384498882876628 / (2 * RAY_WEIGHT)
    tv = TV(weight=weight, iterations=500, tolerance=1e-5, non_negative=True, highest=1.0, isotropic=False)
    return [
        ("dival ellipses, 2.5 % noise: FBP, Hann to 0.705", 24.18, float(psnr(fbp(y, op), truth).mean())),
        ("dival ellipses, 2.5 % noise: TV in [0, 1]", 27.96, float(psnr(tv(y, op), truth).mean())),
    ]


def table(rows: list[tuple[str, float, float]]) -> str:
    """Return Markdown."""
    lines = ["| anchor | published | ours | difference |", "|---|---|---|---|"]
    lines += [f"| {name} | {said:.2f} dB | {got:.2f} dB | {got - said:+.2f} dB |" for name, said, got in rows]
    return "\n".join(lines)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.ct.anchors", description=__doc__)
    parser.add_argument("--count", type=int, default=100, help="pictures of random ellipses (default: 100)")
    count = parser.parse_args().count
    runs: tuple[Callable[[], list[tuple[str, float, float]]], ...] = (shepp, lambda: ellipses(count))
    print(table([row for run in runs for row in run()]))


if __name__ == "__main__":
    main()
