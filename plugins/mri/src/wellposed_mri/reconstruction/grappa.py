"""GRAPPA: every missing sample of k-space as a fixed combination of its acquired neighbours.

Which neighbours there are differs from place to place. All weights come from one matrix, the correlation of
the calibration region's patches: a pattern of neighbours picks its rows and columns, so that any regular
undersampling, in one direction or two, shifted or not, in planes or volumes, is one and the same case.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.needs import needs
from wellposed_mri.encoding.checks import require_finite
from wellposed_mri.encoding.traits import grid_radius
from wellposed_mri.maps.calibration import calibration_region
from wellposed_mri.reconstruction.acquired import acquired, combined
from wellposed_mri.reconstruction.asked import GRID
from wellposed_mri.reconstruction.common import PhaseEquivariant
from wellposed_mri.reconstruction.outer_noise import outer_deviation
from wellposed_mri.reconstruction.patches import correlation, neighbourhoods, reach, solved

Reach = tuple[int, ...]

WIDE = 7
"""A kernel that one would like to have room for: two acquired lines on either side at acceleration 2."""


@needs(GRID)
@attrs.frozen
class GRAPPA(PhaseEquivariant):
    """Fill missing k-space from acquired neighbours of all coils (Griswold et al. 2002), and combine coils.

    The direction, spacing and shifts (CAIPIRINHA) of the undersampling are read from the mask; planes and
    volumes are treated alike. Coils are combined by the maps of the physics; :meth:`complete` returns
    k-space.

    Parameters
    ----------
    kernel
        Widths of the neighbourhood along the image axes, odd, in samples of the full grid. ``None``: five
        along fully sampled axes, and two acquired lines on either side of a missing one elsewhere, or one
        where the calibration region is too small for two.
    regularisation
        Tikhonov weight of the least squares, relative to the mean power of a neighbour. Larger values lower
        noise and raise residual aliasing. ``None`` takes the noise-to-signal ratio, powers per sample of the
        whole of k-space: the calibration region is brighter than what its weights are used for, and hides
        how much they amplify noise. The noise is measured in the outer part of k-space.
    calibration
        Largest width of the calibration region that is used.
    reference
        k-space ``(coils, …)`` of a separate calibration scan of the same field of view; ``None`` takes
        the fully sampled centre of the data.

    Notes
    -----
    A sample with no acquired neighbour (beyond a partial-Fourier edge) stays zero. Irregular masks have as
    many neighbourhoods as missing samples, each a solve of its own: use ``mri.spirit`` for them.

    References
    ----------
    M. A. Griswold et al., Magn. Reson. Med. 47 (2002) 1202–1210, doi:10.1002/mrm.10171.
    """

    kernel: tuple[int, ...] | None = None
    regularisation: float | None = None
    calibration: int = 48
    reference: Tensor | None = attrs.field(default=None, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if (self.regularisation or 0) < 0 or self.calibration < 3:
            raise ParameterError(
                f"regularisation = {self.regularisation} must be ≥ 0, calibration = {self.calibration} ≥ 3."
            )
        if self.kernel is not None and any(k < 1 or k % 2 == 0 for k in self.kernel):
            raise ParameterError(f"kernel = {self.kernel}, but widths are odd and ≥ 1.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, 1, *image)``."""
        return combined(self.complete(*acquired(y, physics)), physics)

    def complete(self, kspace: Tensor, sampled: Tensor) -> Tensor:
        """Return k-space ``(B, coils, …)`` with its missing samples filled; acquired ones do not change.

        Parameters
        ----------
        kspace
            ``(B, coils, …)``.
        sampled
            Bool ``(B, …)``: what was acquired.

        Raises
        ------
        ParameterError
            Without a calibration region, or where it is too small for the kernel.
        """
        return torch.stack([self._one(k, s) for k, s in zip(kspace, sampled, strict=True)])

    def _one(self, kspace: Tensor, sampled: Tensor) -> Tensor:
        if bool(sampled.all()):
            return kspace
        block = self._block(kspace)
        around = self._reach(sampled, block)
        _require_room(block, around)
        gram, ridge = correlation(block, around), self._ridge(kspace, sampled, block)
        filled = kspace.flatten(1)
        for places, taps, sources in neighbourhoods(sampled, around):
            weights = _weights(gram, taps, ridge).to(kspace.dtype)
            values = kspace.flatten(1)[:, sources].permute(2, 0, 1).flatten(1)
            filled = filled.index_copy(1, places, (values @ weights).mT)
        return filled.reshape(kspace.shape)

    def _block(self, kspace: Tensor) -> Tensor:
        if self.reference is None:
            return self._region(kspace)
        if self.reference.ndim != kspace.ndim or self.reference.shape[0] != kspace.shape[0]:
            raise SpaceError(
                f"the reference has shape {tuple(self.reference.shape)}, but (coils, …) like one sample of "
                f"k-space, {tuple(kspace.shape)}, is expected."
            )
        require_finite("reference", self.reference)
        return self._region(self.reference.to(kspace.dtype))

    def _region(self, kspace: Tensor) -> Tensor:
        dims = kspace.ndim - 1
        wide = self.kernel if self.kernel is not None and len(self.kernel) == dims else (WIDE,) * dims
        return calibration_region(kspace, self.calibration, 3, dims, wide)

    def _ridge(self, kspace: Tensor, sampled: Tensor, block: Tensor) -> float:
        if self.regularisation is not None:
            return self.regularisation
        far = torch.where(sampled, grid_radius(sampled.shape).to(sampled.device), -1).expand(kspace.shape)
        noise = float(outer_deviation(kspace.detach().abs(), far)) ** 2
        centre = block if self.reference is None else block[:, :0]
        return noise / max(_power(kspace, sampled, centre), torch.finfo(torch.float32).tiny)

    def _reach(self, sampled: Tensor, block: Tensor) -> Reach:
        if self.kernel is None:
            return reach(sampled, block.shape)
        if len(self.kernel) != sampled.ndim:
            raise ParameterError(f"kernel = {self.kernel} has not one width for each of {sampled.ndim} axes.")
        return tuple(k // 2 for k in self.kernel)


def _power(kspace: Tensor, sampled: Tensor, centre: Tensor) -> float:
    """Return the mean power of all samples: acquired ones outside the ``centre`` stand for missing ones."""
    inside, coils = centre[0].numel(), kspace.shape[0]
    bright = float(centre.detach().abs().square().sum())
    around = float(kspace.detach().abs().square().sum()) - bright
    acquired_around = max(1, int(sampled.sum()) - inside)
    total = bright + max(0.0, around) * (sampled.numel() - inside) / acquired_around
    return total / (coils * sampled.numel())


def _require_room(block: Tensor, around: Reach) -> None:
    widths = [2 * r + 1 for r in around]
    if any(w > n for w, n in zip(widths, block.shape[1:], strict=True)):
        raise ParameterError(
            f"the calibration region of {'×'.join(map(str, block.shape[1:]))} samples is smaller than the "
            f"kernel of {'×'.join(map(str, widths))}. Acquire more central lines, pass a "
            "separate calibration scan (reference=…), or choose a smaller kernel."
        )


def _weights(gram: Tensor, taps: Tensor, regularisation: float) -> Tensor:
    """Return ``(taps·coils, coils)``: regularised least squares from acquired taps to the middle one."""
    coils, size = gram.shape[0], gram.shape[1]
    rows = (torch.arange(coils, device=gram.device)[:, None] * size + taps).flatten()
    middle = torch.arange(coils, device=gram.device) * size + size // 2
    flat = gram.reshape(coils * size, coils * size)
    system = flat[rows][:, rows]
    power = float(system.detach().diagonal().real.mean())
    ridge = max(regularisation, 1e-12) * power
    system = system + ridge * torch.eye(len(rows), dtype=gram.dtype, device=gram.device)
    return solved(system, flat[rows][:, middle])
