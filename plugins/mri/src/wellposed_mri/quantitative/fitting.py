"""The fit of signal models: Levenberg–Marquardt in all pixels at once, each with a damping of its own."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import Need, needs
from wellposed_mri.encoding.checks import require_finite
from wellposed_mri.quantitative.signals import SignalModel

WEAKEST, STRONGEST = 1e-9, 1e9
"""Limits of the damping: nearly Gauss–Newton, and standing still."""


_SIGNALS = Need(
    "a model of signals (MultiEchoT2, RecoveryT1, VariableFlipAngleT1, FieldMapEchoes, WaterFatEchoes or "
    "another SignalModel)",
    lambda y, physics: isinstance(getattr(physics, "operator", physics), SignalModel),
)


@needs(_SIGNALS)
@attrs.frozen
class SignalFit:
    """``argmin_x ‖A(x) − y‖²`` pixel by pixel for a :class:`SignalModel` A, by Levenberg–Marquardt.

    The first guess is the model's best candidate, so no initial values are needed.

    Parameters
    ----------
    max_iterations
        The most steps.
    tolerance
        A pixel is done when a step changes its signals by less than this, relative to them.

    Notes
    -----
    With Gaussian noise it is the maximum-likelihood estimate, and :func:`cramer_rao` its standard deviation.
    Gradients pass to y by the implicit function theorem with the Gauss–Newton matrix, exact where the model
    fits the data.

    References
    ----------
    D. W. Marquardt, J. Soc. Ind. Appl. Math. 11 (1963) 431–441, doi:10.1137/0111030.
    """

    max_iterations: int = 50
    tolerance: float = 1e-6

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if self.max_iterations < 1 or not self.tolerance > 0:
            raise ParameterError(
                f"max_iterations = {self.max_iterations} must be ≥ 1 and tolerance = {self.tolerance} > 0."
            )

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the maps ``(B, P, H, W)`` of signals ``(B, E, H, W)``."""
        model = getattr(physics, "operator", physics)
        require_finite("y", y)
        with torch.no_grad():
            start = model.start(y.detach())
        return self.from_start(y, model, start)

    def from_start(self, y: Tensor, model: SignalModel, x: Tensor) -> Tensor:
        """Return the maps at the minimum into which the descent from ``x`` leads."""
        with torch.no_grad():
            x = self._descend(y.detach(), model, x)
        return x + _gauss_newton(y, model, x) if y.requires_grad else x

    def _descend(self, y: Tensor, model: SignalModel, x: Tensor) -> Tensor:
        damping = torch.full_like(x[:, :1], 1e-3)
        done = torch.zeros_like(damping, dtype=torch.bool)
        cost, scale = _cost(model, x, y), y.abs().square().sum(1, keepdim=True)
        for _ in range(self.max_iterations):
            step = _step(model, x, y, damping)
            tried = _cost(model, x + step, y)
            better = (tried < cost) & ~done  # false for what is not a number
            change = (model.A(x + step) - model.A(x)).abs().square().sum(1, keepdim=True)
            x = torch.where(better, x + step, x)
            small = change <= self.tolerance**2 * scale
            done = done | small | (~better & (damping >= STRONGEST))
            damping = torch.where(better, damping / 10, damping * 10).clamp(WEAKEST, STRONGEST)
            cost = torch.where(better, tried, cost)
            if bool(done.all()):
                break
        return x


def cramer_rao(model: SignalModel, x: Tensor, sigma: float | Tensor) -> Tensor:
    """Return the smallest standard deviation of unbiased estimates of the maps ``(B, P, H, W)``.

    Parameters
    ----------
    model
        The signal model.
    x
        True maps.
    sigma
        Standard deviation of the noise in the signals (in each of real and imaginary part, for complex ones).

    References
    ----------
    C. R. Rao, Bull. Calcutta Math. Soc. 37 (1945) 81–91; S. M. Kay, "Fundamentals of Statistical Signal
    Processing: Estimation Theory" (1993), chapter 3.
    """
    information = _curvature(model.jacobian(x))
    variance = torch.linalg.inv(information).diagonal(dim1=-2, dim2=-1).movedim(-1, 1)
    bound: Tensor = variance.sqrt() * sigma
    return bound


def _real(signals: Tensor) -> Tensor:
    """View complex signals ``(B, E, …)`` as real ones ``(B, 2E, …)``."""
    return torch.cat([signals.real, signals.imag], 1) if signals.is_complex() else signals


def _cost(model: SignalModel, x: Tensor, y: Tensor) -> Tensor:
    cost: Tensor = (model.A(x) - y).abs().square().sum(1, keepdim=True)
    return cost


def _curvature(jacobian: Tensor) -> Tensor:
    """Return JᵀJ, ``(B, H, W, P, P)``."""
    j = _real(jacobian).movedim((3, 4), (1, 2))
    return j.mT @ j


def _step(model: SignalModel, x: Tensor, y: Tensor, damping: Tensor) -> Tensor:
    jacobian = model.jacobian(x)
    curvature = _curvature(jacobian)
    scales = curvature.diagonal(dim1=-2, dim2=-1)
    # A pixel without signal has no curvature: it stays where it is.
    floor = torch.finfo(x.dtype).eps * scales.amax(-1, keepdim=True) + torch.finfo(x.dtype).tiny
    system = curvature + torch.diag_embed(damping.movedim(1, -1) * scales + floor)
    return _solved(system, jacobian, y - model.A(x))


def _gauss_newton(y: Tensor, model: SignalModel, x: Tensor) -> Tensor:
    """Return the step at a minimum: about zero, with the derivative of the minimiser by y."""
    with torch.no_grad():
        jacobian, signals = model.jacobian(x), model.A(x)
        curvature = _curvature(jacobian)
        scales = curvature.diagonal(dim1=-2, dim2=-1)
        floor = torch.finfo(x.dtype).eps * scales.amax(-1, keepdim=True) + torch.finfo(x.dtype).tiny
        system = curvature + torch.diag_embed(floor.expand_as(scales))
    return _solved(system, jacobian, y - signals)


def _solved(system: Tensor, jacobian: Tensor, residual: Tensor) -> Tensor:
    right = (_real(jacobian) * _real(residual).unsqueeze(2)).sum(1).movedim(1, -1)
    solved: Tensor = torch.linalg.solve(system, right)
    return solved.movedim(-1, 1)
