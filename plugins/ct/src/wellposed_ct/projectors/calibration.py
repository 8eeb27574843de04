"""Whether a geometry is being calibrated: rays are then computed in torch, which differentiates them."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["calibrates", "sample"]


def calibrates(*geometry: Tensor) -> bool:
    """Whether someone differentiates with respect to the geometry, or maps over it (``torch.func``)."""
    # tensors of vmap hold many geometries and no memory of their own that compiled code could read
    if any(torch._C._functorch.is_functorch_wrapped_tensor(t) for t in geometry):
        return True
    return torch.is_grad_enabled() and any(t.requires_grad for t in geometry)


def sample(t: Tensor) -> Tensor:
    """Return a tensor's values, or those of the first of the many that ``vmap`` holds, to be checked."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(t):
        dim = functorch.maybe_get_bdim(t)
        t = functorch.get_unwrapped(t)
        t = t.select(dim, 0) if dim >= 0 else t
    return t.detach()
