"""Images to the samples of one trajectory, and back: by an FFT where every sample lies on the grid.

Echo-planar and other Cartesian readouts are often written as trajectories. Their points are whole numbers of
cycles/FOV, so the values are those of a plain FFT, looked up; elsewhere a non-uniform transform is needed.
The trajectory itself says which.
"""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor

from wellposed.linalg.blocks import blockwise
from wellposed.native import uncompiled
from wellposed.operators.derived import Derived
from wellposed_mri.encoding import kernels, toeplitz
from wellposed_mri.encoding.checks import hidden
from wellposed_mri.fourier import centring
from wellposed_mri.nufft import Plans, to_image, to_points


class Along:
    """The transform ``Σ_j x[j]·exp(−2πi k_m·(j − n//2)/n)`` along one trajectory, and its adjoint, unscaled.

    Parameters
    ----------
    shape
        Image size.
    accuracy
        Relative error of non-uniform transforms; points nearer to the grid than it shows are on the grid.
    index
        Which trajectory of ``(N, …, samples, d)`` is meant; ``None`` for all points together.
    """

    def __init__(self, shape: tuple[int, ...], accuracy: float, index: int | None = None) -> None:
        self.shape, self.accuracy, self.index = shape, accuracy, index
        self._axes = tuple(range(-len(shape), 0))
        self._plans = Plans(shape, accuracy)
        self._points = Derived(partial(radians, shape=shape, index=index))
        self._places = Derived(partial(places, shape=shape, accuracy=accuracy, index=index))
        self._gather = Derived(partial(_inverse, size=math.prod(shape)))
        self._spectrum = Derived(partial(toeplitz.spectrum, shape=shape, index=index))
        self._counts = Derived(partial(_counts, shape=shape))

    def on_grid(self, trajectory: Tensor) -> bool:
        """Whether an FFT serves: all points lie on the grid, and none of them is being moved."""
        return not _moving(trajectory) and self._places(trajectory).numel() > 0

    @uncompiled
    def to_points(self, images: Tensor, trajectory: Tensor) -> Tensor:
        """Return the samples ``(…, M)`` of images ``(…, *shape)``."""
        lead = images.shape[: -len(self.shape)]
        if not self.on_grid(trajectory):
            flat = images.reshape(-1, *self.shape)
            return to_points(flat, self._points(trajectory), self._plans).reshape(*lead, -1)
        found = blockwise(partial(self._sampled, trajectory), (images,), (), len(self.shape))
        return found.reshape(*lead, -1)

    @uncompiled
    def to_images(self, samples: Tensor, trajectory: Tensor) -> Tensor:
        """Return images ``(…, *shape)`` of samples ``(…, M)``: the adjoint."""
        lead = samples.shape[:-1]
        if not self.on_grid(trajectory):
            flat = samples.reshape(-1, samples.shape[-1])
            images = to_image(flat, self._points(trajectory), self._plans)
            return images.reshape(*lead, *self.shape)
        planes = samples.reshape(*lead, *(1,) * (len(self.shape) - 1), -1)
        return blockwise(partial(self._spread, trajectory), (planes,), (), len(self.shape))

    def _sampled(self, trajectory: Tensor, images: Tensor) -> Tensor:
        """Return samples on the grid ``(…, 1, M)``, in which the axes of the image are kept for blocks."""
        where = self._places(trajectory)
        before, after = centring(self.shape, self._axes, images)
        spectra: Tensor = torch.fft.fftn(images * before, dim=self._axes).flatten(-len(self.shape))
        found = _looked_up(spectra, where) * after.flatten()[where]
        return found.reshape(*images.shape[: -len(self.shape)], *(1,) * (len(self.shape) - 1), -1)

    def _spread(self, trajectory: Tensor, samples: Tensor) -> Tensor:
        """Return images of samples on the grid ``(…, 1, M)``."""
        before, after = centring(self.shape, self._axes, samples)
        lead = samples.shape[: -len(self.shape)]
        spectra = self._scattered(samples.reshape(*lead, -1), trajectory).reshape(*lead, *self.shape)
        images: Tensor = torch.fft.ifftn(spectra * after.conj(), dim=self._axes, norm="forward")
        return images * before.conj()

    def _scattered(self, samples: Tensor, trajectory: Tensor) -> Tensor:
        """Return samples added up at their places, zero elsewhere, ``(…, pixels)``."""
        where = self._places(trajectory)
        gather = self._gather(where)
        if gather.numel():  # each place once: looking up is faster than adding
            padded = torch.cat([samples, samples.new_zeros(*samples.shape[:-1], 1)], -1)
            return _looked_up(padded, gather)
        return samples.new_zeros(*samples.shape[:-1], math.prod(self.shape)).index_add(-1, where, samples)

    @uncompiled
    def normal(self, x: Tensor, maps: Tensor, conjugate: Tensor, trajectory: Tensor) -> Tensor:
        """Return ``Σ_c conjugate_c · T(maps_c · x)``, T the product of both transforms, orthonormal.

        Images ``(B, S, *shape)``, maps ``(b, S, C, *shape)``; points that move carry no gradient here.
        """
        if not self.on_grid(trajectory):
            return toeplitz.normal(x, maps, conjugate, self._spectrum(trajectory).to(maps.real.dtype))
        before = centring(self.shape, self._axes, maps)[0]
        counts = self._counts(self._places(trajectory)).to(maps.real.dtype)
        return kernels.normal(x, maps * before, conjugate * before.conj(), counts, self._axes)

    @uncompiled
    def convolved(self, images: Tensor, trajectory: Tensor) -> Tensor:
        """Return the product of both transforms of images ``(…, *shape)``, orthonormal."""
        if not self.on_grid(trajectory):
            return toeplitz.convolve(images, self._spectrum(trajectory).to(images.real.dtype))
        before = centring(self.shape, self._axes, images)[0]
        counts = self._counts(self._places(trajectory)).to(images.real.dtype).reshape(self.shape)
        spectra = torch.fft.fftn(images * before, dim=self._axes) * counts
        found: Tensor = torch.fft.ifftn(spectra, dim=self._axes) * before.conj()
        return found

    def pays_off(self, trajectory: Tensor) -> bool:
        """Whether :meth:`normal` is cheaper than one transform after the other."""
        chosen = trajectory if self.index is None else trajectory[self.index]
        return self.on_grid(trajectory) or toeplitz.pays_off(self.shape, chosen, self.accuracy)


