"""A slice of an anatomical phantom at low dose: weighted total variation against filtered back-projection.

``python -m bench.ct.low_dose --data FOLDER`` reads FOLDER/ct/ncat_slice140_x100.npy.
Window, cutoff and strength are chosen on other pictures, ellipses and a head, at the same dose.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bench.ct.anchors import psnr

VIEWS, PIXEL_MM, WATER = 360, 1.5, 0.02
PHOTONS, ELECTRONIC = 1e4, 5.0
STRENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0)
WINDOWS = [(w, c) for w in ("ramp", "shepp-logan", "hann") for c in (0.25, 0.35, 0.5, 0.7, 1.0)]


def scan(size: int):
    """Return the projector and its noise."""
    from wellposed import ForwardModel
    from wellposed_ct import LowDose, ParallelBeam

    angles = torch.arange(VIEWS, dtype=torch.float64) * torch.pi / VIEWS
    return ForwardModel(
        ParallelBeam(angles, (1, size, size), pixel_mm=PIXEL_MM), LowDose(PHOTONS, ELECTRONIC)
    )


def training(size: int) -> Tensor:
    """Return pictures to choose by: a head, and ellipses inside a body of water."""
    from wellposed_ct import Ellipses, random_ellipses, shepp_logan

    geometry = scan(size).operator.geometry
    reach = size * PIXEL_MM / 2
    body = Ellipses([(1.0, 0.85 * reach, 0.6 * reach, 0, 0, 0)]).image(geometry)
    generator = torch.Generator().manual_seed(1)
    pictures = [shepp_logan(0.9 * reach).image(geometry)]
    for _ in range(3):
        inside = 2 * random_ellipses(generator, 0.9 * reach).image(geometry)
        pictures.append(((1 + inside) * body).clamp(0, 2))
    return (WATER * torch.cat(pictures)).float()


def main() -> None:
    """Print what was chosen and the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.ct.low_dose", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("WELLPOSED_DATA"))
    folder = parser.parse_args().data
    if folder is None:
        parser.error("give --data FOLDER or set WELLPOSED_DATA")
    truth = torch.from_numpy(np.load(Path(folder) / "ct" / "ncat_slice140_x100.npy")).float()[None, None]
    truth = truth / 100 * WATER
    from wellposed_ct import FBP, PWLS

    size = truth.shape[-1]
    physics, known = scan(size), training(size)
    seen = physics(known, generator=torch.Generator().manual_seed(0))

    def best(methods):
        return max(methods, key=lambda m: float(psnr(m(seen, physics), known).mean()))

    chosen = [
        best([FBP(w, c) for w, c in WINDOWS]),
        best([PWLS("quadratic", s, iterations=20, subsets=10) for s in (0.02, 0.05, 0.1, *STRENGTHS)]),
        best([PWLS("huber", s, iterations=20, subsets=10) for s in STRENGTHS]),
        best([PWLS("tv", s, weights="none") for s in (*STRENGTHS, 8.0, 16.0)]),
        best([PWLS("tv", s) for s in STRENGTHS]),
    ]
    y = physics(truth, generator=torch.Generator().manual_seed(7))
    base = None
    print("| method, chosen on other pictures | PSNR | over FBP |\n|---|---|---|")
    for method in [FBP(), *chosen]:
        value = float(psnr(method(y, physics), truth))
        base = value if method is chosen[0] else base
        gain = "" if base is None else f"{value - base:+.1f} dB"
        print(f"| {method!r} | {value:.2f} dB | {gain} |", flush=True)


if __name__ == "__main__":
    main()
