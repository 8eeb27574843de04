"""Plug and play for MRI: denoisers of real pictures serve complex images of any brightness."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import COMPLEX, LINEAR, needs
from wellposed.protocols import Denoiser
from wellposed_mri.reconstruction.common import (
    PhaseEquivariant,
    brightness,
    only_seen,
    operator_of,
    require_measurements,
    squared_norm,
)
from wellposed_mri.reconstruction.outer_noise import noise_deviation
from wellposed_optim.contract import check_denoiser
from wellposed_optim.denoisers import BM3D
from wellposed_optim.presets import PnP


@needs(LINEAR, COMPLEX)
@attrs.frozen
class PlugAndPlay(PhaseEquivariant):
    """Data and a denoiser in turns (DPIR, Zhang et al. 2021), real and imaginary part denoised apart.

    Images are scaled to a brightness of one, and turned until their sum is real, before the denoiser sees
    them: it never meets a phase that the receiver happened to have. Frames of films and slices of
    volumes are denoised one by one.

    Parameters
    ----------
    denoiser
        ``denoiser(x, sigma)`` for real images ``(B, 1, H, W)`` in [−1, 1]; own BM3D where ``None``.
    iterations
        Rounds.
    start
        First noise level that is removed, of the brightness. Aliasing counts as noise here.
    floor
        Least noise level, of the brightness: denoisers have no use for less.
    noise
        Standard deviation of the complex noise in y, E|n|² = noise²; ``None`` measures it far out in k-space.

    References
    ----------
    K. Zhang et al., IEEE Trans. Pattern Anal. Mach. Intell. 44 (2022) 6360–6376,
    doi:10.1109/TPAMI.2021.3088914.
    """

    denoiser: Denoiser | None = None
    iterations: int = 8
    start: float = 0.1
    floor: float = 3e-3
    noise: float | None = None

    def __attrs_post_init__(self) -> None:
        """Check the ranges and the denoiser."""
        if self.iterations < 1 or not self.start > 0 or not self.floor > 0 or (self.noise or 0) < 0:
            raise ParameterError(
                f"iterations = {self.iterations} must be ≥ 1, start = {self.start} and floor = {self.floor} "
                f"> 0, noise = {self.noise} ≥ 0."
            )
        if self.denoiser is not None:
            check_denoiser(self.denoiser)

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, H, W)``, film or volume."""
        require_measurements(y)
        operator = operator_of(physics)
        back = operator.A_adjoint(y) / squared_norm(operator)
        scale = brightness(back)
        unit = scale * _phase(back)
        bright = unit.reshape((-1,) + (1,) * (back.ndim - 1))
        known = (
            noise_deviation(y, physics) if self.noise is None else y.real.new_full(scale.shape, self.noise)
        )
        sigma = (known / scale / 2**0.5).clamp(min=self.floor)
        denoiser = BM3D(radius=8) if self.denoiser is None else self.denoiser
        method = PnP(_Parts(denoiser), self.iterations, self.start, noise=sigma)
        data = y / unit.reshape((-1,) + (1,) * (y.ndim - 1))
        image: Tensor = method(data, operator, x0=back / bright)
        return only_seen(image * bright, operator)


def _phase(image: Tensor) -> Tensor:
    """Return the phase factor of each sample's sum, ``(B,)``."""
    total = image.detach().flatten(1).sum(1)
    return torch.where(total == 0, torch.ones_like(total), torch.sgn(total))


@attrs.frozen
class _Parts:
    """Denoises real and imaginary parts, map sets, frames and slices as pictures of their own."""

    denoiser: Denoiser

    def __call__(self, x: Tensor, sigma: Any) -> Tensor:
        parts = torch.view_as_real(x).movedim(-1, 1)
        level = torch.as_tensor(sigma, dtype=x.real.dtype, device=x.device).reshape(-1).expand(x.shape[0])
        pictures = parts.reshape(-1, 1, *x.shape[-2:])
        clean = self.denoiser(pictures, level.repeat_interleave(pictures.shape[0] // x.shape[0]))
        return torch.view_as_complex(clean.reshape(parts.shape).movedim(1, -1).contiguous())
