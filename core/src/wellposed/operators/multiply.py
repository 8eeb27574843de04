"""Entrywise multiplication: diagonal operators and masks."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.linalg.base import LinearOperator, as_space
from wellposed.linalg.functions import gram_from, squared_modulus
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Diagonal, Evidence, Projection


class Multiply(LinearOperator):
    """``x ↦ w · x`` entrywise.

    Parameters
    ----------
    weights
        Real or complex; broadcasts against ``domain``, or against ``(B, *domain)`` for per-sample weights.
    domain
        Space or shape of ``x``; by default the shape of ``weights``, in their dtype.
    """

    weights: Tensor

    def __init__(self, weights: Tensor, domain: AnySpace | tuple[int | None, ...] | None = None) -> None:
        source = as_space(tuple(weights.shape) if domain is None else domain, weights.dtype)
        require_broadcast("weights", weights, source)
        super().__init__(source, _promoted(source, weights))
        self.register_value("weights", weights)

    def _forward(self, x: Tensor) -> Tensor:
        return self.weights * x

    def _adjoint(self, y: Tensor) -> Tensor:
        x = self.weights.conj() * y
        return x if x.is_complex() is self.domain.is_complex else x.real

    def _evidence(self) -> tuple[Evidence, ...]:
        square = self.domain.is_complex or not self.weights.is_complex()
        return (Diagonal(self.weights),) if square else ()


@gram_from(Diagonal)
def _gram(e: Diagonal, domain: AnySpace) -> LinearOperator:
    return Multiply(squared_modulus(e.d), domain)


class Mask(LinearOperator):
    """``x ↦ m · x`` with a 0/1 mask: an orthogonal projection that keeps the shape.

    Parameters
    ----------
    mask
        Zeros and ones (any real dtype or bool); broadcasts against ``domain``, or ``(B, *domain)``.
    domain
        Space or shape of ``x``; by default the shape of ``mask``. The data may be complex.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, domain: AnySpace | tuple[int | None, ...] | None = None) -> None:
        values = mask.to(torch.get_default_dtype()) if mask.dtype == torch.bool else mask
        if not bool(((values == 0) | (values == 1)).all()):
            bad = values[(values != 0) & (values != 1)].flatten()[0].item()
            raise SpaceError(
                f"a mask holds zeros and ones, but this one holds {bad:g}; use Multiply for weights."
            )
        source = as_space(tuple(mask.shape) if domain is None else domain, values.dtype)
        if source.dtype is not None:  # zeros and ones are exact in every precision
            values = values.to(torch.empty(0, dtype=source.dtype).real.dtype)
        require_broadcast("mask", values, source)
        super().__init__(source, source)
        self.register_value("mask", values)

    def _forward(self, x: Tensor) -> Tensor:
        return self.mask * x

    def _adjoint(self, y: Tensor) -> Tensor:
        return self.mask * y

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Diagonal(self.mask), Projection())


def require_broadcast(name: str, values: Tensor, space: AnySpace) -> None:
    """Raise :class:`SpaceError` unless ``values`` broadcast to ``space`` without growing it."""
    shape = space.shape if isinstance(space, Space) else ()
    trailing = tuple(values.shape[-len(shape) :]) if shape else ()
    fits = values.ndim <= len(shape) + 1 and all(
        m in (1, n) or n is None for m, n in zip(reversed(trailing), reversed(shape), strict=False)
    )
    if not fits:
        raise SpaceError(
            f"{name} of shape {tuple(values.shape)} does not broadcast against {space}; give one value per "
            "entry, or 1 along the axes that share a value, with an optional leading batch axis."
        )


def _promoted(space: AnySpace, weights: Tensor) -> AnySpace:
    dtype = space.dtype
    return space if dtype is None else space.to(torch.promote_types(dtype, weights.dtype))
