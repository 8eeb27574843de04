"""What a user's own function has to look like, asked before the work and again of what it returns."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn

from wellposed.errors import DtypeError, ParameterError, SpaceError


def name_of(function: Any) -> str:
    """Return how a message calls ``function``."""
    return str(getattr(function, "__name__", type(function).__name__))


def signature_of(function: Any) -> inspect.Signature | None:
    """Return the signature of a callable, a module's from its ``forward``; ``None`` where nobody knows."""
    try:
        return inspect.signature(function.forward if isinstance(function, nn.Module) else function)
    except (TypeError, ValueError):  # of functions written in C
        return None


def takes_two(function: Any) -> bool:
    """Whether ``function`` can be called with two positional arguments, as far as its signature says."""
    signature = signature_of(function)
    if signature is None:
        return True
    try:
        signature.bind(None, None)
    except TypeError:
        return False
    return True


def check_denoiser(denoiser: Any) -> None:
    """Raise :class:`ParameterError` unless ``denoiser(x, sigma)`` can be called."""
    name = name_of(denoiser)
    if isinstance(denoiser, type):
        raise ParameterError(
            f"a denoiser is called as denoiser(x, sigma), but {name} is a class; make one: {name}(…)."
        )
    if not callable(denoiser):
        raise ParameterError(
            f"a denoiser is called as denoiser(x, sigma), and {denoiser!r} cannot be called."
        )
    if not takes_two(denoiser):
        raise ParameterError(
            f"a denoiser is called as denoiser(x, sigma), but {name}{signature_of(denoiser)} cannot be; one "
            "that does not need the noise level is lambda x, sigma: denoiser(x)."
        )


def checked(out: Any, x: Tensor, call: str) -> Tensor:
    """Return ``out``, or raise where it is no image like ``x``: :class:`SpaceError`, :class:`DtypeError`."""
    if not isinstance(out, Tensor):
        raise DtypeError(f"{call} returned a {type(out).__name__}, expected a tensor like x.")
    if out.shape != x.shape:
        raise SpaceError(f"{call} returned shape {tuple(out.shape)}, expected {tuple(x.shape)}, that of x.")
    if out.dtype != x.dtype:
        raise DtypeError(f"{call} returned {out.dtype}, expected {x.dtype}, that of x; convert by out.to(x).")
    return out
