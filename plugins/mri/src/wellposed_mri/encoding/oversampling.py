"""Readout oversampling: scanners sample the readout twice as densely, and the far half is thrown away."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.operators import LinearOperator
from wellposed.spaces import Space
from wellposed.structure import Evidence, Isometry, NormBound, Symmetry
from wellposed_mri.fourier import centred_fft, centred_ifft
from wellposed_mri.phase import GlobalPhase


class ReadoutOversampling(LinearOperator):
    """k-space of a field of view to that of one ``factor`` times as long: what an oversampled readout sees.

    Its adjoint crops oversampled data to the field of view, ``op.A_adjoint(raw)``, and
    ``ReadoutOversampling(…) @ MultiCoilMRI(…)`` is the physics of raw, oversampled data.

    Parameters
    ----------
    domain
        Space or shape of k-space without oversampling, ``(coils, H, W)`` or ``(coils, D, H, W)``; complex64
        where only a shape is given.
    factor
        How much longer the oversampled readout is; ``factor·n`` must be whole.
    axis
        The readout, a negative axis: −2 for rows, the custom of ISMRMRD files after transposition, or −1.

    Notes
    -----
    Along the readout: inverse transform, zeros on both sides, transform. Lines that are missing along
    another axis stay missing. The operator is an isometry, A*A = I, so cropping after it changes nothing.

    Raises
    ------
    ParameterError
        For a factor below 1 or one that does not give whole sizes, and for an axis that is not the image's.
    """

    def __init__(self, domain: Space | tuple[int, ...], factor: float = 2.0, axis: int = -2) -> None:
        space = domain if isinstance(domain, Space) else Space(domain, torch.complex64)
        shape = space.concrete_shape
        if not 1 - len(shape) <= axis < 0:
            raise ParameterError(
                f"axis = {axis}, but the readout of {shape} is an axis from {1 - len(shape)} to −1."
            )
        long = factor * shape[axis]
        if factor < 1 or abs(long - round(long)) > 1e-9:
            raise ParameterError(
                f"factor = {factor} makes {long:g} samples of {shape[axis]}; it must be ≥ 1, and the number "
                "whole."
            )
        longer = list(shape)
        longer[axis] = round(long)
        super().__init__(space, Space(longer, space.dtype))
        self.factor, self.axis = factor, axis
        # The origin stays at index n//2 of the short and of the long axis.
        self._short, self._start = shape[axis], longer[axis] // 2 - shape[axis] // 2
        self._end = longer[axis] - shape[axis] - self._start

    def _forward(self, x: Tensor) -> Tensor:
        image = centred_ifft(x, (self.axis,))
        padded = torch.nn.functional.pad(image, (0, 0) * (-self.axis - 1) + (self._start, self._end))
        return centred_fft(padded, (self.axis,))

    def _adjoint(self, y: Tensor) -> Tensor:
        image = centred_ifft(y, (self.axis,))
        return centred_fft(image.narrow(self.axis, self._start, self._short), (self.axis,))

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Isometry(), NormBound(1.0, tight=True), Symmetry(GlobalPhase(), GlobalPhase()))
