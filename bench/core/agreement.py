"""How far two results are apart."""

from __future__ import annotations

from torch import Tensor


def relative(a: Tensor, b: Tensor) -> float:
    """Return ‖a − b‖ / ‖b‖, in double precision."""
    a, b = a.detach().double(), b.detach().double()
    return float((a - b).norm() / b.norm())


def adjoint_defect(x: Tensor, ax: Tensor, y: Tensor, aty: Tensor) -> float:
    """Return |⟨Ax, y⟩ − ⟨x, A*y⟩| / max(‖Ax‖‖y‖, ‖x‖‖A*y‖), in double precision."""
    x, ax, y, aty = (t.detach().double().flatten() for t in (x, ax, y, aty))
    scale = max(float(ax.norm() * y.norm()), float(x.norm() * aty.norm()))
    return abs(float(ax @ y - x @ aty)) / scale
