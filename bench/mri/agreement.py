"""How far two complex results are apart."""

from __future__ import annotations

import torch
from torch import Tensor

_DOUBLE = torch.complex128


def relative(a: Tensor, b: Tensor) -> float:
    """Return ‖a − b‖ / ‖b‖ of complex tensors, in double precision."""
    a, b = a.detach().to(dtype=_DOUBLE), b.detach().to(dtype=_DOUBLE)
    return float((a - b).norm() / b.norm())
