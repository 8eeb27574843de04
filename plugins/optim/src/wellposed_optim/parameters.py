"""Constructor arguments: misspelt names, impossible values, and tensors kept so that ``.to()`` moves them."""

from __future__ import annotations

import inspect
from typing import Any, Self

import torch
from torch import Tensor, nn

from wellposed.errors import ParameterError, SpaceError, UnknownParameterError
from wellposed.immutable import Immutable, unknown_parameter


class Method(Immutable):
    """Base of reconstructors and priors; a misspelt argument is answered by the nearest name."""

    def __new__(cls, *args: Any, **arguments: Any) -> Self:
        """Raise :class:`UnknownParameterError` for a name that the constructor does not take."""
        instance = super().__new__(cls)
        parameters = inspect.signature(cls).parameters.values()
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            known = cls.argument_names()
            for name in arguments:
                if name not in known:
                    raise unknown_parameter(instance, name, known)
        return instance


def refuse_overrides(method: object, unknown: dict[str, Any]) -> None:
    """Raise :class:`UnknownParameterError` where a reconstructor is called with parameters of the physics."""
    if unknown:
        listed = ", ".join(f"{name}=…" for name in unknown)
        raise UnknownParameterError(
            f"{type(method).__name__} is called as (y, physics, x0=None) and does not take {listed}; "
            f"for other parameters of the physics use physics.replace({listed})."
        )


def keep(module: nn.Module, name: str, value: Any) -> None:
    """Store a constructor argument: tensors as buffers, modules as sub-modules, anything else as it is."""
    if isinstance(value, Tensor) and not isinstance(value, nn.Parameter):
        module.register_buffer(name, value)
    else:
        setattr(module, name, value)


def positive(name: str, value: Any, *, zero: bool = False) -> None:
    """Raise :class:`ParameterError` unless every entry of ``value`` is positive (or zero, where allowed)."""
    wanted = "≥ 0" if zero else "> 0"
    try:
        t = torch.as_tensor(value)
        right = bool(((t >= 0) if zero else (t > 0)).all())  # NaN is neither
    except (TypeError, ValueError, RuntimeError) as error:
        raise ParameterError(
            f"{name} = {value!r}, but it must be a real number {wanted}, or one per sample."
        ) from error
    if not right:
        raise ParameterError(f"{name} = {value}, but it must be {wanted}.")


def whole(name: str, value: Any) -> None:
    """Raise :class:`ParameterError` unless ``value`` is a whole number of at least one."""
    if not isinstance(value, int) or value < 1:
        raise ParameterError(f"{name} = {value!r}, but it must be ≥ 1, a whole number.")


def per_sample(value: float | Tensor, like: Tensor, name: str = "a parameter") -> Tensor:
    """View a number or ``(B,)`` values so that they broadcast against ``like``, in its real dtype.

    :class:`SpaceError` that names the parameter where there are as many values as there are no samples.
    """
    real = like.real.dtype if like.is_complex() else like.dtype
    t = torch.as_tensor(value, dtype=real, device=like.device)
    if t.ndim and t.shape[0] not in (1, like.shape[0]):
        raise SpaceError(
            f"{name} has {t.shape[0]} values, but the data are a batch of {like.shape[0]}; "
            "give one for all, or one per sample."
        )
    return t.reshape(t.shape + (1,) * (like.ndim - t.ndim)) if t.ndim else t
