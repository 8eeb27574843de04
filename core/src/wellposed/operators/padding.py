"""Pad and crop with every boundary rule, and their exact adjoints.

The boundary rules are those of ``scipy.ndimage``/NumPy under the field's names: ``zero`` (constant 0),
``circular`` (wrap), ``replicate`` (edge), ``reflect`` (mirror about the edge pixel, which is not repeated).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg.algebra import Adjoint
from wellposed.linalg.base import LinearOperator, as_space
from wellposed.linalg.blocks import unobserved
from wellposed.linalg.functions import adjoint
from wellposed.spaces import AnySpace, Space
from wellposed.structure import Coisometry, Evidence, Isometry

Boundary: TypeAlias = Literal["zero", "circular", "replicate", "reflect"]
BOUNDARIES: tuple[Boundary, ...] = ("zero", "circular", "replicate", "reflect")
Widths: TypeAlias = tuple[tuple[int, int], ...]


class Pad(LinearOperator):
    """Extend the last axes by ``widths`` pixels, filled by the ``boundary`` rule.

    Parameters
    ----------
    domain
        Space or shape of ``x``, e.g. ``(C, H, W)``.
    widths
        ``((before, after), …)`` for the last axes, e.g. ``((top, bottom), (left, right))``.
    boundary
        ``zero``, ``circular``, ``replicate`` or ``reflect``.
    """

    def __init__(
        self, domain: AnySpace | tuple[int, ...], widths: Sequence[tuple[int, int]], boundary: Boundary
    ) -> None:
        space = _image(domain)
        self_widths = _pairs(widths, space)
        require_boundary(boundary)
        sizes = space.concrete_shape[-len(self_widths) :]
        for n, (before, after) in zip(sizes, self_widths, strict=True):
            _require_width(n, before, after, boundary)
        super().__init__(
            space, _resized(space, [n + a + b for n, (a, b) in zip(sizes, self_widths, strict=True)])
        )
        self.widths = self_widths
        self.boundary = boundary

    def _forward(self, x: Tensor) -> Tensor:
        return pad(x, self.widths, self.boundary)

    def _adjoint(self, y: Tensor) -> Tensor:
        return pad_adjoint(y, self.widths, self.boundary)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Isometry(),) if self.boundary == "zero" or not any(map(any, self.widths)) else ()


class Crop(LinearOperator):
    """Cut ``widths`` pixels off the last axes: the adjoint of zero padding.

    Parameters
    ----------
    domain
        Space or shape of the large ``x``.
    widths
        ``((before, after), …)`` pixels to cut, for the last axes.
    """

    def __init__(self, domain: AnySpace | tuple[int, ...], widths: Sequence[tuple[int, int]]) -> None:
        space = _image(domain)
        cut = _pairs(widths, space)
        sizes = space.concrete_shape[-len(cut) :]
        if any(a < 0 or b < 0 or a + b > n for n, (a, b) in zip(sizes, cut, strict=True)):
            raise SpaceError(
                f"cannot cut {cut} off {space}: more pixels than there are, or a negative number."
            )
        super().__init__(space, _resized(space, [n - a - b for n, (a, b) in zip(sizes, cut, strict=True)]))
        self.widths = cut

    def _forward(self, x: Tensor) -> Tensor:
        return crop(x, self.widths)

    def _adjoint(self, y: Tensor) -> Tensor:
        return pad(y, self.widths, "zero")

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Coisometry(),)


@adjoint.register
def _(op: Crop) -> LinearOperator:
    return Pad(op.range, op.widths, "zero")


@adjoint.register
def _pad_adjoint(op: Pad) -> LinearOperator:
    return Crop(op.range, op.widths) if op.boundary == "zero" else Adjoint(op)


def pad(x: Tensor, widths: Widths, boundary: Boundary) -> Tensor:
    """Return ``x`` extended along its last ``len(widths)`` axes."""
    if not any(map(any, widths)):
        return x
    flat = [w for pair in reversed(widths) for w in pair]
    if boundary == "zero":
        return torch.nn.functional.pad(x, flat)
    if _native_pad_works(x, len(widths)):
        return torch.nn.functional.pad(x, flat, mode=boundary)
    for axis, (before, after) in enumerate(widths, start=-len(widths)):
        if before or after:
            x = torch.cat(_borders(x, axis, before, after, boundary), dim=axis)
    return x


def _native_pad_works(x: Tensor, axes: int) -> bool:
    # Twice as fast as the pieces below, but neither for every shape nor under every transform.
    known = axes <= 3 and x.ndim - axes in (1, 2) and x.dtype in (torch.float32, torch.float64)
    return known and x.numel() > 0 and unobserved(x)


def _borders(x: Tensor, axis: int, before: int, after: int, boundary: Boundary) -> list[Tensor]:
    n = x.shape[axis]
    if boundary == "circular":
        return [x.narrow(axis, n - before, before), x, x.narrow(axis, 0, after)]
    if boundary == "reflect":
        left, right = x.narrow(axis, 1, before), x.narrow(axis, n - 1 - after, after)
        return [left.flip(axis), x, right.flip(axis)]
    first, last = x.narrow(axis, 0, 1), x.narrow(axis, n - 1, 1)
    return [_repeat(first, axis, before), x, _repeat(last, axis, after)]


def _repeat(x: Tensor, axis: int, times: int) -> Tensor:
    shape = list(x.shape)
    shape[axis] = times
    return x.expand(shape)


def pad_adjoint(y: Tensor, widths: Widths, boundary: Boundary) -> Tensor:
    """Return the adjoint of :func:`pad`: fold the borders back where they came from, and add."""
    if boundary == "zero":
        return crop(y, widths)
    for axis, (before, after) in enumerate(widths, start=-len(widths)):
        if before or after:
            y = _fold(y, axis, before, after, boundary)
    return y


def _fold(y: Tensor, axis: int, before: int, after: int, boundary: Boundary) -> Tensor:
    n = y.shape[axis] - before - after
    x = y.narrow(axis, before, n).clone()
    left, right = y.narrow(axis, 0, before), y.narrow(axis, before + n, after)
    if boundary == "circular":
        x.narrow(axis, n - before, before).add_(left)
        x.narrow(axis, 0, after).add_(right)
    elif boundary == "reflect":
        x.narrow(axis, 1, before).add_(left.flip(axis))
        x.narrow(axis, n - 1 - after, after).add_(right.flip(axis))
    else:
        x.narrow(axis, 0, 1).add_(left.sum(axis, keepdim=True))
        x.narrow(axis, n - 1, 1).add_(right.sum(axis, keepdim=True))
    return x


def crop(x: Tensor, widths: Widths) -> Tensor:
    """Return ``x`` without ``widths`` pixels at the borders of its last axes (a view)."""
    for axis, (before, after) in enumerate(widths, start=-len(widths)):
        x = x.narrow(axis, before, x.shape[axis] - before - after)
    return x


def require_boundary(boundary: str) -> None:
    """Raise :class:`ParameterError` for an unknown boundary rule."""
    if boundary not in BOUNDARIES:
        raise ParameterError(f"boundary={boundary!r} is unknown; choose one of {', '.join(BOUNDARIES)}.")


def _pairs(widths: object, space: Space) -> Widths:
    """Return the widths as pairs, at most one for each axis of ``space``."""
    listed = list(widths) if isinstance(widths, Iterable) else []
    pairs = [tuple(pair) if isinstance(pair, Iterable) else () for pair in listed]
    if not pairs or len(pairs) > len(space.shape) or any(len(pair) != 2 for pair in pairs):
        raise SpaceError(
            f"widths = {widths}, but pairs ((before, after), …) of pixels are expected, for at most the last "
            f"{len(space.shape)} axes of {space}; they are no shape."
        )
    return tuple((int(before), int(after)) for before, after in pairs)


def _require_width(n: int, before: int, after: int, boundary: Boundary) -> None:
    most = {"reflect": n - 1, "circular": n}.get(boundary)
    if min(before, after) < 0 or (most is not None and max(before, after) > most):
        raise SpaceError(
            f"padding ({before}, {after}) with boundary={boundary!r} does not fit an axis of {n} pixels"
            + (f": at most {most} there." if most is not None else ": widths are ≥ 0.")
        )


def _image(domain: AnySpace | tuple[int, ...]) -> Space:
    space = as_space(domain, None)
    if not isinstance(space, Space):
        raise SpaceError(f"expected one image space, got the product {space}.")
    return space


def _resized(space: Space, sizes: Sequence[int]) -> Space:
    return Space((*space.shape[: len(space.shape) - len(sizes)], *sizes), space.dtype)
