"""A pretend device: tensors that lie "elsewhere", and must not be mixed with those of the CPU.

So tests need no accelerator. A tensor moved to ``DEVICE`` is a wrapper around one on the CPU: it has no
``.numpy()`` and no address, and an operation that mixes it with a CPU tensor fails as on a GPU.
Zero-dimensional CPU tensors count as numbers, and indices may lie on the CPU, as they may there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

DEVICE = torch.device("meta")
"""The only name that torch knows for a device without storage."""

_FROM_NUMBERS = (torch.tensor, torch.as_tensor, torch.asarray)
_COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
_READS = (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default)


class Elsewhere(Tensor):
    """A tensor on the pretend device."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> Elsewhere:
        layout = {"strides": held.stride(), "storage_offset": held.storage_offset(), "dtype": held.dtype}
        return Tensor._make_wrapper_subclass(cls, held.shape, device=DEVICE, **layout)

    def __init__(self, held: Tensor) -> None:
        self.held = held

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return run(function, args, kwargs or {})


@contextmanager
def pretend(doubles: bool = True) -> Iterator[None]:
    """Let tensors be created on the pretend device, or moved there.

    ``doubles`` tells whether that device knows double precision.
    """
    with _Numbers(), _Operations(doubles):
        yield


class _Numbers(TorchFunctionMode):
    """What torch does without dispatching an operation: tensors from numbers and back, addresses."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if function in _FROM_NUMBERS and kwargs.get("device") is not None:
            device = kwargs.pop("device")
            return function(*args, **kwargs).to(device)
        if function is Tensor.tolist and isinstance(args[0], Elsewhere):
            return args[0].cpu().tolist()
        if function is Tensor.data_ptr and isinstance(args[0], Elsewhere):
            raise RuntimeError("a tensor on the pretend device has no address here")
        if function is Tensor.new_tensor and isinstance(args[0], Elsewhere):
            return torch.tensor(*args[1:], **({"dtype": args[0].dtype} | kwargs)).to(DEVICE)
        return function(*args, **kwargs)


class _Operations(TorchDispatchMode):
    def __init__(self, doubles: bool) -> None:
        super().__init__()
        self.doubles = doubles

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = run(function, args, kwargs or {})
        if not self.doubles:
            for t in tree_flatten(result)[0]:
                if isinstance(t, Elsewhere) and t.dtype in (torch.float64, torch.complex128):
                    raise TypeError(f"{function}: the pretend device has no double precision")
        return result


def run(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Run an operation on what the wrappers hold."""
    tensors = [t for t in tree_flatten((args, kwargs))[0] if isinstance(t, Tensor)]
    away = [t for t in tensors if isinstance(t, Elsewhere)]
    here = [t for t in tensors if not isinstance(t, Elsewhere) and t.ndim]
    indexes = function is torch.ops.aten.index.Tensor and isinstance(args[0], Elsewhere)
    if away and here and function not in _COPIES and not indexes:
        raise RuntimeError(f"{function}: expected all tensors on one device, but found {DEVICE} and cpu")
    device = kwargs.get("device")
    there = bool(away) if device is None else torch.device(device).type == DEVICE.type
    if device is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    if function is torch.ops.aten.copy_.default:
        there = isinstance(args[0], Elsewhere)
    known = {id(t.held): t for t in away}
    result = function(*tree_map(_held, args), **tree_map(_held, kwargs))

    def wrapped(t: Any) -> Any:
        if not isinstance(t, Tensor) or not there or function in _READS:
            return t
        return known[id(t)] if id(t) in known else Elsewhere(t)

    return tree_map(wrapped, result)


def _held(t: Any) -> Any:
    return t.held if isinstance(t, Elsewhere) else t
