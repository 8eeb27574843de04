"""Fixing the one thing that coil maps leave open: their phase, which goes into the image instead."""

from __future__ import annotations

import torch
from torch import Tensor


def principal_coil(samples: Tensor) -> Tensor:
    """Return unit weights ``(coils,)`` of the combination of coils with the most signal.

    Its own phase is fixed by a real positive largest entry, so that a global phase of the data changes
    nothing.
    """
    flat = samples.flatten(1).to(torch.complex128)
    vector = torch.linalg.eigh(flat @ flat.mH)[1][:, -1]
    largest = vector[vector.abs().argmax()]
    unit: Tensor = vector * (largest.conj() / largest.abs())
    return unit


def referenced(maps: Tensor, coil: Tensor) -> Tensor:
    """Turn maps ``(…, coils, pixels…)`` so that the ``coil`` combination sees each pixel with phase zero."""
    weights = coil.to(maps.dtype).conj()
    virtual = torch.tensordot(weights, maps, dims=([0], [0]))
    size = virtual.abs()
    turn = torch.where(size > 0, virtual.conj() / size.clamp(min=torch.finfo(size.dtype).tiny), 1.0)
    return maps * turn
