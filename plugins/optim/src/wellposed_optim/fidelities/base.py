"""What a data fidelity is: f(x) = d(A x, y), a distance in measurement space seen through the physics.

A fidelity is written by its distance alone (value, gradient, prox in measurement space); everything that
involves the physics follows here once. It is never weighted: the weight belongs to the prior.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from torch import Tensor

from wellposed.errors import StructureError
from wellposed.immutable import Immutable
from wellposed.spaces import Vector


class Fidelity(Immutable):
    """Base of data fidelities; ``convex`` says whether ``d(·, y)`` is."""

    convex: ClassVar[bool] = True

    def distance(self, u: Any, y: Any) -> Tensor:
        """Return d(u, y) per sample, ``(B,)``, for noiseless measurements ``u``."""
        raise NotImplementedError(f"{type(self).__name__} does not define distance(self, u, y); write it.")

    def distance_grad(self, u: Any, y: Any) -> Any:
        """Return the gradient of d(·, y) at ``u``, of the shape of ``u``."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define distance_grad(self, u, y); write it."
        )

    def distance_prox(self, u: Any, y: Any, gamma: float | Tensor) -> Any:
        """Return argmin over v of γ·d(v, y) + ½‖v − u‖², with γ a number or ``(B,)``."""
        raise StructureError(
            f"{type(self).__name__} has no proximal operator in measurement space; "
            "use an algorithm that needs gradients only: gradient descent, PGD or FISTA."
        )

    def value(self, x: Vector, y: Vector, physics: Any) -> Tensor:
        """Return d(A x, y) per sample, ``(B,)``."""
        return self.distance(physics.A(x), y)

    def grad(self, x: Vector, y: Vector, physics: Any) -> Any:
        """Return the gradient of d(A x, y) with respect to ``x``."""
        v = self.distance_grad(physics.A(x), y)
        vjp = getattr(physics, "A_vjp", None)
        return physics.A_adjoint(v) if vjp is None else vjp(x, v)

    def prox(self, z: Vector, y: Vector, physics: Any, gamma: float | Tensor) -> Any:
        """Return argmin over x of γ·d(A x, y) + ½‖x − z‖²; raises where no route is known."""
        raise StructureError(
            f"{type(self).__name__} has no proximal operator through a general physics; use Chambolle–Pock, "
            "which needs its proximal operator in measurement space only."
        )

    def grad_map(self, y: Vector, physics: Any) -> Callable[[Any], Any]:
        """Return ``x ↦ grad(x)`` for fixed ``y``, doing once what does not depend on ``x``."""
        return lambda x: self.grad(x, y, physics)

    def lipschitz(self, y: Vector, physics: Any) -> float | Tensor:
        """Return a Lipschitz constant of the gradient; raises :class:`StructureError` where unknown."""
        raise StructureError(
            f"the gradient of {type(self).__name__} has no known Lipschitz constant; give step=…"
        )

    def forward(self, x: Vector, y: Vector, physics: Any) -> Tensor:
        """Return :meth:`value`."""
        return self.value(x, y, physics)
