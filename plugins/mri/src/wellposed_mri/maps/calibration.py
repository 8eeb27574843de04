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
    coils_last("k-space", kspace.shape[1:], "(B, coils, …)", batch=True)
    require_finite("k-space", kspace)
    require_signal("k-space", kspace)
    for i, sample in enumerate(kspace):
        require_signal(f"sample {i} of k-space", sample)


def calibration_region(
    kspace: Tensor, size: int, smallest: int, dims: int, preferred: tuple[int, ...] = ()
) -> Tensor:
    """Return the largest fully sampled centred block of at most ``size`` per axis, of one sample.

    Parameters
    ----------
    kspace
        ``(coils, *image)``; a position counts as sampled where any coil is not zero.
    smallest
        Fewest samples per axis that are of use (axes shorter than that are taken whole).
    preferred
        Blocks of at least so many samples per axis come before larger ones that are narrower.

    Raises
    ------
    ParameterError
        If the centre of k-space is not sampled densely enough.
    """
    sampled = (kspace != 0).any(0)
    require_signal("a sample of k-space", sampled)
    image = tuple(sampled.shape[-dims:])
    least = tuple(min(smallest, n) for n in image)
    wished = tuple(map(max, least, map(min, preferred or least, image)))
    longest = _longest(sampled, size)
    widths = _largest(longest, wished) or _largest(longest, least)
    if widths is None:
        found = _largest(longest, (1,) * len(image)) or (0,) * len(image)
        last = " If the coils are the last axis, pass kspace.movedim(-1, 1)."
        raise ParameterError(
            f"no calibration region: around the centre of k-space {'×'.join(map(str, found))} samples "
            f"are complete, and at least {'×'.join(map(str, least))} are needed. Take maps from a separate "
            "calibration scan, or sample the centre (center_fraction of the masks)."
            + (last if kspace.shape[0] > image[-1] else "")
        )
    return _centre(kspace, widths)


def _longest(sampled: Tensor, size: int) -> Tensor:
    """Return how far complete centred blocks extend along the last axis, for all widths along the others.

    Centred windows are nested: that of width w adds one index to that of w − 1. In the order in which
    indices are added, a block is a corner, and the running minimum of the runs from there is its extent.
    """
    for axis, n in enumerate(sampled.shape):
        added = torch.arange(1, min(size, n) + 1, device=sampled.device)
        sampled = sampled.index_select(axis, n // 2 + torch.where(added % 2 == 1, added // 2, -(added // 2)))
    longest = sampled.to(torch.int64).cumprod(-1).sum(-1)
    for axis in range(longest.ndim):
        longest = longest.cummin(axis).values
    return longest


def _largest(longest: Tensor, least: tuple[int, ...]) -> tuple[int, ...] | None:
    """Return the widths of the largest block nowhere narrower than ``least``, the squarest of equals."""
    volume, narrowest = longest, longest
    useful = longest >= least[-1]
    for axis, (n, fewest) in enumerate(zip(longest.shape, least[:-1], strict=True)):
        width = torch.arange(1, n + 1, device=longest.device)
        width = width.reshape([-1 if other == axis else 1 for other in range(longest.ndim)])
        volume, narrowest = volume * width, torch.minimum(narrowest, width)
        useful = useful & (width >= fewest)
    worth = torch.where(useful, volume * (int(narrowest.max()) + 1) + narrowest, 0)
    best = int(worth.argmax())
    if not worth.flatten()[best]:
        return None
    others = torch.unravel_index(torch.tensor(best), longest.shape)
    return (*(int(i) + 1 for i in others), int(longest.flatten()[best]))


def _centre(t: Tensor, widths: tuple[int, ...]) -> Tensor:
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
    _centre(padded, tuple(block.shape[1:])).copy_(block)
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
