"""What a prior is: a function g of the image, with the operations that algorithms ask of it.

A prior is never weighted itself: algorithms minimise f(x) + λ·g(x) and own λ. For primal-dual methods a
prior is h∘K with a linear ``analysis`` K (identity unless it says otherwise) whose h has a simple dual.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError
from wellposed_optim.parameters import Method, per_sample


class Prior(Method):
    """Base of priors: ``convex`` and ``smooth`` are claims that the tests hold it to."""

    convex: ClassVar[bool] = True
    smooth: ClassVar[bool] = False

    def value(self, x: Tensor) -> Tensor:
        """Return g(x) per sample, ``(B,)``."""
        raise NotImplementedError(f"{type(self).__name__} does not define value(self, x); write it.")

    def prox(self, x: Tensor, gamma: float | Tensor) -> Tensor:
        """Return argmin over u of γ·g(u) + ½‖u − x‖², with γ a number or per sample ``(B,)``."""
        raise NotImplementedError(f"{type(self).__name__} does not define prox(self, x, gamma); write it.")

    def grad(self, x: Tensor) -> Tensor:
        """Return the gradient of g; raises :class:`StructureError` where g is not smooth."""
        raise StructureError(
            f"{type(self).__name__} is not differentiable; use a proximal algorithm (PGD, FISTA, ADMM, HQS, "
            "Chambolle–Pock) in place of gradient descent."
        )

    def lipschitz(self) -> float:
        """Return a Lipschitz constant of :meth:`grad`; only where g is smooth."""
        raise StructureError(f"{type(self).__name__} has no Lipschitz gradient; use a proximal algorithm.")

    def weight_for(self, sigma: float | Tensor) -> float | Tensor:
        """Return a good λ for plain least squares and noise of standard deviation ``sigma``."""
        raise ParameterError(f"{type(self).__name__} has no automatic weight; give the algorithm weight=….")

    def prox_sequence(self) -> Callable[[Tensor, Any], Tensor]:
        """Return a prox for a sequence of nearby points: iterative ones start where they last ended."""
        return self.prox

    def analysis(self, x: Tensor) -> Any:
        """Return K x."""
        return x

    def analysis_adjoint(self, v: Any) -> Tensor:
        """Return K*v."""
        out: Tensor = v
        return out

    def analysis_norm(self) -> float:
        """Return a bound of ‖K‖."""
        return 1.0

    def dual_prox(self, v: Any, weight: float | Tensor, step: float | Tensor) -> Any:
        """Return the prox of ``step``·(λh)* at ``v`` with λ = ``weight``, by Moreau's identity."""
        s = per_sample(step, v)
        gamma = torch.as_tensor(weight, device=v.device) / torch.as_tensor(step, device=v.device)
        return v - s * self.prox(v / s, gamma)

    def forward(self, x: Tensor) -> Tensor:
        """Return :meth:`value`."""
        return self.value(x)
