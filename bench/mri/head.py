"""What the methods make of real scans of heads, with eight coils and with one, retrospectively undersampled.

``python -m bench.mri.head FOLDER`` (or ``WELLPOSED_DATA``) prints the tables of the documentation. Maps and
noise are always taken from the undersampled data. All methods run with their defaults.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wellposed_mri import (
    GRAPPA,
    SAKE,
    SENSE,
    TV,
    CartesianMRI,
    ESPIRiT,
    HDF5Reader,
    L1Wavelet,
    MultiCoilMRI,
    NonCartesianMRI,
    PlugAndPlay,
    PoissonDisc,
    SPIRiT,
    Uniform,
    ZeroFilled,
    centred_fft,
)

CENTRE = 24
"""Width of the calibration region."""

Row = tuple[str, ...]


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(prog="python -m bench.mri.head", description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("WELLPOSED_DATA"))
    parser.add_argument("--seconds", action="store_true", help="add a column of running times")
    given = parser.parse_args()
    folder, last = given.folder, None if given.seconds else -1
    if folder is None:
        parser.error("give the folder of the data, or set WELLPOSED_DATA")
    data = Path(folder) / "mri"
    head = ("sampling", "R", "method", "PSNR dB", "over zero-filled", "seconds")[:last]
    _print("Eight coils", head, (row[:last] for row in eight_coils(data)))
    _print("One coil", head, (row[:last] for row in one_coil(data)))
    _print("Trajectories", ("trajectory", "samples", "error of A", "error of A*"), trajectories(data))
    _print("ISMRMRD", ("k-space", "physics", "relative residual of SENSE"), raw_file(data))


def eight_coils(data: Path) -> Iterator[Row]:
    """Yield rows of the 8-coil head: Poisson discs and regular columns, accelerations 4 and 8."""
    images = torch.from_numpy(np.load(data / "head8_complex_images.npz")["images"]).movedim(-1, 0)
    kspace = centred_fft(images.contiguous())[None]
    everywhere: dict[str, Any] = {"SENSE": SENSE(), "SENSE, λ by SURE": SENSE("sure"), "SPIRiT": SPIRiT()}
    sparse = {**everywhere, "L1-wavelet": L1Wavelet(), "TV": TV(), "plug and play, BM3D": PlugAndPlay()}
    for name, mask in _masks((256, 256)):
        methods = {**sparse, "SAKE": SAKE()} if "Poisson" in name else {**everywhere, "GRAPPA": GRAPPA()}
        y = mask * kspace
        maps = ESPIRiT()(y)
        reference = MultiCoilMRI(maps).A_adjoint(kspace)
        yield from _compare(name, mask, y, MultiCoilMRI(maps, mask), reference, methods)


def one_coil(data: Path) -> Iterator[Row]:
    """Yield rows of the single-coil head."""
    kspace = torch.from_numpy(np.load(data / "t1_sag_head_ksp.npy"))[None, None]
    reference = CartesianMRI(torch.ones(256, 256)).A_adjoint(kspace)
    methods = {"L1-wavelet": L1Wavelet(), "TV": TV(), "plug and play, BM3D": PlugAndPlay()}
    for name, mask in _masks((256, 256), (2, 4, 8)):
        if "Poisson" in name:
            yield from _compare(name, mask, mask * kspace, CartesianMRI(mask), reference, methods)


def trajectories(data: Path) -> Iterator[Row]:
    """Yield rows of the given trajectories: non-uniform transforms against direct sums, 2000 samples each."""
    file = np.load(data / "traj_fmrilab_radial_spiral.npz")
    for name in ("kRadial2D_k", "kSpiral2D_k"):
        points = torch.from_numpy(file[name]).reshape(-1, 2)
        chosen = points[:: max(1, len(points) // 2000)] * 64
        yield (name, str(len(points)), *(f"{e:.1e}" for e in _transform_errors(chosen)))


def _transform_errors(trajectory: Tensor, size: int = 64) -> tuple[float, float]:
    op = NonCartesianMRI(torch.ones(1, size, size, dtype=torch.complex64), trajectory)
    pixels = torch.arange(size, dtype=torch.float64) - size // 2
    rows, columns = (
        torch.exp(-2j * math.pi * trajectory[:, i, None].double() * pixels / size) for i in (0, 1)
    )
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(size, size, dtype=torch.complex64, generator=generator)
    y = torch.randn(len(trajectory), dtype=torch.complex64, generator=generator)
    forward = torch.einsum("mi,ij,mj->m", rows, x.to(rows.dtype), columns) / size
    back = torch.einsum("mi,m,mj->ij", rows.conj(), y.to(rows.dtype), columns.conj()) / size
    found = op.A(x[None, None])[0, 0], op.A_adjoint(y[None, None])[0, 0]
    return _distance(found[0], forward), _distance(found[1], back)


def raw_file(data: Path) -> Iterator[Row]:
    """Yield the row of the ISMRMRD file."""
    scan = HDF5Reader().read(data / "acqDataBrainSim100.h5")
    y, physics = scan.y, scan.physics
    assert isinstance(y, Tensor)
    image = SENSE(1e-4)(y, physics)
    residual = f"{_distance(physics.A(image), y):.1e}"
    yield "×".join(map(str, y.shape)), type(physics).__name__, residual


def _masks(shape: tuple[int, int], accelerations: tuple[int, ...] = (4, 8)) -> Iterator[tuple[str, Tensor]]:
    for r in accelerations:
        generator = torch.Generator().manual_seed(0)
        disc = PoissonDisc(shape, acceleration=r, calibration=CENTRE)
        yield f"Poisson disc {r}", disc.step(1, generator)["mask"]
        if r == 4:
            lines = Uniform(shape, (1, r), calibration=CENTRE)
            yield f"every {r}th column, {CENTRE} central", lines.step(1, generator)["mask"]


def _compare(
    name: str, mask: Tensor, y: Tensor, physics: Any, reference: Tensor, methods: dict[str, Any]
) -> Iterator[Row]:
    acceleration, base = f"{1 / float(mask.mean()):.2f}", 0.0
    for label, method in {"zero-filled": ZeroFilled(), **methods}.items():
        image, seconds = _timed(method, y, physics)
        value = psnr(image, reference)
        base = value if label == "zero-filled" else base
        yield name, acceleration, label, f"{value:.1f}", f"{value - base:+.1f}", f"{seconds:.1f}"


def _timed(method: Callable[[Tensor, Any], Tensor], y: Tensor, physics: Any) -> tuple[Tensor, float]:
    start = time.perf_counter()
    return method(y, physics), time.perf_counter() - start


def psnr(image: Tensor, reference: Tensor) -> float:
    """Return the peak signal-to-noise ratio of magnitudes in dB, the peak being the reference's."""
    truth = reference.abs()
    return float(20 * torch.log10(truth.max() / (image.abs() - truth).square().mean().sqrt()))


def _distance(a: Tensor, b: Tensor) -> float:
    return float(torch.linalg.vector_norm(a.to(b.dtype) - b) / torch.linalg.vector_norm(b))


def _print(title: str, head: Row, rows: Iterator[Row]) -> None:
    print(f"\n## {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
