"""Structure is evidence: small frozen facts that an operator knows about itself.

Evidence drives closed forms (a Fourier-diagonal operator never iterates), propagates through the
algebra by the table in :mod:`wellposed.linalg.propagation`, is dropped when unknown, and
is *tested*: each class names the check of the conformance kit that verifies it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Evidence:
    """Base of every declared fact; ``check`` names the conformance check that verifies it."""

    check: ClassVar[str] = ""


@dataclass(frozen=True, eq=False)
class Diagonal(Evidence):
    """``A x = d · x`` entrywise; ``d`` broadcasts against ``(B, *domain.shape)``."""

    check: ClassVar[str] = "diagonal"
    d: Tensor


@dataclass(frozen=True, eq=False)
class FourierDiagonal(Evidence):
    """``A = F⁻¹ diag(spectrum) F`` with F the DFT over axes ``dims`` (negative, e.g. ``(-2, -1)``).

    ``spectrum`` is in ``torch.fft`` order and broadcasts against the transform of ``(B, *domain.shape)``.
    With ``half=True`` it is the half spectrum of ``rfftn`` and the operator maps real to real.
    """

    check: ClassVar[str] = "fourier_diagonal"
    spectrum: Tensor
    dims: tuple[int, ...] = (-2, -1)
    half: bool = False


@dataclass(frozen=True, eq=False)
class SVD(Evidence):
    """``A = U diag(s) V*`` on flattened samples, with orthonormal columns: U (m, k), s (k,), V (n, k)."""

    check: ClassVar[str] = "svd"
    U: Tensor
    s: Tensor
    V: Tensor


@dataclass(frozen=True, eq=False)
class Unitary(Evidence):
    """``A*A = I`` and ``A A* = I``."""

    check: ClassVar[str] = "unitary"


@dataclass(frozen=True, eq=False)
class Isometry(Evidence):
    """``A*A = I``: norms are kept, the range may be larger than the domain."""

    check: ClassVar[str] = "isometry"


@dataclass(frozen=True, eq=False)
class Coisometry(Evidence):
    """``A A* = I``: the adjoint is an isometry (cropping, selecting, a tight frame's synthesis)."""

    check: ClassVar[str] = "coisometry"


@dataclass(frozen=True, eq=False)
class SelfAdjoint(Evidence):
    """``A* = A``."""

    check: ClassVar[str] = "self_adjoint"


@dataclass(frozen=True, eq=False)
class PositiveSemidefinite(Evidence):
    """``A* = A`` and ``⟨x, A x⟩ ≥ 0``."""

    check: ClassVar[str] = "positive_semidefinite"


@dataclass(frozen=True, eq=False)
class Projection(Evidence):
    """``A² = A = A*``: an orthogonal projection."""

    check: ClassVar[str] = "projection"


@dataclass(frozen=True, eq=False)
class NormBound(Evidence):
    """``‖A‖ ≤ bound`` in the spectral norm; ``tight`` when it is the norm itself."""

    check: ClassVar[str] = "norm_bound"
    bound: float
    tight: bool = False


@dataclass(frozen=True, eq=False)
class Symmetry(Evidence):
    """``A T_in(g) = T_out(g) A`` for every g of a group: ``T_in`` and ``T_out`` are Transforms.

    ``accuracy`` is the relative error allowed (0: exact to rounding).
    """

    check: ClassVar[str] = "symmetry"
    T_in: Any
    T_out: Any
    accuracy: float = 0.0


@dataclass(frozen=True, eq=False)
class Equivariant(Evidence):
    """Of a method: ``R(T_out(g) y) = T_in(g) R(y)`` for every ``Symmetry(T_in, T_out)`` of its physics.

    So a method need not know which symmetries a physics has, only that it keeps them; one that does not
    depend on the physics (``R(c·y) = c·R(y)``) is declared by ``Symmetry`` itself.

    Parameters
    ----------
    accuracy
        The relative error allowed, besides that of the symmetry (0: exact to rounding).
    to
        The classes of ``T_in`` to which it applies; all where ``None``.
    """

    check: ClassVar[str] = "equivariance"
    accuracy: float = 0.0
    to: tuple[type, ...] | None = None


@dataclass(frozen=True, eq=False)
class RealLinear(Evidence):
    """Linear over the reals only (takes a real part, say); inner products are then compared by Re⟨·,·⟩."""

    check: ClassVar[str] = "real_linear"


@dataclass(frozen=True, eq=False)
class AdjointAccuracy(Evidence):
    """The adjoint is approximate by choice: relative defect at most ``accuracy``, for ``reason``."""

    check: ClassVar[str] = "adjoint"
    accuracy: float
    reason: str
