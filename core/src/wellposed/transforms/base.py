"""The base of every transform: a group that acts on images.

A transform is a group and not a bag of augmentations: elements are values that can be drawn, inverted
and multiplied, and ``act(x, compose(g, h)) == act(act(x, h), g)``. Equivariance of a physics or of a
method is stated, and tested, with nothing but these. How well the laws hold is part of the contract:
:attr:`GroupTransform.accuracy` bounds their error on :meth:`GroupTransform.probe`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, Self, TypeVar

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError, UnknownParameterError
from wellposed.random import randn_like

E = TypeVar("E")


@attrs.frozen
class GroupTransform(ABC, Generic[E]):
    """A group with elements ``E`` acting on the last two axes of images ``(B, …, H, W)``.

    An element holds n parameters; n is 1 (shared by the batch) or B (one per image).
    """

    accuracy: ClassVar[float] = 0.0
    """Largest relative L2 error of a group law on :meth:`probe`; 0 means exact, up to rounding."""

    smallest_size: ClassVar[int] = 1
    """The accuracy is claimed for images of at least this many pixels along either axis."""

    @abstractmethod
    def sample(self, generator: torch.Generator | None = None, n: int = 1) -> E:
        """Draw an element of n independent parameters; parameter i has its own random stream."""

    @abstractmethod
    def act(self, x: Tensor, g: E) -> Tensor:
        """Return T_g x; differentiable in ``x``, which may be complex.

        Raises :class:`~wellposed.errors.SpaceError` where g does not act on images of that shape.
        """

    @abstractmethod
    def inverse(self, g: E) -> E:
        """Return g⁻¹, for which T_g⁻¹ T_g x = x."""

    @abstractmethod
    def compose(self, g: E, h: E) -> E:
        """Return gh, for which T_gh x = T_g (T_h x)."""

    @abstractmethod
    def identity(self) -> E:
        """Return the element that changes nothing."""

    def elements(self, shape: Sequence[int] | None = None) -> Iterator[E]:
        """Yield every element that acts differently on images of shape ``(…, H, W)``.

        Raises
        ------
        ParameterError
            If the group is infinite, or its size depends on a shape that is not given.
        """
        raise ParameterError(
            f"{type(self).__name__} is an infinite group; draw elements with sample(generator)"
        )

    def probe(
        self,
        shape: Sequence[int],
        generator: torch.Generator | None = None,
        dtype: torch.dtype = torch.float64,
    ) -> Tensor:
        """Draw images ``(B, …, H, W)`` on which the group laws hold to :attr:`accuracy`: here, any image."""
        return randn_like(torch.empty(tuple(shape), dtype=dtype), generator)

    def replace(self, **changes: Any) -> Self:
        """Return the same transform with some constructor arguments changed.

        Raises :class:`~wellposed.errors.UnknownParameterError` for a name that is not an argument.
        """
        names = [a.name for a in attrs.fields(type(self))]
        unknown = sorted(set(changes) - set(names))
        if unknown:
            raise UnknownParameterError(
                f"{type(self).__name__} has no parameter {', '.join(unknown)}; "
                f"it has: {', '.join(names) or 'none'}"
            )
        return attrs.evolve(self, **changes)


def match_batch(parameter: Tensor, x: Tensor, owner: str) -> Tensor:
    """Return parameters ``(n, …)`` on the device of ``x``, checked: n is 1 or the batch size of ``x``.

    Raises
    ------
    SpaceError
        If n is neither, or ``x`` is no image batch.
    """
    if x.ndim < 3:
        raise SpaceError(
            f"{owner} acts on images (B, …, H, W) but was given shape {tuple(x.shape)}; add a batch axis"
        )
    if parameter.shape[0] not in (1, x.shape[0]):
        raise SpaceError(
            f"{owner}: an element of {parameter.shape[0]} parameters cannot act on a batch of {x.shape[0]}; "
            f"draw it with n=1 or n={x.shape[0]}"
        )
    return parameter.to(x.device)


def per_image(parameter: Tensor, x: Tensor) -> Tensor:
    """View parameters ``(n,)`` as ``(n, 1, …, 1)`` against ``x``."""
    return parameter.reshape(-1, *(1,) * (x.ndim - 1))
