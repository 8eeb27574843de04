"""The base of every noise model: one conditional law, both drawn from and evaluated.

A noise model is a distribution of measurements given their noiseless value, so it carries its own
likelihood: ``noise(y, generator)`` draws and ``noise.log_prob(y, mean)`` evaluates the same law. A
subclass writes the law once per entry; batches, tuples, per-sample levels and checks live here.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from wellposed.errors import DtypeError, SpaceError
from wellposed.immutable import Immutable
from wellposed.noise.levels import Range, as_level, broadcast
from wellposed.noise.support import Atoms, Interval
from wellposed.spaces import Vector
from wellposed.vectors import leaves, map_vector


class Noise(Immutable):
    """A law p(y | mean) that factorises over the entries of ``y``.

    Subclasses register their levels with :meth:`_register_level` and implement :meth:`_sample`,
    :meth:`_log_density`, :meth:`support` and :attr:`level`.
    """

    accepts_complex: ClassVar[bool] = False

    def forward(self, y: Vector, generator: torch.Generator | None = None) -> Vector:
        """Draw noisy measurements given noiseless ones.

        Parameters
        ----------
        y
            Noiseless measurements ``(B, …)``, or a tuple of such tensors.
        generator
            Source of randomness; sample ``i`` draws from its own stream, so that a result does not
            depend on the batch size. ``None`` takes one seed from torch's default generator.

        Raises
        ------
        DtypeError
            If ``y`` holds integers, or complex numbers where the law is real.
        SpaceError
            If a per-sample level does not fit ``y``.
        """
        return map_vector(lambda t: self._sample(self._checked(t), generator), y)

    def log_prob(self, y: Vector, mean: Vector) -> Tensor:
        """Return log p(y | mean), summed over all but the batch.

        Parameters
        ----------
        y, mean
            Noisy and noiseless measurements of equal shape ``(B, …)``, or tuples of such tensors.

        Returns
        -------
        Tensor
            ``(B,)``; ``-inf`` where ``y`` is impossible. A log-density, or a log-mass for laws on
            isolated values (see :meth:`support`).
        """
        total: Tensor | None = None
        for noisy, noiseless in zip(leaves(y), leaves(mean), strict=True):
            self._check_pair(noisy, noiseless)
            part = self._log_density(noisy, noiseless).flatten(1).sum(1)
            total = part if total is None else total + part
        if total is None:
            raise SpaceError(f"{self._name}: an empty tuple has no likelihood; give at least one tensor")
        return total

    @property
    def level(self) -> Tensor | tuple[Tensor, ...]:
        """What says how strong the noise is."""
        raise NotImplementedError(f"{self._name} does not say its level")

    def mean(self, y: Tensor) -> Tensor | None:
        """Return E[noise(y)], or ``None`` where it has no closed form."""
        return None

    def variance(self, y: Tensor) -> Tensor | None:
        """Return E|noise(y) − E noise(y)|² per entry, or ``None`` where it has no closed form."""
        return None

    def support(self, mean: Tensor) -> Interval | Atoms:
        """Return where the law puts its mass given ``mean``, entry by entry."""
        raise NotImplementedError(f"{self._name} does not say where its mass lies")

    def extra_repr(self) -> str:
        """Return the constructor arguments, large tensors by their shape."""
        return ", ".join(f"{name}={_brief(value)}" for name, value in self.arguments().items())

    def _sample(self, y: Tensor, generator: torch.Generator | None) -> Tensor:
        """Draw given one checked tensor."""
        raise NotImplementedError(f"{self._name} cannot be drawn from")

    def _log_density(self, y: Tensor, mean: Tensor) -> Tensor:
        """Return the log-density or log-mass per entry; ``y`` may have extra leading axes."""
        raise NotImplementedError(f"{self._name} has no likelihood")

    def _register_level(self, name: str, value: object, allowed: Range, fix: str) -> None:
        """Check a level and keep it under ``name``: parameters stay parameters, the rest are buffers."""
        self.register_value(name, as_level(self._name, name, value, allowed, fix))

    def _at(self, name: str, like: Tensor) -> Tensor:
        """Return the level called ``name``, broadcast against ``like``."""
        return broadcast(getattr(self, name), like, self._name, name)

    def _checked(self, y: Tensor) -> Tensor:
        if y.is_floating_point() or (y.is_complex() and self.accepts_complex):
            return y
        wanted = "real or complex floats" if self.accepts_complex else "real floats"
        raise DtypeError(
            f"{self._name} acts on {wanted} but was given {y.dtype}; convert with "
            f"{'y.abs() or y.real' if y.is_complex() else 'y.float()'} first"
        )

    def _check_pair(self, y: Tensor, mean: Tensor) -> None:
        self._checked(mean)
        if y.is_complex() != mean.is_complex():
            raise DtypeError(f"{self._name}: y is {y.dtype} but mean is {mean.dtype}; give both alike")
        self._check_shapes(y, mean)

    def _check_shapes(self, y: Tensor, mean: Tensor) -> None:
        if y.shape != mean.shape:
            raise SpaceError(
                f"{self._name}: y has shape {tuple(y.shape)} but mean has shape {tuple(mean.shape)}; "
                f"expand one of them, nothing is broadcast silently"
            )

    @property
    def _name(self) -> str:
        return type(self).__name__


def _brief(value: object) -> str:
    if not isinstance(value, Tensor):
        return repr(value)
    return f"{value.item():g}" if value.ndim == 0 else f"tensor{tuple(value.shape)}"
