"""Where vectors live: shape and dtype of one sample, without the batch axis.

Operators state their ``domain`` and ``range`` as spaces, so a mismatch fails where the expression is
written and not deep inside a solver. ``None`` frees an axis (any size) or the dtype (any dtype).
Several measurements (stacked physics) live in a :class:`ProductSpace` and are tuples of tensors.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

import attrs
import torch
from torch import Tensor

from wellposed.errors import DtypeError, SpaceError

Vector: TypeAlias = "Tensor | tuple[Vector, ...]"
"""An element of a space: a tensor (batch first), or a tuple of them for a product space."""


def require_tensor(name: str, value: object, expected: str = "a tensor is expected") -> Tensor:
    """Return ``value``, a tensor; raise :class:`DtypeError` for anything else, and say how it becomes one."""
    if isinstance(value, Tensor):
        return value
    seen, hint = "None" if value is None else f"a {type(value).__name__}", ""
    if hasattr(value, "__array__") and hasattr(value, "shape"):
        seen, hint = f"a NumPy array of shape {tuple(value.shape)}", f"; pass torch.from_numpy({name})"
    elif isinstance(value, int | float | complex | list | tuple):
        hint = f"; pass torch.tensor({name})"
    raise DtypeError(f"{name} is {seen}, but {expected}{hint}.")


def _shape(value: Iterable[int | None]) -> tuple[int | None, ...]:
    return tuple(value)


def _spaces(value: Iterable[AnySpace]) -> tuple[AnySpace, ...]:
    return tuple(value)


@attrs.frozen
class Space:
    """Tensors of shape ``(batch, *shape)`` and one dtype.

    Parameters
    ----------
    shape
        Sizes of the axes after the batch, e.g. ``(3, 480, 640)``; ``None`` leaves an axis free.
    dtype
        A torch dtype, or ``None`` for any.
    """

    shape: tuple[int | None, ...] = attrs.field(converter=_shape)
    dtype: torch.dtype | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse negative sizes, which only ever come from wrong arithmetic."""
        if any(n is not None and n < 0 for n in self.shape):
            raise SpaceError(f"Space shape {self.shape} has a negative size; axis sizes are ≥ 0 or None.")

    @property
    def is_concrete(self) -> bool:
        """Whether every axis has a size, so that :meth:`zeros` and matrices exist."""
        return None not in self.shape

    @property
    def is_complex(self) -> bool:
        """Whether the dtype is known to be complex."""
        return self.dtype is not None and self.dtype.is_complex

    @property
    def size(self) -> int:
        """Number of scalars in one sample; raises :class:`SpaceError` when an axis is free."""
        return math.prod(self.concrete_shape)

    @property
    def concrete_shape(self) -> tuple[int, ...]:
        """The shape as plain integers; raises :class:`SpaceError` when an axis is free."""
        sizes = tuple(n for n in self.shape if n is not None)
        if len(sizes) != len(self.shape):
            raise SpaceError(f"{self} has free axes, but sizes are needed here; give the operator its shape.")
        return sizes

    def admits(self, x: object) -> bool:
        """Whether ``x`` is a batch of elements of this space."""
        return isinstance(x, Tensor) and self._admits_shape(x) and self.dtype in (None, x.dtype)

    def _admits_shape(self, x: Tensor) -> bool:
        seen = x.shape
        return len(seen) == len(self.shape) + 1 and all(
            n is None or n == m for n, m in zip(self.shape, seen[1:], strict=True)
        )

    def check(self, x: Vector, what: str = "x") -> None:
        """Raise :class:`SpaceError` or :class:`DtypeError` unless ``x`` is a batch of this space."""
        if not isinstance(x, Tensor):  # its words are made only then: this is called in every application
            x = require_tensor(what, x, f"{self} holds tensors of shape (B, …)")
        if tuple(x.shape[1:]) != self.shape and not self._admits_shape(x):
            seen = tuple(x.shape)
            raise SpaceError(f"{what} has shape {seen}, but {self} is expected.{self._shape_hint(x)}")
        if self.dtype is not None and x.dtype != self.dtype:
            raise DtypeError(
                f"{what} has dtype {_short(x.dtype)}, but {self} is expected; "
                f"convert the data with .to({self.dtype}) or the operator with .to({x.dtype})."
            )

    def _shape_hint(self, x: Tensor) -> str:
        if self._admits_shape(x[None]):
            return " The batch axis is missing: pass x[None]."
        return " The first axis is the batch."

    def unify(self, other: AnySpace) -> Space:
        """Return the space that satisfies both, filling free axes; :class:`SpaceError` if there is none."""
        if not isinstance(other, Space) or len(self.shape) != len(other.shape):
            raise SpaceError(f"{self} and {other} do not fit: they differ in kind or number of axes.")
        if any(None not in (n, m) and n != m for n, m in zip(self.shape, other.shape, strict=True)):
            raise SpaceError(f"{self} and {other} do not fit: their sizes differ.")
        if self.dtype is not None and other.dtype is not None and self.dtype != other.dtype:
            if self.dtype.is_complex is not other.dtype.is_complex:
                raise SpaceError(
                    f"{self} and {other} do not fit: one is complex; build the other on the complex space "
                    "too, with domain=Space(shape, torch.complex64)."
                )
            raise SpaceError(f"{self} and {other} do not fit: convert one with .to(dtype).")
        shape = tuple(m if n is None else n for n, m in zip(self.shape, other.shape, strict=True))
        return Space(shape, self.dtype or other.dtype)

    def to(self, dtype: torch.dtype | None) -> Space:
        """Return the same shape with another dtype."""
        return Space(self.shape, dtype)

    def zeros(self, batch: int = 1, device: torch.device | str | None = None) -> Tensor:
        """Return the zero element, repeated ``batch`` times."""
        return torch.zeros(batch, *self.concrete_shape, dtype=self.dtype, device=device)

    def randn(self, batch: int = 1, generator: torch.Generator | None = None) -> Tensor:
        """Return ``batch`` standard normal elements, on the generator's device."""
        device = None if generator is None else generator.device
        shape = (batch, *self.concrete_shape)
        return torch.randn(shape, dtype=self.dtype, device=device, generator=generator)

    def __str__(self) -> str:
        """Return e.g. ``(B, 3, 480, *) float32``, the form that error messages quote."""
        axes = ", ".join("*" if n is None else str(n) for n in self.shape)
        return f"(B, {axes})" + ("" if self.dtype is None else f" {_short(self.dtype)}")


