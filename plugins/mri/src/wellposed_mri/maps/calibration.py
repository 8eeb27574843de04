"""The fully sampled centre of k-space, from which coil maps are made."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.spaces import require_tensor
from wellposed_mri.encoding.checks import coils_last, require_finite, require_signal


def require_kspace(kspace: Tensor, dims: int) -> None:
    """Raise unless ``kspace`` is complex, finite, not all zero, and ``(B, coils, *image)``."""
    require_tensor("kspace", kspace)
    if not kspace.is_complex():
        raise DtypeError(
            f"k-space is {str(kspace.dtype).removeprefix('torch.')}, but it is complex; if real and "
            "imaginary parts are its last axis, use torch.view_as_complex."
        )
    if kspace.ndim != dims + 2:
        axes = ", ".join(("D", "H", "W")[3 - dims :])
        raise SpaceError(
            f"k-space has shape {tuple(kspace.shape)}, but (B, coils, {axes}) is expected; "
            "add the batch axis of a single scan: kspace[None]."
        )
    coils_last("k-space", kspace.shape[1:], "(coils, …)")
    require_finite("k-space", kspace)
    require_signal("k-space", kspace)


def calibration_region(kspace: Tensor, size: int, smallest: int, dims: int) -> Tensor:
    """Return the largest fully sampled centred block of at most ``size`` per axis, of one sample.

    Parameters
    ----------
    kspace
        ``(coils, *image)``; a position counts as sampled where any coil is not zero.
    smallest
        Fewest samples per axis that are of use (axes shorter than that are taken whole).

    Raises
    ------
    ParameterError
        If the centre of k-space is not sampled densely enough.
    """
    sampled = (kspace != 0).any(0)
    image = tuple(sampled.shape)
    widths = [min(size, _run(_line(sampled, axis), n)) for axis, n in enumerate(image)]
    least = [min(smallest, n) for n in image]
    while not bool(_centre(sampled, widths).all()) and any(w > m for w, m in zip(widths, least, strict=True)):
        widths = [max(m, w - 1) for w, m in zip(widths, least, strict=True)]
    short = any(w < m for w, m in zip(widths, least, strict=True))
    if short or not bool(_centre(sampled, widths).all()):
        raise ParameterError(
            f"no calibration region: around the centre of k-space {'×'.join(map(str, widths))} samples "
            f"are complete, and at least {'×'.join(map(str, least))} are needed. Take maps from a separate "
            "calibration scan, or sample the centre (center_fraction of the masks)."
        )
    return _centre(kspace, widths)


def _line(sampled: Tensor, axis: int) -> Tensor:
    for other in reversed(range(sampled.ndim)):
        if other != axis:
            sampled = sampled.select(other, sampled.shape[other] // 2)
    return sampled


def _run(line: Tensor, n: int) -> int:
    """Return the width of the widest complete window ``[n//2 − w//2, n//2 − w//2 + w)``."""
    width = 0
    while width < n and bool(line[n // 2 - (width + 1) // 2 :][: width + 1].all()):
        width += 1
    return width


def _centre(t: Tensor, widths: list[int]) -> Tensor:
    for axis, w in zip(range(-len(widths), 0), widths, strict=True):
        t = t.narrow(axis, t.shape[axis] // 2 - w // 2, w)
    return t


def low_resolution_images(block: Tensor, image: tuple[int, ...]) -> Tensor:
    """Return coil images ``(coils, *image)`` of a calibration block, smoothed by a Hann window."""
    from wellposed_mri.fourier import centred_ifft

    dims = tuple(range(-len(image), 0))
    window = torch.ones((), dtype=block.real.dtype, device=block.device)
    for axis, w in zip(dims, block.shape[1:], strict=True):
        taper = torch.hann_window(w + 2, periodic=False, dtype=block.real.dtype, device=block.device)[1:-1]
        window = window * taper.reshape((w,) + (1,) * (-axis - 1))
    return centred_ifft(embedded(block * window, image), dims)


def embedded(block: Tensor, image: tuple[int, ...]) -> Tensor:
    """Return k-space ``(coils, *image)`` that is zero around a centred block."""
    padded = block.new_zeros((block.shape[0], *image))
    _centre(padded, list(block.shape[1:])).copy_(block)
    return padded


def calibration_scan(kspace: Tensor, image: tuple[int, ...]) -> Tensor:
    """Return k-space of a separate, small calibration scan on the grid of images, ``(B, coils, *image)``.

    Maps made from it fit images of that size: ``ESPIRiT()(calibration_scan(small, (256, 256)))``.

    Parameters
    ----------
    kspace
        ``(B, coils, *small)`` of the same field of view, completely sampled.
    image
        Size of the images, nowhere smaller than the scan.

    Raises
    ------
    SpaceError
        If the sizes do not fit.
    """
    small = tuple(kspace.shape[2:])
    if len(small) != len(image) or any(a > b for a, b in zip(small, image, strict=True)):
        raise SpaceError(
            f"a calibration scan of {'×'.join(map(str, small))} samples does not fit into images of "
            f"{'×'.join(map(str, image))}; give its central part."
        )
    return torch.stack([embedded(sample, image) for sample in kspace])
