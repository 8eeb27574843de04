"""Forward differences with a Neumann border, and their adjoint: the K of total variation."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def gradient(x: Tensor, dims: int) -> list[Tensor]:
    """Return x[i+1] − x[i] along each of the last ``dims`` axes, zero at the last index."""
    parts = []
    for d in range(1, dims + 1):
        last = x.narrow(-d, x.shape[-d] - 1, 1)
        parts.append(torch.diff(x, dim=-d, append=last))
    return parts


def gradient_adjoint(p: Sequence[Tensor]) -> Tensor:
    """Return Σ p_d[i−1] − p_d[i], ignoring the entries at the last index (their row of K is zero)."""
    total: Tensor | None = None
    for d, part in enumerate(p, start=1):
        n = part.shape[-d]
        inner = part.narrow(-d, 0, n - 1)
        zero = torch.zeros_like(part.narrow(-d, 0, 1))
        term = torch.cat([zero, inner], -d) - torch.cat([inner, zero], -d)
        total = term if total is None else total + term
    if total is None:
        raise ValueError("no axes to differentiate")
    return total
