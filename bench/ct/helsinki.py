"""Real fan-beam scans of the Helsinki Tomography Challenge 2022 (CC BY 4.0, Zenodo 6984868), and copies.

``python -m bench.ct.helsinki --data FOLDER`` reads FOLDER/ct/htc2022_*.npz: 30° to 60° of three discs of
acrylic, and a full-angle reconstruction of the solid one. Three questions:

1. Is our fan the scanner's? The reference, projected by us, against the views that were measured.
2. Does full-angle filtered back-projection return the reference from its projections?
3. What do limited angles leave? The files hold no truth for the discs with holes. So the challenge's score
   (Matthews' correlation) is computed where truth is known: on the real solid disc, and on simulated discs
   with holes in the same geometry, with the noise of the real data. Strengths are chosen on two simulated
   discs and reported on two others. On the real scans every fifth view is kept back and predicted.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

FINE, COARSE = 512, 256
"""Pixels a side: of the reference, and of the limited-angle trials."""
STRENGTHS = (0.5, 2.0)
RADIUS = 35.0
"""Of the challenge's discs, mm."""


def load(folder: Path, name: str, size: int):
    """Return sinograms and the fan they were measured in."""
    from wellposed_ct import FanGeometry

    with np.load(folder / "ct" / f"htc2022_{name}.npz") as found:
        y = torch.from_numpy(found["sinogram"])[None, None].float()
        angles = np.deg2rad(found["angles_deg"])
        near, far = float(found["dist_source_origin_mm"]), float(found["dist_source_detector_mm"])
        bin_mm = float(found["pixel_mm"])
    pixel = bin_mm * near / far * FINE / size
    return y, FanGeometry(angles, (size, size), near, far, y.shape[-1], bin_mm, pixel_mm=pixel)


def correlation(a: Tensor, b: Tensor) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / (a.norm() * b.norm()))


def matthews(x: Tensor, truth: Tensor) -> float:
    """Return the correlation of two binary pictures, the challenge's score."""
    return correlation(x.double(), truth.double())


def disc_mask(geometry, centre: tuple[float, float], radius: float) -> Tensor:
    from wellposed_ct import disc

    return (disc(radius, 1.0, centre).image(geometry) > 0.5)[0, 0]


def with_holes(geometry, seed: int, mu: float, radius: float) -> Tensor:
    """Return a disc with a few elliptic holes, as in the challenge, 1/mm."""
    from wellposed_ct import Ellipses

    random = np.random.default_rng(seed)
    body = disc_mask(geometry, (0, 0), radius)[None, None]
    rows = []
    for _ in range(random.integers(2, 6)):
        r, turn = random.uniform(0.1, 0.65) * radius, random.uniform(0, 2 * np.pi)
        a, b = random.uniform(0.08, 0.25, 2) * radius
        rows.append([1.0, a, b, r * np.cos(turn), r * np.sin(turn), random.uniform(0, np.pi)])
    return (mu * (body & (Ellipses(rows).image(geometry) < 0.5))).float()


def find_disc(y: Tensor, geometry, level: float = 0.25) -> tuple[tuple[float, float], float]:
    """Return centre and radius (mm) of the disc, from where its shadow falls below ``level`` of its top."""
    from scipy.optimize import least_squares

    shadow = (y[0, 0] > level * float(y.amax())).numpy()
    phi, s = geometry.lines()
    first, last = shadow.argmax(1), shadow.shape[1] - 1 - shadow[:, ::-1].argmax(1)
    views = np.arange(len(first))
    (f0, s0), (f1, s1) = ((phi[views, k], s[views, k]) for k in (first, last))
    side = np.sign(s1 - s0)

    def residual(p):
        low = s0 - (p[0] * np.cos(f0) + p[1] * np.sin(f0) - side * p[2])
        high = s1 - (p[0] * np.cos(f1) + p[1] * np.sin(f1) + side * p[2])
        return np.concatenate([low, high])

    x, y0, half = least_squares(residual, [0.0, 0.0, RADIUS], loss="soft_l1", f_scale=0.1).x
    # a chord of a quarter of the diameter lies at √(1 − 1/16) of the radius
    return (float(x), float(y0)), float(abs(half)) / (1 - level**2) ** 0.5


def methods(strength: float, mu: float, mask: Tensor):
    """Return what is compared, with one strength for both."""
    from wellposed_ct import TV

    options = {"strength": strength, "iterations": 150, "tolerance": 1e-5, "non_negative": True}
    return {"TV, x ≥ 0": TV(**options), "TV, known disc": TV(highest=mu * mask.float(), **options)}


def score(x: Tensor, truth: Tensor, mu: float) -> float:
    return matthews(x[0, 0] > mu / 2, truth)


