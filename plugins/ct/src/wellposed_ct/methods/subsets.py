"""Ordered subsets: a scan as several scans of fewer views, so that one pass over the data is many updates.

Each subset holds every n-th view, which keeps its directions spread over the turn; subsets are visited in an
order in which successive ones differ much, as in the permuted access of Herman & Meyer (1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError
from wellposed.operators import LinearOperator
from wellposed.spaces import Space

__all__ = ["ORDERS", "Order", "Subset", "access_order", "linear_operator", "ordered_subsets", "with_views"]

Order = Literal["spread", "sequential"]
ORDERS: tuple[Order, ...] = ("spread", "sequential")
VIEW_AXIS = 2
"""Of sinograms ``(B, C, views, …)``."""

_SHARED = ("centre_mm",)
"""Arguments that belong to the whole scan, whatever their length."""

_GOLDEN = 0.5 * (5**0.5 - 1)


@attrs.frozen(eq=False)
class Subset:
    """Some views of a scan.

    Attributes
    ----------
    views
        Their indices, ``(n,)``.
    operator
        The projector of these views alone.
    """

    views: Tensor
    operator: Any

    def of(self, y: Tensor) -> Tensor:
        """Return these views of a sinogram ``(B, C, views, …)``."""
        return y if len(self.views) == y.shape[VIEW_AXIS] else y.index_select(VIEW_AXIS, self.views)


def linear_operator(physics: Any) -> Any:
    """Return the operator inside a forward model, or ``physics`` itself."""
    return getattr(physics, "operator", physics)


def with_views(operator: LinearOperator, views: Sequence[int] | Tensor) -> LinearOperator:
    """Return the projector of some views, by index.

    Every tensor argument with one entry per view is cut; an operator that knows better has a method
    ``subset(views)``.

    Raises
    ------
    StructureError
        The operator has no views to choose from.
    """
    own = getattr(operator, "subset", None)
    if callable(own):
        chosen: LinearOperator = own(views)
        return chosen
    arguments = operator.arguments() if hasattr(operator, "arguments") else {}
    count = operator.range.shape[1] if isinstance(operator.range, Space) else None
    cut = {
        name: value.index_select(0, torch.as_tensor(views, dtype=torch.int64, device=value.device))
        for name, value in arguments.items()
        if isinstance(value, Tensor) and value.ndim and len(value) == count and name not in _SHARED
    }
    if not cut:
        raise StructureError(
            f"{type(operator).__name__} has no views to choose subsets from; use subsets=1, or a projector "
            "of this pack."
        )
    return operator.replace(**cut)


def access_order(count: int, order: Order = "spread") -> list[int]:
    """Return 0 … count − 1 as they come, or so that successive ones lie far apart (golden section)."""
    if order not in ORDERS:
        raise ParameterError(f"order = {order!r} must be one of {', '.join(ORDERS)}.")
    if order == "sequential":
        return list(range(count))
    return sorted(range(count), key=lambda i: (i * _GOLDEN) % 1.0)


def ordered_subsets(physics: Any, y: Tensor, count: int, order: Order = "spread") -> list[Subset]:
    """Return ``count`` interleaved subsets of the views, in the order to visit them.

    Parameters
    ----------
    physics
        The projector, or a forward model around it.
    y
        Sinograms ``(B, C, views, …)``.
    count
        Number of subsets; as many as there are views at most (then each is one view).
    order
        ``spread`` or ``sequential``.
    """
    operator = linear_operator(physics)
    if count == 1:
        return [Subset(torch.arange(y.shape[VIEW_AXIS], device=y.device), operator)]
    views = y.shape[VIEW_AXIS]
    count = min(count, views)
    parts = [torch.arange(i, views, count, device=y.device) for i in access_order(count, order)]
    return [Subset(part, with_views(operator, part)) for part in parts]
