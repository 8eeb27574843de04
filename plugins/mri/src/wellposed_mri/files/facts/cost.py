"""What a reconstruction takes: a few iterations on noise of the file's sizes, timed on this machine.

Arithmetic alone misses by factors what memory, threads and wavelets make of it. So every method runs on data
as large as the file's, or on a part where that would take long, and the time of an iteration is scaled up.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import attrs
import torch

PROCESS = 300
"""MiB of a process that has loaded PyTorch and this pack."""

KSPACES, IMAGES = 7, 16
"""Arrays as large as k-space and as the image that are in memory at the peak: data, maps in three forms and
work. Measured as the largest resident size of `wellposed reconstruct`, 4 to 16 slices of 8 coils at 256²."""

LARGEST = 1 << 20
"""Numbers of k-space that are timed at most."""

SENSE_ITERATIONS, L1_ITERATIONS = 20, 100
"""After which the methods usually stop: of SENSE measured at accelerations 2 to 4, of the other the limit."""

TAPS = 6
"""Width of ESPIRiT's kernels."""


@attrs.frozen
class Size:
    """How much is to be reconstructed: ``points`` of a trajectory per image, or ``None`` on a grid."""

    images: int
    coils: int
    image: tuple[int, ...]
    points: int | None = None

    @property
    def samples(self) -> int:
        """Numbers of the k-space of one image."""
        return self.coils * (math.prod(self.image) if self.points is None else self.points)

    def part(self) -> Size:
        """Return one image of fewer pixels and coils, quick to reconstruct."""
        coils = min(self.coils, 8)
        pixels = math.prod(self.image)
        share = min(1.0, LARGEST / (coils * pixels))
        image = tuple(max(8, round(n * share ** (1 / len(self.image)))) for n in self.image)
        points = None if self.points is None else max(64, round(self.points * math.prod(image) / pixels))
        return Size(1, coils, image, points)


def cost(size: Size, espirit: bool = True) -> dict[str, Any]:
    """Return k-space and memory in MiB, and seconds of coil maps, SENSE and L1-wavelet."""
    part = size.part()
    scale = size.images * size.coils * math.prod(size.image) / (part.coils * math.prod(part.image))
    facts: dict[str, Any] = {
        "k-space MiB": round(8 * size.samples * size.images / 2**20, 1),
        "memory MiB": round(PROCESS + _work(size) / 2**20),
    }
    if size.coils > 1 and espirit:
        facts["maps seconds"] = round(size.images * _espirit_seconds(size), 2)
    return facts | {name: round(scale * seconds, 2) for name, seconds in _method_seconds(part).items()}


def _work(size: Size) -> int:
    pixels = math.prod(size.image)
    data = max(size.samples, size.coils * pixels)
    return 8 * size.images * (KSPACES * data + IMAGES * pixels)


def _method_seconds(part: Size) -> dict[str, float]:
    from wellposed_mri.reconstruction import SENSE, L1Wavelet

    y, physics = _noise(part)

    def sense(steps: int) -> Any:
        return SENSE(max_iterations=steps, tolerance=1e-30)(y, physics)

    def wavelet(steps: int) -> Any:
        return L1Wavelet(1e-3, max_iterations=steps, tolerance=0.0)(y, physics)

    return {
        "SENSE seconds": _extrapolated(sense, SENSE_ITERATIONS),
        "l1_wavelet seconds": _extrapolated(wavelet, L1_ITERATIONS),
    }


def _noise(part: Size) -> tuple[torch.Tensor, Any]:
    """Return data and a physics of a part: half of the columns, or points anywhere."""
    from wellposed_mri.encoding import MultiCoilMRI, NonCartesianMRI

    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(part.coils, *part.image, dtype=torch.complex64, generator=generator)
    if part.points is None:
        mask = (torch.rand(part.image[-1], generator=generator) < 0.5).float()
        mask[part.image[-1] // 2] = 1
        grid: Any = MultiCoilMRI(maps, mask, len(part.image))
        return grid(grid.A_adjoint(maps[None])), grid
    anywhere = torch.rand(1, part.points, len(part.image), generator=generator) - 0.5
    along = NonCartesianMRI(maps, anywhere * torch.tensor(part.image))
    return along(maps[:1, None].sum(1, keepdim=True)), along


def _extrapolated(run: Callable[[int], Any], steps: int) -> float:
    """Return the seconds of ``steps`` iterations from those of two and of eight; the first run warms up.

    The quickest of three counts: other programs only ever make it slower.
    """
    run(1)
    few, more = (min(_seconds(run, count) for _ in range(3)) for count in (2, 8))
    each = max(more - few, 0.0) / 6
    return max(few - 2 * each, 0.0) + steps * each


def _seconds(run: Callable[[int], Any], argument: int) -> float:
    start = time.perf_counter()
    run(argument)
    return time.perf_counter() - start


def _espirit_seconds(size: Size) -> float:
    """Return the seconds of the maps of one image: an eigenproblem per pixel, and a large one before."""
    small, large = 1024, min(size.coils * TAPS ** len(size.image), 256)
    pixel = _seconds(_eigenproblems(small, size.coils, torch.complex64), 0) / small
    kernels = _seconds(_eigenproblems(1, large, torch.complex128), 0)
    whole = size.coils * TAPS ** len(size.image) / large
    seconds: float = math.prod(size.image) * pixel + kernels * whole * whole * whole
    return seconds


def _eigenproblems(count: int, width: int, dtype: torch.dtype) -> Callable[[int], Any]:
    generator = torch.Generator().manual_seed(0)
    matrices = torch.randn(count, width, width, dtype=dtype, generator=generator)
    hermitian = matrices + matrices.mH
    torch.linalg.eigh(hermitian[:1])
    return lambda _: torch.linalg.eigh(hermitian)
