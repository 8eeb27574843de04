"""The data range: what "full scale" means to PSNR and SSIM.

It is never guessed from the dtype. A number is the scale of the whole data set; ``None`` takes the
largest magnitude of each reference image, the convention of the fastMRI challenge, and then the metric
is no longer symmetric.
"""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError


def data_range_field() -> Any:
    """Return the attrs field of a data range: 1.0 unless given, refused unless positive or ``None``."""
    return attrs.field(default=1.0, validator=_check)


def resolve_data_range(value: float | None, x: Tensor, what: str) -> Tensor:
    """Return the data range of each reference, ``(B,)``; :class:`ParameterError` for an all-zero one."""
    if value is not None:
        return torch.full((x.shape[0],), value, dtype=x.real.dtype, device=x.device)
    peaks = x.detach().abs().flatten(1).amax(1)
    if bool((peaks == 0).any()):
        index = int((peaks == 0).nonzero()[0, 0])
        raise ParameterError(
            f"{what} takes its data range from the reference, but reference {index} of the batch is zero "
            f"everywhere and has none; pass a number."
        )
    return peaks


def _check(instance: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    if value is not None and not 0 < value < float("inf"):
        raise ParameterError(
            f"{type(instance).__name__}: {attribute.name} is {value}, but the distance from black to white "
            f"is positive (1.0 for images in [0, 1]), or None for the maximum of each reference."
        )
