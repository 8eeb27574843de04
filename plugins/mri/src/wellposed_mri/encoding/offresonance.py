"""Off-resonance: while the readout lasts spins turn with the local field, and images blur or bend."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from wellposed.errors import ParameterError, SpaceError
from wellposed.linalg import gram
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding.checks import full_maps, plain, require_finite, require_known
from wellposed_mri.encoding.kernels import conjugated
from wellposed_mri.encoding.noncartesian import (
    accuracy_of,
    coil_images,
    combined,
    coordinates_of,
    scaled_maps,
)
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.encoding.segmentation import Segments, segments
from wellposed_mri.encoding.superposition import Superposition
from wellposed_mri.encoding.trajectory_checks import require_trajectory
from wellposed_mri.phase import GlobalPhase
from wellposed_mri.trajectories.density import pipe_menon


class OffResonanceMRI(LinearOperator):
    """``y_c[m] = N^(−1/2) Σ_j maps_c[j]·x[j]·exp(−2πi·field[j]·times[m])·exp(−2πi k_m·(j − n//2)/n)``.

    Parameters
    ----------
    maps
        Complex coil sensitivities as for :class:`NonCartesianMRI`.
    trajectory
        ``(…, samples, d)`` in cycles/FOV, rows first; on-grid ones (echo-planar) take FFTs.
    field
        Off-resonance in Hz, ``(H, W)`` or ``(B, H, W)``, ``(D, H, W)`` in three dimensions.
    times
        Times of the samples after excitation or echo in seconds; broadcasts against the trajectory's leading
        axes, so ``(samples,)`` for equal shots.
    accuracy
        Relative error of the non-uniform transforms and largest error of the time segmentation, by default
        as for :class:`NonCartesianMRI`.

    Notes
    -----
    The exponential of field and time is a sum of L products, exact to ``accuracy``: a sample is off by at
    most ``segmentation.error · N^(−1/2) Σ_j |maps_c[j] x[j]|`` (and the transforms' own error). L, about
    the range of the field × readout time + a few, is found from the field given; A costs L transforms.
    A and A* share the segmentation, so they are adjoint to rounding. The field carries gradients; fields that
    ``vmap`` maps over share the segments of their common range.

    Raises
    ------
    SpaceError
        For a field or times that do not fit.
    ParameterError
        For a field and times that need more than 200 segments: usually a wrong unit.

    References
    ----------
    D. C. Noll et al., IEEE Trans. Med. Imaging 10 (1991) 629–637, doi:10.1109/42.108599; B. P. Sutton,
    D. C. Noll and J. A. Fessler, IEEE Trans. Med. Imaging 22 (2003) 178–188, doi:10.1109/TMI.2002.808360.
    """

    maps: Tensor
    trajectory: Tensor
    field: Tensor
    times: Tensor

    def __init__(
        self, maps: Tensor, trajectory: Tensor, field: Tensor, times: Tensor, accuracy: float | None = None
    ) -> None:
        dims = coordinates_of(trajectory, 1)
        full = full_maps(maps, dims)
        accuracy = accuracy_of(accuracy, maps.dtype)
        image = tuple(full.shape[3:])
        require_trajectory(trajectory, image)
        _require_field(field, image, times, tuple(trajectory.shape[:-1]))
        super().__init__(
            Space((full.shape[1], *image), maps.dtype),
            Space((full.shape[2], *trajectory.shape[:-1]), maps.dtype),
        )
        require_known("maps", maps)
        for name, value in (("maps", maps), ("trajectory", trajectory), ("field", field), ("times", times)):
            self.register_value(name, value)
        self.accuracy = accuracy
        self._sum = Superposition(image, accuracy)
        self._weights = Derived(_like)
        self._conjugate = Derived(conjugated)
        self._scaled = Derived(partial(scaled_maps, dims=dims, conjugate=False))
        self._scaled_conjugate = Derived(partial(scaled_maps, dims=dims, conjugate=True))
        self._segmented: tuple[tuple[float, float], Tensor, Segments] | None = None
        self._segmentation()

    @property
    def segmentation(self) -> Segments:
        """The exponentials of the field and times that the operator has now."""
        return self._segmentation()

    def _segmentation(self) -> Segments:
        """Return what was found, or find it again where field or times were loaded anew."""
        kept = self._segmented
        if kept is not None and torch.compiler.is_compiling():
            return kept[2]  # values cannot be looked at here
        if torch._C._functorch.is_batchedtensor(self.times):
            raise ParameterError(
                "times cannot be mapped over: segments are found from their values, for all."
            )
        span, times = _range(self.field), plain(self.times)
        if kept is None or kept[0] != span or not torch.equal(kept[1], times):
            full = times.expand(self.trajectory.shape[:-1])
            kept = (span, times.clone(), segments(full, *span, self.accuracy))
            self._segmented = kept
        return kept[2]

    def _turns(self) -> Tensor:
        """Return ``exp(−2πi·field·t_l)``, ``(L, b, 1, *image)``."""
        dims = self.trajectory.shape[-1]
        field = self.field.reshape(-1, 1, *self.field.shape[-dims:])
        times = self._segmentation().times.to(field)
        angle = -2 * math.pi * times.reshape(-1, *(1,) * field.ndim) * field
        return torch.polar(torch.ones_like(angle), angle)

    def _forward(self, x: Tensor) -> Tensor:
        images, weights = (
            coil_images(x, self._scaled(self.maps)),
            self._weights(self._segmentation().weights, self.maps),
        )
        y = self._sum.to_points((turn * images for turn in self._turns()), weights, self.trajectory)
        return y.reshape(*y.shape[:2], *self.trajectory.shape[:-1])

    def _adjoint(self, y: Tensor) -> Tensor:
        weights, total = self._weights(self._segmentation().weights, self.maps), None
        images = self._sum.to_images(y.flatten(2), weights, self.trajectory)
        for turn, image in zip(self._turns().conj(), images, strict=True):
            part = turn * image
            total = part if total is None else total + part
        assert total is not None
        return combined(total, self._scaled_conjugate(self.maps))

    def density(self, iterations: int = 30) -> Tensor:
        """Return Pipe–Menon weights ``(…, samples)`` of the trajectory."""
        return pipe_menon(self.trajectory, self._sum.shape, iterations)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class OffResonanceGram(Normal[OffResonanceMRI]):
    """``A*A`` of :class:`OffResonanceMRI`: a convolution for every pair of segments, a coil at a time."""

    def _forward(self, x: Tensor) -> Tensor:
        op = self.operator
        turns, weights = op._turns()[:, :, 0].transpose(0, 1), op._weights(op.segmentation.weights, op.maps)
        maps, back, total = op._scaled(op.maps), op._scaled_conjugate(op.maps), None
        for c in range(maps.shape[2]):
            image = coil_images(x, maps[:, :, c : c + 1])
            images = op._sum.normal(turns * image, weights, op.trajectory)
            image = (turns.conj() * images).sum(1, keepdim=True)
            part = combined(image, back[:, :, c : c + 1])
            total = part if total is None else total + part
        assert total is not None
        return total * float(x.shape[2:].numel())


@gram.register
def _(op: OffResonanceMRI) -> LinearOperator:
    weights = op._weights(op.segmentation.weights, op.maps)
    return OffResonanceGram(op) if op._sum.pays_off(weights, op.trajectory) else op.H @ op


def _require_field(field: Tensor, image: tuple[int, ...], times: Tensor, lead: tuple[int, ...]) -> None:
    extra = field.ndim - len(image)
    if field.is_complex() or extra not in (0, 1) or tuple(field.shape[extra:]) != image:
        raise SpaceError(
            f"the field is {str(field.dtype).removeprefix('torch.')} of shape {tuple(field.shape)}, but real "
            f"Hz of shape {image} or (B, {', '.join(map(str, image))}) are expected."
        )
    fits = times.ndim <= len(lead) and all(
        m in (1, n) for m, n in zip(reversed(times.shape), reversed(lead), strict=False)
    )
    if not fits:
        raise SpaceError(
            f"times have shape {tuple(times.shape)}, but the samples are {lead}; give one time per sample "
            "of a shot, in seconds."
        )


def _like(weights: Tensor, maps: Tensor) -> Tensor:
    """Return the weights where the maps are, and as precise."""
    return weights.to(device=maps.device, dtype=maps.dtype)


def _range(field: Tensor) -> tuple[float, float]:
    values = plain(field)
    require_finite("field", values)
    return float(values.min()), float(values.max())
