"""The circulant nearest to A*A: conjugate gradients then need not undo the density of the samples.

A*A of a scan weighs frequencies by how densely they are sampled, blurred by the coils. Among all operators
that only weigh frequencies, the one nearest to A*A in the Frobenius norm is known (T. Chan 1988): its
diagonals are the averages of those of A*A, which follow from the point-spread function and the coils.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed.solvers import preconditioners
from wellposed_mri.encoding import MultiCoilMRI, NonCartesianMRI
from wellposed_mri.encoding.checks import full_maps
from wellposed_mri.encoding.multicoil import leading_axes
from wellposed_mri.encoding.toeplitz import spectrum as toeplitz_spectrum

FLOOR = 1e-3
"""The least eigenvalue that is divided by, relative to the largest: never-sampled frequencies have none."""


UNEVEN = 20.0
"""Largest over mean eigenvalue from which the preconditioner is worth its two FFTs."""


def circulant(operator: Any, weight: Tensor | None, always: bool = True) -> Callable[[Tensor], Tensor] | None:
    """Return v ↦ (C + weight)⁻¹v, C the circulant nearest to A*A; ``None`` where it is of no use.

    Parameters
    ----------
    operator
        A: ``mri.multicoil`` or ``mri.noncartesian``; for others there is none.
    weight
        What is added to A*A, broadcasting against images.
    always
        Also where the samples' density is so even that iterations are not saved.
    """
    known = (MultiCoilMRI, NonCartesianMRI) if always else NonCartesianMRI
    if not isinstance(operator, known):
        return None
    dims = len(image_of(operator))
    with torch.no_grad():
        values = nearest_circulant(operator)
        top = float(values.max())
        if not always and top < UNEVEN * float(values.mean()):
            return None
        values = values.clamp(min=FLOOR * top)
        values = values if weight is None else values + weight.detach()
    return preconditioners.circulant(values, tuple(range(-dims, 0)))


def nearest_circulant(operator: MultiCoilMRI | NonCartesianMRI) -> Tensor:
    """Return the eigenvalues of the circulant nearest to each map set's A*A, ``(b, sets, *image)``.

    In the order of the plain FFT.
    """
    image = image_of(operator)
    dims = tuple(range(-len(image), 0))
    maps = full_maps(operator.maps.detach(), len(image))
    doubled = tuple(2 * n for n in image)
    power = torch.fft.fftn(maps, s=doubled, dim=dims).abs().square()
    response = _response(operator, image)
    if response.shape[1] == 1:
        power = power.sum(2, keepdim=True)
    diagonals = torch.fft.ifftn(power, dim=dims).conj() * response[:, None]
    values = torch.fft.fftn(_wrapped(diagonals.sum(2), image), dim=dims).real / math.prod(image)
    typed: Tensor = values.to(operator.maps.real.dtype)
    return typed


def image_of(operator: MultiCoilMRI | NonCartesianMRI) -> tuple[int, ...]:
    """Return the size of the images, without map sets."""
    dims = int(operator.trajectory.shape[-1]) if isinstance(operator, NonCartesianMRI) else operator.dims
    return tuple(operator.maps.shape[-dims:])


def _response(operator: MultiCoilMRI | NonCartesianMRI, image: tuple[int, ...]) -> Tensor:
    """Return the point-spread function at all differences of pixels, ``(b, coils or 1, *doubled)``."""
    dims = tuple(range(-len(image), 0))
    if isinstance(operator, NonCartesianMRI):
        each = operator.trajectory.detach() if operator.batched else operator.trajectory.detach()[None]
        psf = torch.fft.ifftn(torch.stack([toeplitz_spectrum(one, image) for one in each]), dim=dims)
        typed: Tensor = psf.unsqueeze(1).to(operator.maps.dtype)
        return typed
    mask = operator.maps.real.new_ones(()) if operator.mask is None else operator.mask.detach()
    full = leading_axes(mask.square(), len(image) + 2)
    full = full.expand(*full.shape[:2], *image)
    psf = torch.fft.ifftn(torch.fft.ifftshift(full, dim=dims), dim=dims)
    doubled: Tensor = psf.repeat(1, 1, *(2 for _ in image))
    return doubled


def _wrapped(t: Tensor, image: tuple[int, ...]) -> Tensor:
    """Add up what lies an image apart: cyclic differences instead of plain ones."""
    for axis, n in zip(range(-len(image), 0), image, strict=True):
        t = t.narrow(axis, 0, n) + t.narrow(axis, n, n)
    return t
