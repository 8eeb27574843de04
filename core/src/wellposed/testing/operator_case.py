"""An operator under test: its spaces found or given, its probes, its matrix, and its other precisions."""

from __future__ import annotations

import copy
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from wellposed.errors import ParameterError
from wellposed.spaces import AnySpace, ProductSpace, Space, Vector
from wellposed.structure import Evidence, RealLinear
from wellposed.testing.case import Case, Face, clone, detach, has, moved
from wellposed.testing.diagnose import size
from wellposed.testing.probes import eps, fill, is_complex, probe, space_of, with_precision
from wellposed.vectors import batch_size, inner, map_vector

GUESSES = (
    Space((1, 5, 6), torch.float64),
    Space((3, 8, 7), torch.float64),
    Space((1, 8, 8), torch.complex128),
)
"""Domains tried on an operator that knows none, when none was given."""

DENSE = 2000
"""Largest domain of which the matrix is formed, for diagnoses and spectral checks."""

E = TypeVar("E", bound=Evidence)


class OperatorCase(Case):
    """A physics: ``A``, and ``A_adjoint`` where it has one."""

    def __init__(
        self, component: Any, domain: AnySpace | None, physics: Any, seed: int, exact: bool = False
    ) -> None:
        self.exact = exact
        super().__init__(component, domain, physics, seed)

    def take_precision(self) -> None:
        """Work in double precision where the module can, or in the precision of the given domain."""
        if self.exact:
            return
        wanted = with_precision(self.domain, True) if self.given_domain is None else self.domain
        converted = moved(copy.deepcopy(self.pristine), eps(wanted) < 1e-10)
        if _runs(converted, wanted):
            self.pristine, self.given_domain = converted, wanted
            self.__dict__.pop("component", None)
            self.__dict__.pop("domain", None)

    @cached_property
    def domain(self) -> AnySpace:
        """The space given, or the operator's own, or the first guess that it accepts."""
        known = self.given_domain or getattr(self.pristine, "domain", None)
        if isinstance(known, Space | ProductSpace):
            return fill(known)
        for guess in GUESSES:
            if _runs(copy.deepcopy(self.pristine) if self.copyable else self.pristine, guess):
                return guess
        raise ParameterError(
            f"{type(self.pristine).__name__} does not say its domain, and takes none of "
            f"{', '.join(map(str, GUESSES))}; give it one: "
            "check(obj, domain=wellposed.Space((1, 6, 7), torch.float64))"
        )

    @cached_property
    def batch(self) -> int | None:
        """The batch size that per-sample parameters ξ prescribe, or ``None``."""
        n = batch_size(self.A(self.domain.zeros(1)))
        return n if n > 1 else None

    def draw(self, space: AnySpace, salt: int) -> Any:
        """Draw a few Gaussian vectors, the same ones for the same salt."""
        return space.randn(self.batch or 3, self.generator(salt))

    @cached_property
    def range(self) -> AnySpace:
        """Where A maps the zero vector."""
        return space_of(self.A(self.domain.zeros(1)))

    @cached_property
    def x(self) -> Any:
        """Probes of the domain."""
        return probe(self.domain, self.generator(1), self.batch or 8)

    @cached_property
    def y(self) -> Any:
        """Probes of the range."""
        return probe(self.range, self.generator(2), self.batch or 8)

    @cached_property
    def real(self) -> bool:
        """Whether only real scalars pass through, so that inner products are compared by real part."""
        both_complex = is_complex(self.domain) and is_complex(self.range)
        return not both_complex or self.evidence(RealLinear) is not None

    def A(self, x: Any, **parameters: Any) -> Any:
        """Evaluate A on a copy."""
        return detach(self.component.A(clone(x), **parameters))

    def adjoint(self, y: Any, **parameters: Any) -> Any:
        """Evaluate A_adjoint on a copy."""
        return detach(self.component.A_adjoint(clone(y), **parameters))

    @property
    def linear(self) -> bool:
        """Whether the operator offers an adjoint, and so claims to be linear."""
        return has(self.component, "A_adjoint")

    def faces(self) -> list[Face]:
        """Return A, and A_adjoint where there is one."""
        first = Face("A", lambda op, x: op.A(x), (map_vector(lambda t: t[: self.batch or 4], self.x),))
        if not self.linear:
            return [first]
        return [
            first,
            Face(
                "A_adjoint",
                lambda op, y: op.A_adjoint(y),
                (map_vector(lambda t: t[: self.batch or 4], self.y),),
            ),
        ]

    def evidences(self) -> tuple[Evidence, ...]:
        """Return what the operator declares."""
        return tuple(self.component.evidence()) if has(self.component, "evidence") else ()

    def evidence(self, kind: type[E]) -> E | None:
        """Return the declaration of this class, if there is one."""
        return next((e for e in self.evidences() if isinstance(e, kind)), None)

    def inner(self, x: Vector, y: Vector) -> Tensor:
        """Return ⟨x, y⟩ in double precision, by its real part where only that has a meaning."""
        value = inner(map_vector(_double, x), map_vector(_double, y))
        return value.real if self.real else value

    def variants(self) -> list[OperatorCase]:
        """Return this case, then single precision and complex numbers where the operator takes them."""
        return [self, *self._others]

    @cached_property
    def _others(self) -> list[OperatorCase]:
        if not (self.copyable and isinstance(self.pristine, nn.Module)):
            return []
        others = []
        single = with_precision(self.domain, False)
        if single != self.domain:
            others.append((moved(copy.deepcopy(self.pristine), False), single))
        own = getattr(self.pristine, "domain", None)
        if isinstance(own, Space) and own.dtype is None and isinstance(self.domain, Space):
            others.append((self.pristine, self.domain.to(torch.complex128)))
        return [OperatorCase(c, d, None, self.seed, exact=True) for c, d in others if _runs(c, d)]

    @cached_property
    def matrix(self) -> Tensor | None:
        """The rows A e_j, or ``None`` if there are too many, or a matrix for each sample.

        Operators that are only R-linear have a second half for complex vectors, the rows A(i e_j).

        """
        if self.batch or not isinstance(self.domain, Space) or self.domain.size > DENSE:
            return None
        basis = torch.eye(self.domain.size, dtype=self.domain.dtype)
        if self.real and self.domain.is_complex:
            basis = torch.cat([basis, 1j * basis])
        return flat(self.A(basis.reshape(-1, *self.domain.concrete_shape)))

    def true_adjoint(self, y: Tensor) -> Tensor | None:
        """Return A*y without ``A_adjoint``: from the matrix of A, or by autograd if that is too large."""
        if not isinstance(self.domain, Space):
            return None
        if self.matrix is None:
            return self._by_autograd(y)
        rows, v = _double(self.matrix), _double(y).flatten(1)
        common = torch.promote_types(rows.dtype, v.dtype)
        products = v.to(common) @ rows.to(common).conj().mT
        if self.real:
            products = products.real
            if self.domain.is_complex:
                products = torch.complex(products[:, : self.domain.size], products[:, self.domain.size :])
        return products.reshape(-1, *self.domain.concrete_shape)

    def _by_autograd(self, y: Tensor) -> Tensor | None:
        x = self.domain.zeros(len(y))
        assert isinstance(x, Tensor)
        try:
            (gradient,) = torch.autograd.grad(self.component.A(x.requires_grad_()), x, y)
        except RuntimeError:  # no gradient flows through A; the check `autograd` says so
            return None
        return _double(gradient)


def flat(x: Vector) -> Tensor:
    """Return ``(B, n)``: a vector's tensors flattened and concatenated."""
    return x.flatten(1) if isinstance(x, Tensor) else torch.cat([flat(part) for part in x], dim=1)


def relative(error: Vector, *scales: Vector) -> float:
    """Return ‖error‖ relative to the largest of the scales' norms, worst sample against best scale."""
    scale = max(float(size(s).max()) for s in scales)
    worst = float(size(error).max()) if batch_size(error) else 0.0
    return worst / scale if scale > 0 else worst


def _double(t: Tensor) -> Tensor:
    return t.to(torch.complex128 if t.is_complex() else torch.float64)


def _runs(component: Any, domain: AnySpace) -> bool:
    try:
        component.A(domain.zeros(1))
    except Exception:  # a guess that does not fit; the check `evaluates` reports a domain that should
        return False
    return True