def main() -> None:
    """Print what was found."""
    parser = argparse.ArgumentParser(prog="python -m bench.ct.helsinki", description=__doc__)
    parser.add_argument("--data", type=Path, default=os.environ.get("WELLPOSED_DATA"))
    folder = parser.parse_args().data
    if folder is None:
        parser.error("give --data FOLDER or set WELLPOSED_DATA")
    mu, sigma = full_angle(Path(folder))
    for name in ("solid_disc", "tc", "td"):
        limited_angle(Path(folder), name, mu, sigma)


def full_angle(folder: Path) -> tuple[float, float]:
    """Answer the first two questions; return the disc's attenuation (1/mm) and the noise (nepers)."""
    from wellposed_ct import FBP, FanBeam

    y, geometry = load(folder, "solid_disc", FINE)
    with np.load(folder / "ct" / "htc2022_solid_disc_fbp_ref.npz") as found:
        reference = torch.from_numpy(found["recon"])[None, None].float()
    ours = FanBeam.from_geometry(geometry).A(reference)
    scale = float((ours * y).sum() / (ours * ours).sum())
    print(f"1. reference projected against measured views: correlation {correlation(ours, y):.4f}")
    print(f"   scale {scale:.3f}; one over the pixel in mm is {1 / geometry.pixel_mm:.3f}")
    full = FanBeam.from_geometry(geometry.replace(angles=np.arange(720) * np.pi / 360))
    again = FBP()(full.A(reference), full)
    print(f"2. full-angle FBP of the projected reference: correlation {correlation(again, reference):.4f}")
    centre, radius = find_disc(y, geometry)
    chords = FanBeam.from_geometry(geometry).A(disc_mask(geometry, centre, radius).float()[None, None])
    mu = float((chords * y).sum() / (chords * chords).sum())
    sigma = float(torch.cat([y[..., :20], y[..., -20:]], -1).std())
    print(f"   attenuation of the disc {mu:.4f}/mm, noise {sigma:.4f} nepers", flush=True)
    return mu, sigma


@attrs.frozen(eq=False)
class Simulated:
    """Discs with holes in the geometry and the noise of a real scan."""

    model: Any
    truths: list[Tensor]
    seen: list[Tensor]
    body: Tensor
    mu: float

    @classmethod
    def of(cls, model, geometry, mu: float) -> Simulated:
        """Return four of them."""
        truths = [with_holes(geometry, seed, mu, RADIUS) for seed in range(4)]
        seen = [model(x, generator=torch.Generator().manual_seed(9 + i)) for i, x in enumerate(truths)]
        return cls(model, truths, seen, disc_mask(geometry, (0, 0), RADIUS), mu)

    def score(self, method, pictures: tuple[int, ...]) -> float:
        """Return the mean score of a method."""
        found = [score(method(self.seen[i], self.model), self.truths[i][0, 0] > 0, self.mu) for i in pictures]
        return float(np.mean(found))


def limited_angle(folder: Path, name: str, mu: float, sigma: float) -> None:
    """Answer the third question for one scan."""
    from wellposed import ForwardModel
    from wellposed.noise import Gaussian
    from wellposed_ct import FBP, FanBeam

    y, geometry = load(folder, name, COARSE)
    model = ForwardModel(FanBeam.from_geometry(geometry), Gaussian(sigma))
    copies = Simulated.of(model, geometry, mu)
    plain = copies.score(FBP("hann"), (2, 3))
    print(f"3. {name}: {len(geometry.angles)} views; FBP scores {plain:.3f} on simulated discs", flush=True)
    centre, radius = find_disc(y, geometry)
    print(
        f"   the real disc is at ({centre[0]:.2f}, {centre[1]:.2f}) mm with radius {radius:.2f} mm",
        flush=True,
    )
    real = disc_mask(geometry, centre, radius)
    kept = torch.ones(y.shape[2], dtype=torch.bool)
    kept[2::5] = False
    part = ForwardModel(
        FanBeam.from_geometry(geometry.subset(kept.nonzero()[:, 0].tolist())), Gaussian(sigma)
    )
    for label in methods(1.0, mu, real):
        trials = {s: copies.score(methods(s, mu, copies.body)[label], (0, 1)) for s in STRENGTHS}
        strength = max(trials, key=lambda s: trials[s])
        simulated = copies.score(methods(strength, mu, copies.body)[label], (2, 3))
        x = methods(strength, mu, real)[label](y[:, :, kept], part)
        unseen = y[:, :, ~kept]
        missed = float((model.A(x)[:, :, ~kept] - unseen).norm() / unseen.norm())
        line = f"   {label}, strength {strength:g}: simulated {simulated:.3f}; "
        line += f"real, unseen views missed by {missed:.1%}"
        print(line + (f", scored {score(x, real, mu):.3f}" if name == "solid_disc" else ""), flush=True)


if __name__ == "__main__":
    main()
