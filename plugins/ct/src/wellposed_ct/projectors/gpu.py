"""Whether Triton kernels take a tensor: it lies on a CUDA or ROCm device, and Triton works there.

Triton comes with torch for such devices. It is imported only when the first tensor lies there, and tried
once per device: where it fails (no C compiler for its launcher, a device too old), a warning says so, and
pure torch does the same work.
"""

from __future__ import annotations

import warnings
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from wellposed_ct.projectors.crossings import Crossings, Grid

__all__ = ["DEVICES", "takes"]

DEVICES = ("cuda",)
"""Types of device; ROCm calls itself ``cuda`` as well."""


def takes(data: Tensor, backend: str) -> bool:
    """Return whether Triton is to run on ``data``."""
    floats = data.dtype in (torch.float32, torch.float64)
    return backend == "auto" and data.device.type in DEVICES and floats and _works(data.device)


@cache
def _works(device: torch.device) -> bool:
    if find_spec("triton") is None:
        return False
    try:
        from wellposed_ct.projectors.triton_parallel import project

        one = torch.ones(1, device=device, dtype=torch.float64)
        ray = Crossings(0 * one, one, 0 * one, one, one > 0)
        return float(project(one[None], ray, Grid(1, 1, 1, 1.0, 1.0))) == 1
    except Exception as error:  # whatever a compiler, a driver or a launcher may raise
        lines = str(error).strip().splitlines() or [type(error).__name__]
        warnings.warn(
            f"wellposed_ct projects in pure torch on {device}, which gives the same numbers more slowly: "
            f"Triton fails there ({lines[0][:200]}); backend='torch' silences this.",
            RuntimeWarning,
            stacklevel=5,
        )
        return False