def radians(trajectory: Tensor, shape: tuple[int, ...], index: int | None = None) -> Tensor:
    """Return the points ``(M, d)`` in radians per pixel of a trajectory in cycles/FOV."""
    chosen = trajectory if index is None else trajectory[index]
    sizes = torch.tensor(shape, dtype=trajectory.dtype, device=trajectory.device)
    return (chosen.reshape(-1, len(shape)) / sizes) * (2 * math.pi)


def places(trajectory: Tensor, shape: tuple[int, ...], accuracy: float, index: int | None = None) -> Tensor:
    """Return where in centred k-space the samples lie, flat ``(M,)``; empty where some are off the grid.

    A point that is off by δ changes a sample by at most π·δ of the image's sum, hence the tolerance.
    """
    chosen = (trajectory if index is None else trajectory[index]).reshape(-1, len(shape))
    nearest = chosen.round()
    if not bool(((chosen - nearest).abs() <= accuracy / 4).all()):
        return torch.empty(0, dtype=torch.int64, device=trajectory.device)
    flat = torch.zeros(chosen.shape[0], dtype=torch.int64, device=trajectory.device)
    for axis, n in enumerate(shape):
        flat = flat * n + (nearest[:, axis].long() + n // 2) % n
    return flat


def _looked_up(values: Tensor, where: Tensor) -> Tensor:
    """Return ``values[…, where]``, three times as fast as by indexing."""
    return torch.gather(values, -1, where.expand(*values.shape[:-1], -1))


def _inverse(where: Tensor, size: int) -> Tensor:
    """Return for every place its sample, M for none ``(size,)``; empty where two samples share a place."""
    if len(set(where.tolist())) < where.numel():
        return torch.empty(0, dtype=torch.int64, device=where.device)
    found = torch.full((size,), where.numel(), dtype=torch.int64, device=where.device)
    found[where] = torch.arange(where.numel(), device=where.device)
    return found


def _counts(where: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return how many samples lie at every place, ``(1, 1, *shape)``, where a centred image's FFT has it."""
    return torch.bincount(where, minlength=math.prod(shape)).double().reshape(1, 1, *shape)


def _moving(trajectory: Tensor) -> bool:
    return trajectory.requires_grad or hidden(trajectory)
