"""A*A in a form of its own: what all such operators share, so that each writes its arithmetic only."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from torch import Tensor

from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.structure import Evidence, NormBound, PositiveSemidefinite

Encoding = TypeVar("Encoding", bound=LinearOperator)


class Normal(LinearOperator, Generic[Encoding]):
    """``A*A`` of ``operator``, abstract: subclasses write ``_forward``, which is its own adjoint.

    Parameters
    ----------
    operator
        The encoding operator A, whose parameters ξ can be overridden here too.
    """

    operator: Encoding

    def __init__(self, operator: Encoding) -> None:
        super().__init__(operator.domain, operator.domain)
        self.operator = operator

    def _adjoint(self, y: Tensor) -> Any:
        return self._forward(y)

    def replace(self, **changes: Any) -> Any:
        """Return the Gram operator of the operator with ``changes``."""
        if "operator" in changes:
            return super().replace(**changes)
        return gram(self.operator.replace(**changes))

    def parameters_xi(self) -> dict[str, Tensor]:
        """Return the overridable tensors of the operator inside."""
        return self.operator.parameters_xi()

    def _evidence(self) -> tuple[Evidence, ...]:
        bounds = (NormBound(e.bound**2) for e in self.operator.evidence() if isinstance(e, NormBound))
        return (PositiveSemidefinite(), *bounds)
