"""What every raw file comes to: k-space, its mask, and a physics with coil maps of its own data."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike, fspath
from typing import Any, Literal

import torch
from torch import Tensor

from wellposed.errors import FileFormatError, ParameterError
from wellposed.measurement import Measurement
from wellposed_mri.encoding import CartesianMRI, MultiCoilMRI
from wellposed_mri.maps import ESPIRiT, RSSMaps

Maps = Literal["espirit", "rss", "none"]
CHOICES = ("espirit", "rss", "none")


def require_choice(maps: str) -> None:
    """Raise :class:`ParameterError` for an unknown way of making maps."""
    if maps not in CHOICES:
        raise ParameterError(f"maps = {maps!r}, but it is one of {', '.join(CHOICES)}.")


def measurement(
    path: str | PathLike[str], kspace: Tensor, mask: Tensor, maps: Maps, meta: Mapping[str, Any]
) -> Measurement:
    """Return the measurement of Cartesian k-space ``(B, coils, *image)`` sampled where ``mask`` is 1."""
    if not bool(torch.isfinite(torch.view_as_real(kspace)).all()):
        raise FileFormatError(f"{fspath(path)}: the k-space holds NaN or infinite numbers.")
    dims = kspace.ndim - 2
    physics: Any = None
    if kspace.shape[1] == 1:
        physics = CartesianMRI(mask, tuple(kspace.shape[2:]))
    elif maps != "none":
        method = ESPIRiT(dims=dims) if maps == "espirit" else RSSMaps(dims=dims)
        try:
            physics = MultiCoilMRI(method(kspace), mask, dims)
        except ParameterError as error:
            raise FileFormatError(f"{fspath(path)}: {error} Or read it with maps='none'.") from error
    return Measurement(kspace, physics, meta={"source": fspath(path), **meta})


def sampled(kspace: Tensor) -> Tensor:
    """Return the mask of positions where any coil of any sample is not zero, as small as it can be."""
    mask = (kspace != 0).any(1, keepdim=True).any(0).float()
    for axis in range(1, mask.ndim):
        first = mask.narrow(axis, 0, 1)
        if bool((mask == first).all()):
            mask = first
    return mask
