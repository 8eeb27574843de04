"""How strong a prior should be: four published rules, which every method with a weight shares.

The noise alone tells a weight in advance. The others look at what weights do: a method walks along some of
them, and each rule scores the images by the data, with a random probe that counts the degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, TypeAlias, get_args

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import gram
from wellposed.solvers import cg
from wellposed_mri.reconstruction.common import operator_of, over
from wellposed_mri.reconstruction.outer_noise import distances, noise_deviation, noise_of_adjoint

WeightRule: TypeAlias = Literal["noise", "discrepancy", "sure", "gcv"]
"""How a weight is chosen.

``"noise"``
    In advance, from the noise: a multiple that each method states, fitted once. Costs nothing.
``"sure"``
    The weight of the least estimated error, Stein's unbiased estimate with a Monte-Carlo divergence (Ramani,
    Blu & Unser 2008). Undersampled data tell the error of an image only where they determine it; what is
    estimated is that of ``P·x``, ``P = (A*A + δ)⁻¹A*A``: the projected SURE of Eldar (2009) and Giryes et
    al. (2011), with a pseudo-inverse that δ, a tenth of the mean eigenvalue of A*A, keeps from amplifying
    noise.
``"gcv"``
    Generalised cross validation, ``‖Ax − y‖²/(1 − freedom/samples)²`` (Golub, Heath & Wahba 1979; nonlinear
    and with a Monte-Carlo trace: Ramani et al. 2012). Needs no noise level.
``"discrepancy"``
    The largest weight whose residual is no larger than the noise (Morozov 1966). Rather too smooth, and where
    errors of the maps exceed the noise the least weight tried.

The last three cost some twenty reconstructions of a few iterations each.

