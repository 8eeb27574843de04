"""What the conformance kit verifies of methods that make coil maps, on a small scan whose maps are known."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.testing import Case, Check, Failure, KindChecks
from wellposed_mri.fourier import centred_fft
from wellposed_mri.phantoms import birdcage_maps

__all__ = ["CHECKS"]

SIZE = (24, 22)
EXPLAINED = 0.95
"""Share of the coil images' energy inside the object that maps of a small calibration region explain."""


def _radius() -> Tensor:
    rows, columns = (torch.linspace(-1, 1, n, dtype=torch.float64) for n in SIZE)
    return (rows[:, None].square() + columns.square()).sqrt()


def _coil_images() -> Tensor:
    """Return images of four coils of two discs, which end where a pixel ends slowly."""
    radius = _radius()
    maps = birdcage_maps(4, SIZE).to(torch.complex128)
    discs = [torch.sigmoid((r - radius) * 25) * (1 + 0.2 * torch.cos(3 * radius)) for r in (0.6, 0.5)]
    return torch.stack([maps * disc for disc in discs])


def _kspace() -> Tensor:
    return centred_fft(_coil_images())


def _sets(maps: Tensor) -> Tensor:
    """Return maps ``(B, sets, coils, *image)``."""
    return maps if maps.ndim == 5 else maps.unsqueeze(1)


def shape(case: Case) -> None:
    """Return finite maps of the scan's coils, size and dtype, and leave the scan as it was."""
    for kspace in (_kspace(), _kspace().to(torch.complex64)):
        before = kspace.clone()
        maps = case.component(kspace)
        if not torch.equal(kspace, before):
            raise Failure("the method changes k-space in place; clone it first")
        fits = maps.ndim in (4, 5) and (maps.shape[0], *maps.shape[-3:]) == tuple(kspace.shape)
        if not fits or maps.dtype != kspace.dtype:
            raise Failure(
                f"returns {maps.dtype} {tuple(maps.shape)} for k-space of {kspace.dtype} "
                f"{tuple(kspace.shape)}; (B, coils, H, W) or (B, sets, coils, H, W) is expected"
            )
        if not bool(torch.isfinite(maps).all()):
            raise Failure("returns values that are not finite for finite k-space")


def deterministic(case: Case) -> None:
    """Return the same maps every time."""
    kspace = _kspace()
    if not torch.equal(case.component(kspace), case.component(kspace)):
        raise Failure("the same k-space gives other maps the second time; pass a torch.Generator instead")


def samples(case: Case) -> None:
    """Make the maps of every sample of a batch as if it were alone."""
    kspace = _kspace()
    together = case.component(kspace)
    alone = torch.cat([case.fresh()(sample[None]) for sample in kspace])
    _same(together, alone, "samples of a batch influence each other")


def unit(case: Case) -> None:
    """Return maps of unit norm over the coils, or zero, at every pixel."""
    energy = _sets(case.component(_kspace())).abs().square().sum(2)
    off = torch.minimum((energy - 1).abs(), energy)
    if float(off.max()) > 1e-6:
        raise Failure(
            f"Σ|maps|² over coils is neither 1 nor 0 everywhere: it is off by {float(off.max()):.2g}"
        )


def scale(case: Case) -> None:
    """Return the same maps for brighter data, and for another global phase up to a global phase."""
    kspace = _kspace()
    maps = case.component(kspace)
    _same(case.component(37.0 * kspace), maps, "maps depend on the scale of the data")
    turned = case.component(kspace * torch.polar(torch.ones(1), torch.ones(1)).to(kspace.dtype))
    inner = (turned.conj() * maps).flatten(1).sum(1)
    phase = (inner / inner.abs().clamp(min=1e-30)).reshape(-1, *(1,) * (maps.ndim - 1))
    _same(turned * phase, maps, "a global phase of the data changes more than a global phase of the maps")


def explain(case: Case) -> None:
    """Return maps of which the coil images inside the object are multiples."""
    images = _coil_images()
    inside = _radius() < 0.4
    maps = _sets(case.component(_kspace()))[:, 0]
    seen = (maps.conj() * images).sum(1)[:, inside].abs().square().sum()
    share = float(seen / images[..., inside].abs().square().sum())
    if share < EXPLAINED:
        raise Failure(f"maps explain {share:.0%} of the coil images inside the object; are they conjugated?")


def outside(case: Case) -> None:
    """Return zeros far outside the object, where nothing but ringing is seen."""
    corners = _sets(case.component(_kspace()))[:, 0][..., _radius() > 1.3]
    if float((corners != 0).any(1).double().mean()) > 0.5:
        raise Failure("maps are not zero outside the object, where noise would be amplified")


def _same(a: Tensor, b: Tensor, fault: str) -> None:
    worst = float((a - b).abs().max())
    if worst > 1e-6:
        raise Failure(f"{fault}: they differ by {worst:.2g}")


CHECKS = KindChecks(
    (
        Check("shape", shape),
        Check("deterministic", deterministic, after=("shape",)),
        Check("samples", samples, after=("shape", "deterministic")),
        Check("unit", unit, after=("shape",)),
        Check("scale", scale, after=("shape", "deterministic")),
        Check("explain", explain, after=("shape", "unit")),
        Check("outside", outside, after=("shape",)),
    )
)
