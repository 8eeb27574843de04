"""Geometry needs double precision, and some devices know none: for their tensors, the CPU projects.

At a column near 1000, single precision leaves four digits of a weight, and the adjoint would not be exact.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["WITHOUT_DOUBLES", "doubles", "in_doubles"]

WITHOUT_DOUBLES = ("mps",)
"""Types of device whose tensors are single precision at most."""


def doubles(t: Tensor) -> Tensor:
    """Return ``t`` in double precision, where it lies or else on the CPU."""
    return t.to("cpu" if t.device.type in WITHOUT_DOUBLES else t.device, torch.float64)


def in_doubles(run: Callable[[Tensor], Tensor], data: Tensor) -> Tensor:
    """Return ``run(data)`` on the data's device, run there or else on the CPU."""
    if data.device.type in WITHOUT_DOUBLES:
        return run(data.cpu()).to(data.device)
    return run(data)
