"""Total variation by Chambolle & Pock's primal–dual iteration, preconditioned for tomography.

Projector and gradient are two rows of one operator, so there is no inner loop: an iteration is one forward
and one back-projection and a few passes over the image. Plain steps are slow because A*A damps frequency f
by 1/|f|. A dual step that is the ramp filter of filtered back-projection undoes that (Sidky, Jørgensen & Pan
2012), and a least-squares term still has its proximal operator in closed form, view by view in Fourier space.
Where rays have weights of their own, diagonal steps (Pock & Chambolle 2011) take the ramp's place.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import attrs
import torch
from torch import Tensor

from wellposed_ct.methods.finite import require_convergence
from wellposed_ct.methods.sirt import safe_inverse
from wellposed_optim import TotalVariation

__all__ = ["DataTerm", "Ramped", "Weighted", "largest", "minimise_tv"]

GRADIENT_SHARE = 0.2
"""Dual step of the gradient relative to that of the data, both scaled to operators of norm one."""

STEP = 5.0
"""Dual step of the gradient, in units of λ over the brightest pixel: found on a head, from
15 to 180 views and λ over a factor of 20."""

SAFETY = 0.98
UNMATCHED = "A* is not the adjoint of A; use a projector whose adjoint is exact"
CHECK_EVERY = 10


class DataTerm(Protocol):
    """A data term with a dual step Σ of its own, scaled so that A*ΣA ≤ ``load``, a diagonal of at most 1."""

    @property
    def load(self) -> Tensor:
        """What it asks of the primal step, pixel by pixel."""
        ...

    def ascend(self, u: Tensor, residual: Tensor, step: Tensor) -> Tensor:
        """Return the dual variable after a step of ``step``·Σ along A x − y."""
        ...


@attrs.frozen(eq=False)
class Ramped:
    """½‖A x − y‖² with the ramp filter as dual step."""

    spectrum: Tensor
    load: Tensor

    @classmethod
    def of(cls, physics: Any, y: Tensor) -> Ramped:
        """Return the term, the filter scaled by the norm of filtered back-projection."""
        bins = y.shape[-1]
        frequency = torch.fft.rfftfreq(bins, dtype=y.dtype, device=y.device)
        # a floor in place of the zero: the mean of a view has to be fitted too
        ramp = frequency.clamp(min=0.5 / bins) if bins > 1 else torch.ones_like(frequency)
        size = largest(lambda x: physics.A_adjoint(_filtered(physics.A(x), ramp)), physics.A_adjoint(y[:1]))
        return cls(ramp / size, torch.ones((), dtype=y.dtype, device=y.device))

    def ascend(self, u: Tensor, residual: Tensor, step: Tensor) -> Tensor:
        """Return (1 + Σ)⁻¹(u + Σ r), by the FFT along the detector."""
        h = step * self.spectrum
        spectrum = (torch.fft.rfft(u) + h * torch.fft.rfft(residual)) / (1 + h)
        dual: Tensor = torch.fft.irfft(spectrum, u.shape[-1])
        return dual


@attrs.frozen(eq=False)
class Weighted:
    """½‖A x − y‖²_W with the inverse row sums of A as dual step."""

    inverse_weights: Tensor
    rays: Tensor
    load: Tensor

    @classmethod
    def of(cls, physics: Any, weights: Tensor) -> Weighted:
        """Return the term for weights ≥ 0; rays of weight 0 do not count."""
        back: Tensor = physics.A_adjoint(torch.ones_like(weights[:1]))
        top = back.amax().clamp(min=torch.finfo(back.dtype).tiny)
        rays = safe_inverse(physics.A(torch.ones_like(back))) / top
        tiny = torch.finfo(weights.dtype).tiny
        return cls(1 / weights.clamp(min=tiny), rays, back / top)

    def ascend(self, u: Tensor, residual: Tensor, step: Tensor) -> Tensor:
        """Return (1 + ΣW⁻¹)⁻¹(u + Σ r)."""
        sigma = step * self.rays
        return (u + sigma * residual) / (1 + sigma * self.inverse_weights)


def minimise_tv(
    x: Tensor,
    y: Tensor,
    physics: Any,
    data: DataTerm,
    weight: Tensor,
    *,
    iterations: int,
    tolerance: float,
    isotropic: bool = True,
    lowest: float = -math.inf,
    highest: float | Tensor = math.inf,
) -> Tensor:
    """Return argmin of the data term + ``weight``·TV(x), started from ``x``; every sample for itself.

    Parameters
    ----------
    x, y, physics
        Start ``(B, C, …)``, sinograms, and their projector.
    data
        The data term.
    weight
        λ > 0, ``(B,)``.
    iterations, tolerance
        The most iterations, and the relative change at which a sample is done (looked at every ten).
    isotropic
        Whether the modulus of a gradient is Euclidean.
    lowest, highest
        Bounds of the values, the latter pixel by pixel if it is a tensor.

    Raises
    ------
    ConvergenceError
        The iterates run away.
    """
    prior = TotalVariation(isotropic, dims=x.ndim - 2)
    top = torch.as_tensor(highest, dtype=x.dtype, device=x.device)
    wide = (-1, *(1,) * (x.ndim - 1))
    lam = weight.detach().reshape(-1).expand(len(x)).reshape(wide)
    brightest = x.detach().abs().flatten(1).amax(1).reshape(wide)
    slope = STEP * lam / torch.where(brightest > 0, brightest, 1)
    gain = slope / GRADIENT_SHARE
    tau = SAFETY / (gain * data.load + 4 * (x.ndim - 2) * slope)
    bar, u, v = x, torch.zeros_like(y), torch.zeros_like(prior.analysis(x))
    answer, done = x, torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for k in range(1, iterations + 1):
        misfit = physics.A(bar) - y
        u = data.ascend(u, misfit, gain)
        v = prior.dual_prox(v + slope[:, None] * prior.analysis(bar), weight, 1.0)
        new = x - tau * (physics.A_adjoint(u) + prior.analysis_adjoint(v))
        new = torch.minimum(new.clamp(min=lowest), top)
        bar, old, x = 2 * new - x, x, new
        if k % CHECK_EVERY == 0 and tolerance > 0:
            fresh = (_change(x, old) <= tolerance) & ~done
            answer, done = torch.where(fresh.reshape(wide), x, answer), done | fresh
            if bool(done.all()):
                break
    require_convergence([misfit], [y], "total variation", UNMATCHED)
    return torch.where(done.reshape(wide), answer, x)


def largest(normal: Any, like: Tensor, iterations: int = 20) -> float:
    """Return an upper estimate of the norm of a positive operator on ``(1, …)``, by power iteration."""
    with torch.no_grad():
        generator = torch.Generator().manual_seed(0)
        x = torch.rand(like.shape, generator=generator, dtype=like.dtype).to(like.device)
        value = x.norm()
        for _ in range(iterations):
            x = normal(x / value.clamp(min=torch.finfo(x.dtype).tiny))
            value = x.norm()
        # the estimate comes from below
        return 1.1 * float(value) or 1.0


def _filtered(y: Tensor, spectrum: Tensor) -> Tensor:
    filtered: Tensor = torch.fft.irfft(torch.fft.rfft(y) * spectrum, y.shape[-1])
    return filtered


def _change(x: Tensor, old: Tensor) -> Tensor:
    with torch.no_grad():
        size = torch.linalg.vector_norm(x.flatten(1), dim=1)
        moved: Tensor = torch.linalg.vector_norm((x - old).flatten(1), dim=1)
        change: Tensor = moved / size.clamp(min=torch.finfo(x.dtype).tiny)
    return change
