"""Partial Fourier: the missing side of k-space follows from the other where the image's phase is known.

An image times a known phase is real, and the k-space of a real image is symmetric. The phase is smooth, and
seen in the centre of k-space, which is sampled on both sides.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import needs
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.maps.calibration import calibration_region, low_resolution_images
from wellposed_mri.reconstruction.acquired import acquired, combined
from wellposed_mri.reconstruction.asked import GRID
from wellposed_mri.reconstruction.common import PhaseEquivariant

SMALLEST = 3
"""Central lines without which there is no phase to speak of."""


@needs(GRID)
@attrs.frozen
class POCS(PhaseEquivariant):
    """Projections in turn onto the data and onto images of the known phase (Haacke et al. 1991).

    Every coil image has a phase of its own, taken from its symmetric centre of k-space; then coils are
    combined by the maps of the physics.

    Parameters
    ----------
    iterations
        Pairs of projections.

    References
    ----------
    E. M. Haacke, E. D. Lindskog and W. Lin, J. Magn. Reson. 92 (1991) 126–145,
    doi:10.1016/0022-2364(91)90253-P.
    """

    iterations: int = 20

    def __attrs_post_init__(self) -> None:
        """Check the range."""
        if self.iterations < 1:
            raise ParameterError(f"iterations = {self.iterations}, but at least 1 is needed.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, 1, *image)``."""
        return combined(self.complete(*acquired(y, physics)), physics)

    def complete(self, kspace: Tensor, sampled: Tensor) -> Tensor:
        """Return k-space ``(B, coils, …)`` with its missing side filled; acquired samples do not change.

        Raises
        ------
        ParameterError
            If the centre of k-space is not sampled on both sides, or lines between are missing.
        """
        require_partial(sampled)
        dims, known = tuple(range(2 - kspace.ndim, 0)), sampled[:, None]
        phase = centre_phase(kspace)
        filled = kspace
        for _ in range(self.iterations):
            images = centred_ifft(filled, dims)
            filled = torch.where(known, kspace, centred_fft(_of_phase(images, phase), dims))
        return filled


@needs(GRID)
@attrs.frozen
class Homodyne(PhaseEquivariant):
    """The acquired side counts twice, and the part in phase is kept (Noll, Nishimura & Macovski 1991).

    Direct, for one partial axis; weights fall linearly over the symmetric centre. Coil by coil, then combined
    by the maps of the physics.

    References
    ----------
    D. C. Noll, D. G. Nishimura and A. Macovski, IEEE Trans. Med. Imaging 10 (1991) 154–163,
    doi:10.1109/42.79473.
    """

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, 1, *image)``.

        Raises
        ------
        ParameterError
            Where not exactly one axis of k-space is cut, or lines between are missing.
        """
        kspace, sampled = acquired(y, physics)
        require_partial(sampled)
        dims = tuple(range(2 - kspace.ndim, 0))
        weights = torch.stack([homodyne_weights(s) for s in sampled])[:, None].to(kspace.real.dtype)
        images = _of_phase(centred_ifft(weights * kspace, dims), centre_phase(kspace))
        return combined(centred_fft(images, dims), physics)


def require_partial(sampled: Tensor) -> None:
    """Raise :class:`ParameterError` where a sample is missing between others of its line, ``(B, …)``."""
    for axis in range(1, sampled.ndim):
        before = torch.cat([torch.zeros_like(sampled.narrow(axis, 0, 1)), sampled], axis)
        starts = sampled & ~before.narrow(axis, 0, sampled.shape[axis])
        most = int(starts.sum(axis).max())
        if most > 1:
            raise ParameterError(
                f"the mask is no partial Fourier: along axis {axis - sampled.ndim} it samples {most} "
                "separate runs, but one that holds the centre and is cut at an end is due; use mri.grappa, "
                "mri.spirit or mri.sense for undersampling."
            )


def centre_phase(kspace: Tensor) -> Tensor:
    """Return e^{iφ} per coil ``(B, coils, …)`` of the images of the symmetric, fully sampled centre."""
    return torch.stack([_phase_of(sample) for sample in kspace])


def _phase_of(kspace: Tensor) -> Tensor:
    image = tuple(kspace.shape[1:])
    block = calibration_region(kspace.detach(), max(image), SMALLEST, len(image))
    for axis, n in enumerate(block.shape[1:], start=1):
        if n % 2 == 0:  # its first sample has no mirror image
            block = block.narrow(axis, 1, n - 1)
    smooth = low_resolution_images(block, image)
    size = smooth.abs()
    return torch.where(size > 0, smooth / torch.where(size > 0, size, 1), 1)


def _of_phase(images: Tensor, phase: Tensor) -> Tensor:
    """Return the projection of ``images`` onto real multiples of ``phase``."""
    return (images * phase.conj()).real * phase


def homodyne_weights(sampled: Tensor) -> Tensor:
    """Return weights over k-space, with W(k) + W(−k) = 2 wherever k or −k was acquired.

    1 along complete axes; along the partial one 2 beyond the symmetric centre, a ramp inside, 0 where nothing
    was acquired.
    """
    partial = [axis for axis in range(sampled.ndim) if not _complete(sampled, axis)]
    if len(partial) != 1:
        raise ParameterError(
            f"homodyne reconstruction completes one partial axis, but {len(partial)} axes of k-space are "
            "cut or undersampled; use mri.pocs, or mri.grappa first."
        )
    axis = partial[0]
    line = sampled.movedim(axis, 0).flatten(1).all(1)
    n = len(line)
    k = torch.arange(n, device=line.device) - n // 2
    side = 1 if int(line[k > 0].sum()) >= int(line[k < 0].sum()) else -1
    reached = (k * -side)[line].clamp(min=0).max()
    weights = (1 + side * k / (reached + 0.5)).clamp(0, 2)
    if n % 2 == 0:
        weights[0] = 1  # the Nyquist frequency is its own mirror image
    weights = weights * line
    return weights.reshape((n,) + (1,) * (sampled.ndim - axis - 1)).expand(sampled.shape)


def _complete(sampled: Tensor, axis: int) -> bool:
    """Whether every line along ``axis`` is acquired either whole or not at all."""
    return bool((sampled == sampled.narrow(axis, 0, 1)).all())
