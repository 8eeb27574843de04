"""What low-rank methods make of an undersampled film: a simulated heart that beats while contrast arrives.

``python -m bench.mri.films`` prints the table of the documentation. Maps are made from the mean over time of
the undersampled data; noise is measured there too, and all methods run with their defaults.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from wellposed_mri import (
    LLR,
    SENSE,
    DynamicMRI,
    ESPIRiT,
    KTGolden,
    KTLowRank,
    LPlusS,
    ZeroFilled,
    birdcage_maps,
    centred_fft,
)

SIZE, FRAMES, COILS = 128, 24, 8
NOISE = 0.01
"""Standard deviation of the complex noise in k-space, the film's maximum being near one."""


def film(size: int = SIZE, frames: int = FRAMES) -> Tensor:
    """Return a complex film ``(frames, size, size)``: a chest, a ventricle that beats twice, contrast."""
    axis = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(axis, axis, indexing="ij")

    def ellipse(cy: float, cx: float, ry: float, rx: float) -> Tensor:
        radius = (((y - cy) / ry).square() + ((x - cx) / rx).square()).sqrt()
        return torch.sigmoid((1 - radius) * min(ry, rx) * size / 2)

    texture = 0.05 * torch.sin(17 * x + 5 * y) * torch.cos(11 * y - 3 * x)
    body = (0.35 + texture) * ellipse(0, 0, 0.75, 0.9)
    body = body - 0.25 * ellipse(0, 0.5, 0.45, 0.25) - 0.25 * ellipse(0, -0.55, 0.45, 0.22)
    phase = torch.polar(torch.ones_like(x), 0.8 * x + 0.5 * y.square())
    shown = []
    for t in range(frames):
        beat = 0.2 + 0.05 * math.cos(4 * math.pi * t / frames)
        arrived = 1 / (1 + math.exp(-(t - frames / 3) / 2))
        wall, blood = ellipse(0.1, -0.05, beat + 0.07, beat + 0.05), ellipse(0.1, -0.05, beat, 0.85 * beat)
        vessel = ellipse(-0.45, 0.1, 0.06, 0.06)
        shown.append(body + 0.2 * wall + (0.1 + 0.35 * arrived) * blood + 0.6 * arrived * vessel)
    return torch.stack(shown) * phase


def rows(
    size: int = SIZE, frames: int = FRAMES, accelerations: tuple[int, ...] = (4, 8)
) -> Iterator[tuple[str, ...]]:
    """Yield acceleration, method and peak signal-to-noise ratio."""
    truth, maps = film(size, frames)[None, None], birdcage_maps(COILS, (size, size))
    full = centred_fft(maps[:, None] * truth)
    methods = {
        "zero-filled": ZeroFilled(),
        "SENSE, frame by frame": SENSE(),
        "k-t low rank": KTLowRank(),
        "locally low rank": LLR(),
        "L + S": LPlusS(),
    }
    for acceleration in accelerations:
        generator = torch.Generator().manual_seed(0)
        mask = KTGolden(size, frames, size // acceleration).step(1, generator)["mask"]
        noise = torch.randn(full.shape, dtype=full.dtype, generator=generator)
        y = mask * (full + NOISE * noise)
        found = ESPIRiT()(y.sum(2) / mask.sum(2).clamp(min=1))
        physics = DynamicMRI(found, mask)
        reference = DynamicMRI(found, torch.ones_like(mask)).A_adjoint(full)
        for name, method in methods.items():
            yield f"{1 / float(mask.mean()):.2f}", name, f"{psnr(method(y, physics), reference):.1f}"


def psnr(film: Tensor, reference: Tensor) -> float:
    """Return the peak signal-to-noise ratio of the complex film in dB."""
    return float(20 * torch.log10(reference.abs().max() / (film - reference).abs().square().mean().sqrt()))


def main() -> None:
    """Print the table."""
    print("| R | method | PSNR dB |\n|--:|---|--:|")
    for row in rows():
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