References: doi:10.1109/TIP.2008.2001404; doi:10.1109/TSP.2008.2008212; doi:10.1016/j.acha.2010.11.006;
doi:10.1080/00401706.1979.10489751; doi:10.1109/TIP.2012.2195015.
"""

RULES: tuple[str, ...] = get_args(WeightRule)

FACTORS = tuple(2.0**k for k in range(3, -7, -1))
"""Weights that are tried, of that by the noise; from the largest, as each image starts the next search."""

PUSH = 0.1
"""Size of the probe in standard deviations of the noise; results hardly depend on it (Ramani et al. 2008)."""

DAMPING = 0.1
"""δ of the projected error in mean eigenvalues of A*A."""

Walk: TypeAlias = Callable[[Tensor, Iterable[Tensor]], Iterator[Tensor]]
"""Data and weights ``(B,)``, one after the other, to the image for each."""


def require_weight(name: str, weight: object) -> None:
    """Raise :class:`ParameterError` unless ``weight`` is a number ≥ 0 or names a rule."""
    if weight in RULES if isinstance(weight, str) else _non_negative(weight):
        return
    listed = ", ".join(f'"{rule}"' for rule in RULES)
    shown = f"{float(weight):g}" if isinstance(weight, Tensor) and weight.numel() == 1 else repr(weight)
    raise ParameterError(f"{name} = {shown}, but a number ≥ 0 or one of the rules {listed} is expected.")


def _non_negative(weight: object) -> bool:
    return isinstance(weight, (int, float, Tensor)) and bool(weight >= 0)


def chosen(
    rule: str,
    y: Tensor,
    physics: Any,
    middle: Tensor,
    walk: Walk,
    noise: float | None = None,
    linear: bool = False,
) -> Tensor:
    """Return the weights ``(B,)`` that ``rule`` chooses.

    Parameters
    ----------
    rule
        One of :data:`WeightRule`.
    y, physics
        The scan.
    middle
        The weights by the noise, ``(B,)``, around which others are tried.
    walk
        The method.
    noise
        Standard deviation of the complex noise in y, E|n|² = noise²; ``None`` measures it.
    linear
        Whether images are linear in the data; then the probe takes the place of the data.
    """
    if rule == "noise":
        return middle
    with torch.no_grad():
        score = _Score(rule, y, physics, noise)
        tried = [factor * middle for factor in FACTORS]
        push = torch.where(score.noise > 0, PUSH * score.noise, 1)
        moved = score.probe if linear else score.data + over(push, y) * score.probe
        found = []
        for x, other in zip(walk(score.data, tried), walk(moved, tried), strict=True):
            found.append(score(x, other if linear else (other - x) / over(push, x)))
        scores = torch.stack(found)
        steps = _crossing(scores) if rule == "discrepancy" else _lowest(scores)
        return middle * FACTORS[0] * 2.0**-steps


class _Score:
    """Scores images by the data and by how they answer to the probe; batches, ``(B,)``."""

    def __init__(self, rule: str, y: Tensor, physics: Any, noise: float | None) -> None:
        self.rule, self.operator = rule, operator_of(physics)
        self.acquired = distances(y, self.operator) >= 0
        self.data = torch.where(self.acquired, y, 0)
        self.count = self.acquired.flatten(1).sum(1)
        self.noise = noise_deviation(y, physics) if noise is None else y.real.new_full((y.shape[0],), noise)
        self.probe = torch.where(self.acquired, _turned_probe(self.data), 0)
        self.normal = gram(self.operator)
        gain = noise_of_adjoint(y, physics, 1.0)
        self.damping = DAMPING * over(gain.square(), self.operator.A_adjoint(self.data))
        self.seen_probe = self._projected(self.operator.A_adjoint(self.probe)) if rule == "sure" else None

    def __call__(self, x: Tensor, answer: Tensor) -> Tensor:
        """Return the score of ``x``, ``answer`` being its derivative in the direction of the probe."""
        residual = torch.where(self.acquired, self.operator.A(x) - self.data, 0)
        if self.rule == "discrepancy":
            return _power(residual) / (self.count * self.noise.square())
        if self.rule == "gcv":
            freedom = _inner(self.probe, self.operator.A(answer))
            return _power(residual) / (1 - freedom / self.count).square()
        assert self.seen_probe is not None
        freedom = _inner(self.seen_probe, self._projected(self.normal.A(answer)))
        return _power(self._projected(self.operator.A_adjoint(residual))) + 2 * self.noise.square() * freedom

    def _projected(self, back: Tensor) -> Tensor:
        """Return ``(A*A + δ)⁻¹`` of ``back``."""
        found = cg(lambda v: self.normal.A(v) + self.damping * v, back, tol=1e-3, max_iter=30).x
        assert isinstance(found, Tensor)
        return found


def _turned_probe(y: Tensor) -> Tensor:
    """Return white noise of unit variance that turns with ``y``: no choice depends on the global phase."""
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn((2, 1, *y.shape[1:]), generator=generator, dtype=y.dtype).to(y.device)
    along = (first.conj() * y).flatten(1).sum(1)
    size = along.abs()
    turned: Tensor = second * over(torch.where(size > 0, along / torch.where(size > 0, size, 1), 1), y)
    return turned


def _inner(a: Tensor, b: Tensor) -> Tensor:
    total: Tensor = (a.conj() * b).real.flatten(1).sum(1)
    return total


def _power(a: Tensor) -> Tensor:
    return _inner(a, a)


def _lowest(scores: Tensor) -> Tensor:
    """Return where the scores ``(K, B)`` are least, between steps by the parabola through three of them."""
    best = scores.argmin(0).clamp(1, len(scores) - 2)
    before, at, after = (scores.gather(0, (best + k)[None])[0] for k in (-1, 0, 1))
    bend = before - 2 * at + after
    shift = (before - after) / (2 * torch.where(bend > 0, bend, torch.inf))
    return (best + shift.clamp(-1, 1)).to(scores.dtype)


def _crossing(ratios: Tensor) -> Tensor:
    """Return where ratios ``(K, B)`` that fall along K first reach 1, between steps on logarithmic scales."""
    reached = ratios <= 1
    last = torch.where(reached.any(0), reached.int().argmax(0), len(ratios) - 1)
    after, before = (ratios.gather(0, (last - k).clamp(min=0)[None])[0].log() for k in (0, 1))
    fall = before - after
    back = (-after / torch.where(fall > 0, fall, torch.inf)).clamp(0, 1)
    steps: Tensor = torch.where(reached.any(0) & (last > 0), last - back, last.to(ratios.dtype))
    return steps