@attrs.frozen
class ProductSpace:
    """Tuples of vectors, one per factor: what stacked physics measure."""

    spaces: tuple[AnySpace, ...] = attrs.field(converter=_spaces)

    @property
    def is_concrete(self) -> bool:
        """Whether every factor is concrete."""
        return all(s.is_concrete for s in self.spaces)

    @property
    def is_complex(self) -> bool:
        """Whether any factor is complex."""
        return any(s.is_complex for s in self.spaces)

    @property
    def size(self) -> int:
        """Number of scalars in one sample, over all factors."""
        return sum(s.size for s in self.spaces)

    @property
    def dtype(self) -> torch.dtype | None:
        """The dtype shared by every factor; ``None`` when they differ."""
        dtypes = {s.dtype for s in self.spaces}
        return dtypes.pop() if len(dtypes) == 1 else None

    def admits(self, x: object) -> bool:
        """Whether ``x`` is a tuple of batches, one per factor."""
        return (
            isinstance(x, tuple)
            and len(x) == len(self.spaces)
            and all(s.admits(v) for s, v in zip(self.spaces, x, strict=True))
        )

    def check(self, x: Vector, what: str = "x") -> None:
        """Raise :class:`SpaceError` or :class:`DtypeError` unless ``x`` is an element."""
        if not isinstance(x, tuple) or len(x) != len(self.spaces):
            seen = f"a tuple of {len(x)}" if isinstance(x, tuple) else f"a {type(x).__name__}"
            raise SpaceError(f"{what} is {seen}, but a tuple of {len(self.spaces)} is expected: {self}.")
        for i, (space, part) in enumerate(zip(self.spaces, x, strict=True)):
            space.check(part, f"{what}[{i}]")

    def unify(self, other: AnySpace) -> ProductSpace:
        """Return the space that satisfies both, factor by factor."""
        if not isinstance(other, ProductSpace) or len(self.spaces) != len(other.spaces):
            raise SpaceError(f"{self} and {other} do not fit: they differ in the number of factors.")
        return ProductSpace(tuple(a.unify(b) for a, b in zip(self.spaces, other.spaces, strict=True)))

    def to(self, dtype: torch.dtype | None) -> ProductSpace:
        """Return the same shapes with another dtype in every factor."""
        return ProductSpace(tuple(s.to(dtype) for s in self.spaces))

    def zeros(self, batch: int = 1, device: torch.device | str | None = None) -> tuple[Vector, ...]:
        """Return the zero element, repeated ``batch`` times."""
        return tuple(s.zeros(batch, device) for s in self.spaces)

    def randn(self, batch: int = 1, generator: torch.Generator | None = None) -> tuple[Vector, ...]:
        """Return ``batch`` standard normal elements."""
        return tuple(s.randn(batch, generator) for s in self.spaces)

    def __str__(self) -> str:
        """Return the factors joined by ``×``."""
        return " × ".join(str(s) for s in self.spaces)


AnySpace: TypeAlias = Space | ProductSpace


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
