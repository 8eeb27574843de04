"""Whether a geometry is being calibrated: rays are then computed in torch, which differentiates them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.forward_ad import unpack_dual

__all__ = ["calibrates", "everything", "is_mapped", "sample"]


def calibrates(*geometry: Tensor) -> bool:
    """Whether someone differentiates with respect to the geometry, or maps over it (``torch.func``)."""
    return any(_is_followed(t) for t in geometry)


def _is_followed(t: Tensor) -> bool:
    # tensors of vmap hold many geometries and no memory of their own that compiled code could read
    if torch._C._functorch.is_functorch_wrapped_tensor(t):
        return True
    if t.requires_grad and torch.is_grad_enabled():
        return True
    return unpack_dual(t).tangent is not None  # type: ignore[no-untyped-call]


def is_mapped(*geometry: Tensor) -> bool:
    """Whether ``torch.func.vmap`` holds many geometries in one of these."""
    return any(_is_batched(t) for t in geometry)


def _is_batched(t: Tensor) -> bool:
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(t):
        if functorch.maybe_get_bdim(t) >= 0:
            return True
        t = functorch.get_unwrapped(t)
    return False


def sample(t: Tensor) -> Tensor:
    """Return a tensor's values, or those of the first of the many that ``vmap`` holds, to be checked."""
    functorch = torch._C._functorch
    while functorch.is_functorch_wrapped_tensor(t):
        dim = functorch.maybe_get_bdim(t)
        t = functorch.get_unwrapped(t)
        t = t.select(dim, 0) if dim >= 0 else t
    return t.detach()


def everything(t: Tensor) -> Tensor:
    """Return the plain values below all wrappings of ``torch.func``: of all scans, where ``vmap`` holds many.

    Compiled code reads them, and what is enough for all scans is enough for each.
    """
    t = t.detach()  # which wraps, where ``torch.func`` is at work
    while torch._C._functorch.is_functorch_wrapped_tensor(t):
        t = torch._C._functorch.get_unwrapped(t)
    return t
