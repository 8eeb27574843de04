"""‖A‖² as the unit of weights: an estimate that is smooth in all that A is made of.

A maximum over maps and masks has kinks, and just where scans lie: many entries of a mask are equal. The
Lehmer mean Σvᵖ/Σvᵖ⁻¹ has none. It is the maximum where values are zero or equal, else a little less.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.linalg import find, gram
from wellposed.operators import Composition, Scaled
from wellposed.structure import Isometry
from wellposed_mri.encoding import (
    CartesianMRI,
    DynamicMRI,
    MultiCoilMRI,
    SimultaneousMultiSliceMRI,
    SubspaceMRI,
)

ORDER = 16
"""p of the Lehmer mean."""

STEPS = 12
"""Power iterations for operators whose parts do not tell their size."""


def squared_scale(op: Any) -> Tensor:
    """Return about ‖A‖², a real number, differentiable in the parameters of ``op``.

    Raises
    ------
    ParameterError
        Where the operator is zero.
    """
    size = scale_of(op)
    if not bool(size > 0):
        raise ParameterError("the operator is zero: are the coil maps, or the mask, zero everywhere?")
    return size


@singledispatch
def scale_of(op: Any) -> Tensor:
    """Return about ‖A‖²: the Rayleigh quotient of A*A after some power iterations."""
    normal = gram(op)
    generator = torch.Generator().manual_seed(0)
    start = torch.randn((1, *op.domain.concrete_shape), generator=generator, dtype=op.domain.dtype)
    like = next(iter(op.parameters_xi().values()), start)
    v = (1 + 0.1 * start).to(like.device)  # scans see smooth images best
    for _ in range(STEPS):
        v = normal.A(v)
        length = torch.linalg.vector_norm(v.flatten(1), dim=1)
        v = v / torch.where(length > 0, length, 1).reshape((-1,) + (1,) * (v.ndim - 1))
    quotients: Tensor = (v.conj() * normal.A(v)).real.flatten(1).sum(1)
    return quotients.max()


@scale_of.register
def _(op: CartesianMRI) -> Tensor:
    return _mask(op.mask, op.mask)


@scale_of.register(MultiCoilMRI)
@scale_of.register(DynamicMRI)
def _(op: Any) -> Tensor:
    return _mask(op.mask, op.maps) * lehmer(op._power(op.maps))


@scale_of.register
def _(op: SubspaceMRI) -> Tensor:
    stretch = lehmer(torch.linalg.eigvalsh(op.basis.mH @ op.basis))
    return stretch * _mask(op.mask, op.maps) * lehmer(op._power(op.maps))


@scale_of.register
def _(op: SimultaneousMultiSliceMRI) -> Tensor:
    slices = op._power(op.maps).unbind(1)
    power: Tensor = torch.stack([lehmer(p) for p in slices]).sum()
    return _mask(op.mask, op.maps) * power


@scale_of.register
def _(op: Scaled) -> Tensor:
    factor = torch.as_tensor(op.scalar).abs().square()
    inner = scale_of(op.operand)
    return factor.reshape(()).to(inner) * inner


@scale_of.register
def _(op: Composition) -> Tensor:
    outer, *rest = op._operators()
    if find(outer, Isometry) is None:
        return scale_of.dispatch(object)(op)
    return scale_of(rest[0] if len(rest) == 1 else Composition(rest))


def lehmer(values: Tensor) -> Tensor:
    """Return Σvᵖ/Σvᵖ⁻¹ of values ≥ 0: a smooth maximum, 0 where all are."""
    top = values.detach().max()
    unit = values / torch.where(top > 0, top, 1)  # of degree one, so the unit needs no gradient
    below = unit.pow(ORDER - 1).sum()
    mean: Tensor = top * unit.pow(ORDER).sum() / torch.where(below > 0, below, 1)
    return mean


def _mask(mask: Tensor | None, like: Tensor) -> Tensor:
    return like.real.new_ones(()) if mask is None else lehmer(mask.square())
