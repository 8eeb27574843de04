"""What methods that complete k-space share: what was acquired, and one image of many coils at the end."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri.encoding.multicoil import leading_axes
from wellposed_mri.fourier import centred_ifft
from wellposed_mri.reconstruction.common import operator_of, require_measurements


def acquired(y: Tensor, physics: Any) -> tuple[Tensor, Tensor]:
    """Return k-space with zeros where nothing was sampled, and where it was: ``(B, coils, …)``, ``(B, …)``.

    Of methods that need a :data:`~wellposed_mri.reconstruction.asked.GRID`.

    Weights other than 0 and 1 in the mask are divided out.

    Raises
    ------
    ParameterError
        For coils that are sampled differently.
    """
    require_measurements(y)
    operator = operator_of(physics)
    operator.range.check(y, "y")
    if operator.mask is None:
        return y, y.new_ones((y.shape[0], *y.shape[2:]), dtype=torch.bool)
    mask = leading_axes(operator.mask.detach(), y.ndim)
    sampled = mask != 0
    if sampled.shape[1] > 1 and not bool((sampled == sampled[:, :1]).all()):
        raise ParameterError("the mask differs from coil to coil; methods that complete k-space need one.")
    kspace = torch.where(sampled, y / torch.where(sampled, mask, 1), 0)
    return kspace, sampled[:, 0].expand(y.shape[0], *y.shape[2:])


def combined(kspace: Tensor, physics: Any) -> Tensor:
    """Return the image ``(B, 1, *image)`` of complete k-space: coils weighted by their maps (Roemer 1990).

    Where the maps are zero the image is.
    """
    operator = operator_of(physics)
    images = centred_ifft(kspace, tuple(range(2 - kspace.ndim, 0)))
    maps = getattr(operator, "maps", None)
    if maps is None:
        return images
    if operator.domain.shape[0] != 1:
        raise SpaceError(
            f"coils are combined into one image, but the maps have {operator.domain.shape[0]} sets; "
            "use mri.sense for several."
        )
    single = maps.reshape(-1, *kspace.shape[1:])
    power = single.abs().square().sum(1, keepdim=True)
    image: Tensor = (single.conj() * images).sum(1, keepdim=True)
    return torch.where(power > 0, image / torch.where(power > 0, power, 1), 0)
