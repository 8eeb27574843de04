"""A forward model is two objects: a deterministic operator and a noise model.

Keeping them apart lets every solver see a clean operator and every fidelity follow from the noise's
likelihood. A bare operator is a physics as well: it simply has no noise.
"""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from wellposed.errors import ParameterError, StructureError
from wellposed.immutable import Immutable, unknown_parameter
from wellposed.linalg import norm
from wellposed.linalg.base import LinearOperator, Operator
from wellposed.spaces import AnySpace
from wellposed.structure import Evidence


class ForwardModel(Immutable):
    """``y = noise(operator(x))``.

    Parameters
    ----------
    operator
        An operator, linear or not.
    noise
        A noise model (:mod:`wellposed.noise`), or ``None`` for exact measurements.

    Notes
    -----
    ``model(x, generator=g, kernel=k, sigma=s)`` overrides parameters of either part for one call;
    ``model.replace(…)`` returns a new model. Everything linear (``A_adjoint``, ``A_dagger``, ``prox_l2``,
    ``gram``, ``evidence``) is the operator's own.
    """

    operator: Operator
    noise: Any

    def __init__(self, operator: Operator, noise: Any = None) -> None:
        super().__init__()
        if not isinstance(operator, Operator):
            raise ParameterError(
                f"ForwardModel takes an operator, got {type(operator).__name__}; wrap it with "
                "wellposed.as_operator(obj, domain)."
            )
        if noise is not None and not callable(noise):
            raise ParameterError(
                f"noise is a {type(noise).__name__}, but one noise model is expected, which acts on every "
                "part of a stacked measurement; for others write noise(y, generator) and log_prob(y, mean)."
            )
        self.operator = operator
        self.noise = noise

    @property
    def noise_model(self) -> Any:
        """The noise model, or ``None``; the name under which pipelines look it up."""
        return self.noise

    @property
    def domain(self) -> AnySpace:
        """The space of ``x``."""
        return self.operator.domain

    @property
    def range(self) -> AnySpace:
        """The space of ``y``."""
        return self.operator.range

    def linear(self) -> LinearOperator:
        """Return the operator, or raise :class:`~wellposed.errors.StructureError` if it is not linear."""
        if not isinstance(self.operator, LinearOperator):
            raise StructureError(
                f"{self.operator!r} is not linear, so it has no adjoint, pseudo-inverse or Gram operator; "
                "use A_vjp and A_jvp."
            )
        return self.operator

    def forward(self, x: Any, generator: torch.Generator | None = None, **parameters: Any) -> Any:
        """Return noisy measurements of ``x``, with ``parameters`` overriding ξ or noise levels."""
        if parameters:
            return self.replace(**parameters)(x, generator)
        y = self.operator.A(x)
        return y if self.noise is None else self.noise(y, generator)

    def A(self, x: Any, **parameters: Any) -> Any:
        """Return noiseless measurements of ``x``."""
        return (self.replace(**parameters) if parameters else self).operator.A(x)

    def A_adjoint(self, y: Any, **parameters: Any) -> Any:
        """Return A*y."""
        return self.linear().A_adjoint(y, **parameters)

    def A_dagger(self, y: Any, **parameters: Any) -> Any:
        """Return A⁺y."""
        return self.linear().A_dagger(y, **parameters)

    def prox_l2(self, z: Any, y: Any, gamma: Tensor | float, **parameters: Any) -> Any:
        """Return argmin_u γ/2·‖Au − y‖² + ½·‖u − z‖²."""
        return self.linear().prox_l2(z, y, gamma, **parameters)

    def A_vjp(self, x: Any, v: Any, **parameters: Any) -> Any:
        """Return J(x)*v."""
        return self.operator.A_vjp(x, v, **parameters)

    def A_jvp(self, x: Any, u: Any, **parameters: Any) -> Any:
        """Return J(x)u."""
        return self.operator.A_jvp(x, u, **parameters)

    def evidence(self) -> tuple[Evidence, ...]:
        """Return the operator's structure."""
        return self.linear().evidence()

    @property
    def H(self) -> LinearOperator:
        """The adjoint operator."""
        return self.linear().H

    @property
    def gram(self) -> LinearOperator:
        """``A*A`` as an operator."""
        return self.linear().gram

    def parameters_xi(self) -> dict[str, Tensor]:
        """Return the tensors of both parts that can be overridden by name."""
        return {**self._noise_parameters(), **self.operator.parameters_xi()}

    def _noise_parameters(self) -> dict[str, Tensor]:
        names: tuple[str, ...] = getattr(self.noise, "argument_names", tuple)()
        values = {name: getattr(self.noise, name) for name in names}
        return {name: value for name, value in values.items() if isinstance(value, Tensor)}

    def replace(self, **changes: Any) -> Self:
        """Return a model with parts (``operator=``, ``noise=``) or their parameters changed."""
        parts = {name: changes.pop(name) for name in ("operator", "noise") if name in changes}
        operator, noise = parts.get("operator", self.operator), parts.get("noise", self.noise)
        known, own = operator.parameters_xi(), self._noise_parameters()
        for name in changes:
            if name not in known and name not in own and name not in operator.argument_names():
                raise unknown_parameter(self, name, (*known, *own))
        to_noise = {name: value for name, value in changes.items() if name in own and name not in known}
        to_operator = {name: value for name, value in changes.items() if name not in to_noise}
        return type(self)(
            operator.replace(**to_operator) if to_operator else operator,
            noise.replace(**to_noise) if to_noise else noise,
        )

    def __repr__(self) -> str:
        """Return both parts on one line."""
        return f"ForwardModel({self.operator!r}, {self.noise!r})"


@norm.register
def _(model: ForwardModel, **options: Any) -> float:
    """Return the norm of the operator."""
    return norm(model.linear(), **options)
