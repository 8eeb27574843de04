"""What all algorithms share: the problem f(x; y, A) + λ·g(x), the loop, and when to stop.

An algorithm states its iteration as a closure ``advance() → x``; everything else is here. A sample is done
at its own convergence: its image is taken at that iteration while the rest of the batch goes on, so that it
is the image that it would be alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed import vectors
from wellposed.errors import ConvergenceError, ParameterError
from wellposed.spaces import Vector
from wellposed_optim.algorithms.result import Result
from wellposed_optim.fidelities import L2, Fidelity
from wellposed_optim.noise_estimate import noise_level
from wellposed_optim.parameters import Method, keep, per_sample, positive, refuse_overrides, whole
from wellposed_optim.priors import Prior, TotalVariation
from wellposed_optim.priors.own import as_prior
from wellposed_optim.start import initial_image

Advance = Callable[[], Tensor]
Callback = Callable[[int, Tensor], object]


class Algorithm(Method):
    """Base of algorithms that minimise ``f(x; y, A) + λ·g(x)``; a reconstructor.

    Parameters
    ----------
    fidelity
        f; least squares where ``None``.
    prior
        g; total variation where ``None``. Any object with ``prox(x, gamma)`` serves, or that function.
    weight
        λ ≥ 0, a number or per sample ``(B,)``; ``None`` chooses it from the noise level.
    max_iterations
        The most iterations.
    tolerance
        Relative change at which a sample has converged; 0 runs all iterations.
    check_every
        Iterations between looks at convergence (a look costs a few passes over the image).
    """

    def __init__(
        self,
        fidelity: Fidelity | None = None,
        prior: Prior | None = None,
        weight: float | Tensor | None = None,
        max_iterations: int = 100,
        tolerance: float = 1e-4,
        check_every: int = 10,
    ) -> None:
        super().__init__()
        if weight is not None:
            positive("weight", weight, zero=True)
        whole("max_iterations", max_iterations)
        whole("check_every", check_every)
        positive("tolerance", tolerance, zero=True)
        self.fidelity: Fidelity = L2() if fidelity is None else fidelity
        self.prior: Prior = TotalVariation() if prior is None else as_prior(prior)
        keep(self, "weight", weight)
        self.weight: float | Tensor | None
        self.max_iterations = max_iterations
        self.tolerance = tolerance
        self.check_every = check_every

    def _start(self, x: Tensor, y: Vector, physics: Any) -> Advance:
        """Prepare for ``y`` and return ``advance``: one iteration, which returns the new image."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define _start(self, x, y, physics); write it."
        )

    def forward(self, y: Any, physics: Any, x0: Tensor | None = None, **unknown: Any) -> Tensor:
        """Return the reconstruction of ``y``, started from ``x0`` (by default from the back-projection)."""
        refuse_overrides(self, unknown)
        return self.solve(y, physics, x0).x

    def solve(
        self,
        y: Any,
        physics: Any,
        x0: Tensor | None = None,
        *,
        history: bool = False,
        callback: Callback | None = None,
    ) -> Result:
        """Return the reconstruction with how it was reached.

        Parameters
        ----------
        y, physics
            The measurements and their forward model.
        x0
            Where to start.
        history
            Also record objective and change after every iteration (costs one evaluation of A each).
        callback
            Called as ``callback(iteration, x)`` after every iteration; returning ``True`` stops the run.

        Raises
        ------
        ConvergenceError
            When the iteration meets non-finite numbers.
        """
        x = initial_image(y, physics) if x0 is None else x0
        run = _Run(self, y, physics, history, callback)
        return run(self._start(x, y, physics), x)

    def objective(self, x: Tensor, y: Any, physics: Any) -> Tensor:
        """Return f(x) + λ·g(x) per sample, ``(B,)``."""
        return self.fidelity.value(x, y, physics) + self.weight_of(y, physics) * self.prior.value(x)

    def weight_of(self, y: Any, physics: Any) -> float | Tensor:
        """Return λ: as given, or from the noise level of ``y``."""
        if self.weight is not None:
            per_sample(self.weight, vectors.leaves(y)[0], "weight")
            return self.weight
        if not isinstance(self.fidelity, L2):
            raise ParameterError(
                f"no automatic weight for {type(self.fidelity).__name__}; give the algorithm weight=…."
            )
        return self.prior.weight_for(noise_level(y, physics)) * self.fidelity.precision


class _Run:
    """One run of the loop."""

    def __init__(
        self, algorithm: Algorithm, y: Any, physics: Any, history: bool, callback: Callback | None
    ) -> None:
        self.algorithm, self.y, self.physics = algorithm, y, physics
        self.history, self.callback = history, callback
        self.objectives: list[Tensor] = []
        self.changes: list[Tensor] = []

    def __call__(self, advance: Advance, x: Tensor) -> Result:
        limit, every, tolerance = self._limits()
        plain = not self.history and self.callback is None
        answer, done, change = x, torch.zeros(x.shape[0], dtype=torch.bool, device=x.device), None
        iterations = torch.full((x.shape[0],), limit, device=x.device)
        k = 0
        for k in range(1, limit + 1):
            old, x = x, advance()
            if plain and k % every and k != limit:
                continue
            if self._watch(k, old, x):
                break
            if k % every and k != limit:
                continue
            change = relative_change(x, old)
            _check_finite(change, k, self.algorithm)
            new = (change <= tolerance) & ~done
            if tolerance > 0 and bool(new.any()):
                answer = torch.where(vectors.expand(done, x), answer, x)  # type: ignore[arg-type]
                iterations[new] = k
                done = done | new
                if bool(done.all()):
                    break
        answer = torch.where(vectors.expand(done, x), answer, x) if bool(done.any()) else x  # type: ignore[arg-type]
        iterations = iterations.clamp(max=k)
        last = relative_change(x, x) if change is None else change
        return Result(answer, iterations, last, done, _stacked(self.objectives), _stacked(self.changes))

    def _limits(self) -> tuple[int, int, float]:
        return self.algorithm.max_iterations, self.algorithm.check_every, self.algorithm.tolerance

    def _watch(self, k: int, old: Tensor, x: Tensor) -> bool:
        if self.history:
            with torch.no_grad():
                self.objectives.append(self.algorithm.objective(x, self.y, self.physics))
                self.changes.append(relative_change(x, old))
        return self.callback is not None and self.callback(k, x) is True


def relative_change(x: Tensor, old: Tensor) -> Tensor:
    """Return ‖x − old‖/‖x‖ per sample, ``(B,)``; 0 where both vanish."""
    with torch.no_grad():
        size = vectors.norm(x)
        return vectors.norm(x - old) / size.clamp(min=torch.finfo(size.dtype).tiny)


def _check_finite(change: Tensor, k: int, algorithm: Algorithm) -> None:
    if not bool(torch.isfinite(change).all()):
        raise ConvergenceError(
            f"{type(algorithm).__name__} met non-finite numbers by iteration {k}: the step is too large, or "
            "y has NaNs. Leave step=None to take it from ‖A‖, or check y."
        )


def _stacked(values: list[Tensor]) -> Tensor | None:
    return torch.stack(values) if values else None
