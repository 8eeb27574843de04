"""A film on a Cartesian grid: every frame samples its own places of k-space, the coils stay as they are."""

from __future__ import annotations

from functools import partial

from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space, require_tensor
from wellposed.structure import Evidence, NormBound, Symmetry
from wellposed_mri.encoding import kernels
from wellposed_mri.encoding.checks import full_maps, require_known, require_mask
from wellposed_mri.encoding.multicoil import VaryingAxes, coil_power, leading_axes, squared_mask
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.fourier import centred_ifft, centring, modulation
from wellposed_mri.phase import GlobalPhase


class DynamicMRI(LinearOperator):
    """``y_{c,t} = mask_t · F(Σ_s maps_{s,c} · x_{s,t})``: Cartesian MRI over time, centred orthonormal F.

    Parameters
    ----------
    maps
        Complex coil sensitivities, shared by all frames: ``(coils, H, W)``, ``(B, coils, H, W)`` or
        ``(B, sets, coils, H, W)``; with one more axis for ``dims=3``.
    mask
        What each frame samples: real or bool, broadcasts against ``(coils, T, H, W)`` or
        ``(B, coils, T, H, W)``, so ``(T, 1, W)`` samples columns. Weights weigh the samples.
    frames
        T; by default the length of the mask's own time axis.
    dims
        Axes of one frame: 2 or 3.

    Notes
    -----
    Images are ``(B, sets, T, H, W)`` and k-space ``(B, coils, T, H, W)``. ``gram`` transforms only the axes
    along which some frame's mask changes.

    Raises
    ------
    SpaceError
        For maps or a mask that do not fit, and for a mask without frames where ``frames`` is not given.

    References
    ----------
    J. Tsao, P. Boesiger and K. P. Pruessmann, Magn. Reson. Med. 50 (2003) 1031–1042,
    doi:10.1002/mrm.10611.
    """

    maps: Tensor
    mask: Tensor

    def __init__(self, maps: Tensor, mask: Tensor, frames: int | None = None, dims: int = 2) -> None:
        if dims not in (2, 3):
            raise ParameterError(f"dims = {dims}, but a frame has 2 or 3 Fourier-encoded axes here.")
        full = full_maps(maps, dims)
        sets, coils, image = full.shape[1], full.shape[2], tuple(full.shape[3:])
        count = frames_of(mask, frames, dims)
        require_mask(mask, (coils, count, *image))
        super().__init__(Space((sets, count, *image), maps.dtype), Space((coils, count, *image), maps.dtype))
        require_known("maps", maps)
        self.register_value("maps", maps)
        self.register_value("mask", mask.to(maps.real.dtype))
        self.frames = frames
        self.dims = dims
        self._axes = tuple(range(-dims, 0))
        self._before = Derived(partial(timeless_maps, dims=dims, conjugate=False))
        self._back = Derived(partial(timeless_maps, dims=dims, conjugate=True))
        self._weight = Derived(partial(centred_frames, sizes=image))
        self._power = Derived(partial(coil_power, dims=dims))

    def _forward(self, x: Tensor) -> Tensor:
        return kernels.encode(x, self._before(self.maps), self._weight(self.mask), self._axes)

    def _adjoint(self, y: Tensor) -> Tensor:
        return kernels.decode(y, self._back(self.maps), self._weight(self.mask).conj(), self._axes)

    def coil_images(self, y: Tensor) -> Tensor:
        """Return ``F*(mask · y)``, one film per coil ``(B, coils, T, H, W)``, not combined."""
        self.range.check(y, "y")
        return centred_ifft(self.mask * y, self._axes)

    def _evidence(self) -> tuple[Evidence, ...]:
        largest = float(self.mask.detach().abs().max())
        bound = largest * float(self._power(self.maps).detach().max()) ** 0.5
        return (NormBound(bound * (1 + 1e-6)), Symmetry(GlobalPhase(), GlobalPhase()))


class DynamicGram(Normal[DynamicMRI]):
    """``A*A`` of :class:`DynamicMRI`, with FFTs only along the axes on which a mask changes."""

    def __init__(self, operator: DynamicMRI) -> None:
        super().__init__(operator)
        self._squared = Derived(partial(squared_mask, ndim=operator.dims + 3))
        self._varying = VaryingAxes(operator._axes)

    @property
    def _axes(self) -> tuple[int, ...]:
        return self._varying(self.operator.mask)

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        axes = self._axes
        return kernels.normal(x, op._before(op.maps), op._back(op.maps), self._squared(op.mask), axes)


@gram.register
def _(op: DynamicMRI) -> LinearOperator:
    return DynamicGram(op)


def frames_of(mask: Tensor, frames: int | None, dims: int) -> int:
    """Return the number of frames: the one given, or the length of the mask's time axis."""
    if frames is not None:
        if frames < 1:
            raise ParameterError(f"frames = {frames}, but at least one frame is needed.")
        return frames
    require_tensor("mask", mask)
    if mask.ndim <= dims:
        raise SpaceError(
            f"mask of shape {tuple(mask.shape)} has no time axis; pass frames=T to use it for all frames, or "
            f"one mask per frame, (T, {', '.join('DHW'[3 - dims :])})."
        )
    return int(mask.shape[-dims - 1])


def timeless_maps(maps: Tensor, dims: int, conjugate: bool) -> Tensor:
    """Return centred maps ``(b, sets, coils, 1, *image)``, conjugated for the way back."""
    full = full_maps(maps, dims) * modulation(maps, tuple(range(-dims, 0)))[0]
    full = full.conj().resolve_conj() if conjugate else full
    return full.unsqueeze(3)


def centred_frames(mask: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Return masks ``(b, coils, T, *sizes)`` times the factors that centre the plain FFT."""
    after = centring(sizes, tuple(range(-len(sizes), 0)), mask)[1]
    return leading_axes(mask * after, len(sizes) + 3)
