"""Priors of the user's own: any object with a prox, or the prox itself as a function."""

from __future__ import annotations

from typing import Any, ClassVar

from torch import Tensor, nn

from wellposed.errors import ParameterError, SpaceError, StructureError
from wellposed_optim.contract import checked, name_of, signature_of, takes_two
from wellposed_optim.parameters import per_sample
from wellposed_optim.priors.base import Prior

WANTED = "a prior has prox(x, gamma) → image (and value(x) → (B,), for the objective), or is that function"


class OwnPrior(Prior):
    """A prior made of what the user has.

    Parameters
    ----------
    source
        An object with ``prox(x, gamma)``, optionally with ``value(x)`` (or callable as such) that returns
        one number per sample ``(B,)`` and ``weight_for(sigma)``; or a function ``(x, gamma)``, taken as the
        prox. ``gamma`` comes as a tensor that broadcasts against ``x``, by keyword where there is that name.
    """

    convex: ClassVar[bool] = False  # nobody has said so

    def __init__(self, source: Any) -> None:
        super().__init__()
        prox = _prox_of(source)
        signature = signature_of(prox)
        self.source = source
        self._named = signature is not None and "gamma" in signature.parameters

    def value(self, x: Tensor) -> Tensor:
        """Return the source's value, ``(B,)``; :class:`StructureError` where it has none."""
        function = _value_of(self.source)
        if function is None:
            raise StructureError(
                f"the prior {name_of(self.source)} has no value(x): write it, or run without history=True."
            )
        out: Tensor = function(x)
        if out.shape == () and x.shape[0] == 1:
            return out.reshape(1)
        if out.shape != x.shape[:1]:
            raise SpaceError(
                f"{name_of(self.source)}.value(x) returned shape {tuple(out.shape)}, expected "
                f"{tuple(x.shape[:1])}: one number per sample; sum over x.flatten(1)."
            )
        return out

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        """Return the source's prox."""
        prox, wide = _prox_of(self.source), per_sample(gamma, x)
        out = prox(x, gamma=wide) if self._named else prox(x, wide)
        return checked(out, x, f"prox(x, gamma) of {name_of(self.source)}")

    def weight_for(self, sigma: float | Tensor) -> float | Tensor:
        """Return what the source says; :class:`ParameterError` where it does not."""
        function = getattr(self.source, "weight_for", None)
        if function is None:
            raise ParameterError(
                f"the prior {name_of(self.source)} has no automatic weight; give the algorithm weight=…."
            )
        weight: float | Tensor = function(sigma)
        return weight


def as_prior(prior: Any) -> Prior:
    """Return ``prior`` as a :class:`Prior`; raises :class:`ParameterError` where it cannot be one."""
    return prior if isinstance(prior, Prior) else OwnPrior(prior)


def _prox_of(source: Any) -> Any:
    name = name_of(source)
    if isinstance(source, type):
        raise ParameterError(f"prior = {name} is a class; make one: {name}(…).")
    prox = getattr(source, "prox", None)
    if prox is None and isinstance(source, nn.Module):
        raise ParameterError(
            f"prior = {name} has no prox: {WANTED}; a denoiser(x, sigma) goes in as DenoiserPrior(denoiser)."
        )
    function = source if prox is None else prox
    if not callable(function) or not takes_two_or_gamma(function):
        raise ParameterError(f"prior = {source!r} cannot be called so: {WANTED}.")
    return function


def takes_two_or_gamma(function: Any) -> bool:
    """Whether ``function(x, gamma)`` or ``function(x, gamma=gamma)`` can be called."""
    signature = signature_of(function)
    return takes_two(function) or (signature is not None and "gamma" in signature.parameters)


def _value_of(source: Any) -> Any:
    value = getattr(source, "value", None)
    if value is not None or not hasattr(source, "prox"):
        return value
    if isinstance(source, nn.Module):
        return source if type(source).forward is not nn.Module.forward else None
    return source if callable(source) else None
