"""One coil on a Cartesian grid: a masked Fourier transform, in which every solve is a division."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from wellposed.errors import SpaceError
from wellposed.linalg import gram
from wellposed.operators import FourierMultiplier, LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, NormBound, Symmetry
from wellposed_mri.encoding import kernels
from wellposed_mri.encoding.checks import require_mask
from wellposed_mri.encoding.multicoil import centred_mask
from wellposed_mri.fourier import centring
from wellposed_mri.phase import GlobalPhase


class CartesianMRI(LinearOperator):
    """``y = mask · F x``: Cartesian MRI with one coil, centred orthonormal F.

    Parameters
    ----------
    mask
        What is sampled: real or bool, ``(H, W)`` or broadcasting against ``(1, H, W)`` or ``(B, 1, H, W)``.
        Weights other than 0 and 1 weigh the samples.
    shape
        Image size ``(H, W)`` or ``(D, H, W)``; by default the mask's own trailing axes.

    Notes
    -----
    Image and k-space are ``(B, 1, H, W)``, complex128 for a float64 mask and else complex64. A*A is
    diagonal in Fourier space, so ``prox_l2`` and ``A_dagger`` have closed forms.

    Raises
    ------
    SpaceError
        For a mask that does not broadcast against the shape.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, shape: tuple[int, ...] | None = None) -> None:
        size = tuple(mask.shape[-2:]) if shape is None else tuple(shape)
        if len(size) not in (2, 3):
            raise SpaceError(
                f"an image of shape {size} has no rows and columns; pass shape=(H, W) or (D, H, W), "
                "or a mask with at least two axes."
            )
        require_mask(mask, (1, *size))
        values = mask if mask.is_floating_point() else mask.to(torch.get_default_dtype())
        space = Space((1, *size), torch.complex128 if values.dtype == torch.float64 else torch.complex64)
        super().__init__(space, space)
        self.register_value("mask", values)
        self.shape = size
        self._axes = tuple(range(-len(size), 0))
        self._weight = Derived(partial(centred_mask, sizes=size))

    def _before(self) -> Tensor:
        before = centring(self.shape, self._axes, self.mask)[0]
        kind = torch.complex128 if self.mask.dtype == torch.float64 else torch.complex64
        return before.to(kind).reshape(1, 1, 1, *self.shape)

    def _forward(self, x: Tensor) -> Tensor:
        return kernels.encode(x, self._before(), self._weight(self.mask), self._axes)

    def _adjoint(self, y: Tensor) -> Tensor:
        weight = self._weight(self.mask).conj().resolve_conj()
        return kernels.decode(y, self._before().conj().resolve_conj(), weight, self._axes)

    def coil_images(self, y: Tensor) -> Tensor:
        """Return ``F*(mask · y)``: the image of the one coil."""
        image: Tensor = self.A_adjoint(y)
        return image

    def _evidence(self) -> tuple[Evidence, ...]:
        largest = float(self.mask.detach().abs().max())
        return (NormBound(largest, tight=True), Symmetry(GlobalPhase(), GlobalPhase()))


@gram.register
def _(op: CartesianMRI) -> LinearOperator:
    """F*mask²F is a convolution; its spectrum in plain FFT order is the mask shifted back."""
    grid = op.mask.expand(kernels.broadcast(tuple(op.mask.shape), op.shape))
    return FourierMultiplier(
        torch.fft.ifftshift(grid.square(), dim=op._axes), op.domain, op._axes, half_spectrum=False
    )
