"""The proximal operator of total variation by fast gradient projection on its dual.

Accelerated projected gradient on the dual (Beck & Teboulle 2009, "Fast gradient-based algorithms for
constrained total variation"), stopped by the duality gap, which bounds ½‖x − x*‖². The loop is bound by
memory traffic: it is compiled where that is possible, and updates buffers in place where it is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from wellposed_optim.priors.finite_differences import gradient, gradient_adjoint
from wellposed_optim.priors.tv_compiled import CompiledDual, applies

CHECK_EVERY = 10


def magnitude(p: Sequence[Tensor], *, isotropic: bool, vectorial: bool) -> Tensor:
    """Return the pointwise dual-norm partner of the gradient ``p``; broadcastable against its entries."""
    if not isotropic:
        return torch.stack([t.abs() for t in p])
    squares = p[0] * p[0].conj() if p[0].is_complex() else p[0] * p[0]
    for t in p[1:]:
        squares = squares + (t * t.conj() if t.is_complex() else t * t)
    squares = squares.real if squares.is_complex() else squares
    squares = squares.sum(1, keepdim=True) if vectorial else squares
    # The floor is nothing in value, but keeps the derivative of the root at zero finite.
    return squares.clamp(min=torch.finfo(squares.dtype).tiny).sqrt()


def total_variation(x: Tensor, dims: int, *, isotropic: bool, vectorial: bool) -> Tensor:
    """Return Σ|∇x| per sample, ``(B,)``."""
    size = magnitude(gradient(x, dims), isotropic=isotropic, vectorial=vectorial)
    total: Tensor = size if isotropic else size.sum(0)
    per_sample: Tensor = total.flatten(1).sum(1)
    return per_sample


def project(p: Sequence[Tensor], radius: Tensor, *, isotropic: bool, vectorial: bool) -> list[Tensor]:
    """Return ``p`` projected onto pointwise magnitudes of at most ``radius``."""
    size = magnitude(p, isotropic=isotropic, vectorial=vectorial)
    factor = radius / torch.maximum(size, radius.clamp(min=torch.finfo(size.dtype).tiny))
    return [t * f for t, f in zip(p, factor if not isotropic else [factor] * len(p), strict=True)]


def duality_gap(
    z: Tensor, p: Sequence[Tensor], radius: Tensor, *, isotropic: bool, vectorial: bool
) -> Tensor:
    """Return the gap relative to the primal objective at x = z − K*p, per sample ``(B,)``."""
    kp = gradient_adjoint(p)
    x = z - kp
    tv = total_variation(x, len(p), isotropic=isotropic, vectorial=vectorial)
    penalty = radius.reshape(-1) * tv
    distance = torch.linalg.vector_norm(kp.flatten(1), dim=1) ** 2 / 2
    correlation = torch.linalg.vecdot(x.flatten(1), kp.flatten(1)).real
    gap: Tensor = penalty - correlation
    relative: Tensor = gap / (penalty + distance).clamp(min=torch.finfo(tv.dtype).tiny)
    return relative


class Dual:
    """In-place fast gradient projection for one batch; ``p`` is the dual variable reached, an axis each."""

    def __init__(self, z: Tensor, radius: Tensor, start: Tensor, *, isotropic: bool, vectorial: bool) -> None:
        self.z, self.radius, self.isotropic, self.vectorial = z, radius, isotropic, vectorial
        self.step = 1.0 / (4.0 * len(start))
        self.p, self.q = start, start.clone()
        self.x = torch.empty_like(z)
        self.size = torch.empty_like(z)
        self.floor = radius.clamp(min=torch.finfo(z.dtype).tiny)
        self.t = 1.0

    def advance(self, iterations: int) -> None:
        """Run ``iterations`` steps."""
        for _ in range(iterations):
            self._primal()
            self._ascend()
            self._project()
            t = (1 + math.sqrt(1 + 4 * self.t * self.t)) / 2
            old, new = self.p, self.q
            self.p, self.q = new, torch.lerp(old, new, 1 + (self.t - 1) / t, out=old)
            self.t = t

    def gap(self) -> Tensor:
        """Return the duality gap relative to the primal objective, per sample ``(B,)``."""
        options = {"isotropic": self.isotropic, "vectorial": self.vectorial}
        return duality_gap(self.z, self.p.unbind(), self.radius, **options)

    def select(self, rows: Tensor) -> Dual:
        """Return the same for some of the samples, where they stand."""
        options = {"isotropic": self.isotropic, "vectorial": self.vectorial}
        part = Dual(self.z[rows], self.radius[rows], self.p[:, rows], **options)
        part.q, part.t = self.q[:, rows], self.t
        return part

    def _primal(self) -> None:
        """Set x ← z − K*q."""
        base = self.z
        for d, q in enumerate(self.q, start=1):
            torch.add(base, q, out=self.x)
            n = q.shape[-d]
            self.x.narrow(-d, 1, n - 1).sub_(q.narrow(-d, 0, n - 1))
            base = self.x

    def _ascend(self) -> None:
        """Set q ← q + τ·K x, leaving the last index of each axis at zero."""
        for d, q in enumerate(self.q, start=1):
            n = q.shape[-d] - 1
            inner = q.narrow(-d, 0, n)
            inner.add_(self.x.narrow(-d, 1, n), alpha=self.step).sub_(
                self.x.narrow(-d, 0, n), alpha=self.step
            )

    def _project(self) -> None:
        if not self.isotropic:
            for q in self.q:
                torch.minimum(torch.maximum(q, -self.radius, out=q), self.radius, out=q)
            return
        torch.mul(self.q[0], self.q[0], out=self.size)
        for q in self.q[1:]:
            self.size.addcmul_(q, q)
        size = self.size.sum(1, keepdim=True) if self.vectorial else self.size
        torch.maximum(size.sqrt_(), self.floor, out=size)
        torch.div(self.radius, size, out=size)
        for q in self.q:
            q.mul_(size)


def tv_prox(
    z: Tensor,
    gamma: Tensor,
    start: Tensor,
    *,
    isotropic: bool,
    vectorial: bool,
    tolerance: float,
    iterations: int,
) -> tuple[Tensor, Tensor]:
    """Return ``argmin ½‖x − z‖² + γ·TV(x)`` and its dual variable, ``(dims, *z.shape)`` as ``start`` is.

    Each sample stops at its own relative duality gap ≤ ``tolerance`` (looked at every ten iterations), so a
    sample's answer does not depend on its batch. ``gamma`` broadcasts against ``z``; real ``z`` only.
    """
    options = {"isotropic": isotropic, "vectorial": vectorial}
    radius = gamma.expand(z.shape[0], *(1,) * (z.ndim - 1))
    final = torch.stack(project(start.unbind(), radius, **options))
    rows = torch.arange(z.shape[0], device=z.device)
    kind = CompiledDual if applies(z, len(start)) else Dual
    dual: CompiledDual | Dual = kind(z, radius, final.clone(), **options)
    done = 0
    while done < iterations and len(rows):
        dual.advance(min(CHECK_EVERY, iterations - done))
        done += CHECK_EVERY
        open_ = dual.gap() > tolerance
        if done < iterations and bool(open_.all()):
            continue
        final[:, rows] = dual.p
        rows = rows[open_]
        if len(rows) and done < iterations:
            dual = dual.select(open_)
    return z - gradient_adjoint(final.unbind()), final


def tv_prox_unrolled(
    z: Tensor, gamma: Tensor, *, dims: int, isotropic: bool, vectorial: bool, iterations: int
) -> Tensor:
    """Return the same by ``iterations`` steps without buffers, for autograd and complex images."""
    options = {"isotropic": isotropic, "vectorial": vectorial}
    p = [torch.zeros_like(z) for _ in range(dims)]
    q, t = p, 1.0
    for _ in range(iterations):
        step = gradient(z - gradient_adjoint(q), dims)
        new = project([a + b / (4 * dims) for a, b in zip(q, step, strict=True)], gamma, **options)
        t_new = (1 + math.sqrt(1 + 4 * t * t)) / 2
        q = [n + (t - 1) / t_new * (n - o) for n, o in zip(new, p, strict=True)]
        p, t = new, t_new
    return z - gradient_adjoint(p)
