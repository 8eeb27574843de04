"""Constructor arguments that may be numbers or per-sample tensors, kept so that ``.to()`` moves them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from wellposed.errors import ParameterError


def keep(module: nn.Module, name: str, value: Any) -> None:
    """Store a constructor argument: tensors as buffers, modules as sub-modules, anything else as it is."""
    if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
        module.register_buffer(name, value)
    else:
        setattr(module, name, value)


def positive(name: str, value: Any, *, zero: bool = False) -> None:
    """Raise :class:`ParameterError` unless every entry of ``value`` is positive (or zero, where allowed)."""
    t = torch.as_tensor(value)
    if not bool(((t >= 0) if zero else (t > 0)).all()):
        raise ParameterError(f"{name} = {value}, but it must be {'≥ 0' if zero else '> 0'}.")


def per_sample(value: float | Tensor, like: Tensor) -> Tensor:
    """View a number or ``(B,)`` values so that they broadcast against ``like``, in its real dtype."""
    real = like.real.dtype if like.is_complex() else like.dtype
    t = torch.as_tensor(value, dtype=real, device=like.device)
    return t.reshape(t.shape + (1,) * (like.ndim - t.ndim)) if t.ndim else t
