"""Several images in one stream of samples: ``y[m] = Σ_l w_l[m]·(F u_l)[m]``.

Basis functions of a decay, slices excited together and segments of an uneven field are all weights along the
samples. One trajectory serves all of their images, and A*A is one convolution for every pair of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

import torch
from torch import Tensor

from wellposed.linalg import gram
from wellposed.native import uncompiled
from wellposed.operators import LinearOperator
from wellposed.operators.derived import Derived
from wellposed.spaces import Space
from wellposed.structure import Evidence, Symmetry
from wellposed_mri.encoding import toeplitz
from wellposed_mri.encoding.along import Along
from wellposed_mri.encoding.checks import hidden
from wellposed_mri.encoding.kernels import conjugated
from wellposed_mri.encoding.normal import Normal
from wellposed_mri.phase import GlobalPhase
from wellposed_mri.trajectories.density import pipe_menon


class Superposition:
    """The weighted sum of the transforms of L images along one trajectory, and its adjoint, unscaled.

    Parameters
    ----------
    shape
        Image size.
    accuracy
        Relative error of the non-uniform transforms.
    """

    def __init__(self, shape: tuple[int, ...], accuracy: float) -> None:
        self.shape = shape
        self.along = Along(shape, accuracy)
        self._kernel = Derived(partial(toeplitz.pairs, shape=shape, accuracy=accuracy))

    def to_points(self, images: Iterable[Tensor], weights: Tensor, trajectory: Tensor) -> Tensor:
        """Return the samples ``(…, M)`` of L images ``(…, *shape)`` with weights ``(L, M)``."""
        total: Tensor | None = None
        for image, weight in zip(images, weights, strict=True):
            part = weight * self.along.to_points(image, trajectory)
            total = part if total is None else total + part
        assert total is not None
        return total

    def to_images(self, samples: Tensor, weights: Tensor, trajectory: Tensor) -> Iterator[Tensor]:
        """Yield the L images ``(…, *shape)`` of samples ``(…, M)``, one after the other: the adjoint."""
        for weight in weights:
            yield self.along.to_images(weight.conj() * samples, trajectory)

    @uncompiled
    def normal(self, images: Tensor, weights: Tensor, trajectory: Tensor) -> Tensor:
        """Return the product of both of images ``(…, L, *shape)``, orthonormal."""
        return toeplitz.convolve_pairs(images, self._kernel(weights, trajectory))

    def pays_off(self, weights: Tensor, trajectory: Tensor) -> bool:
        """Whether :meth:`normal` can be had, and is cheaper than one transform after the other."""
        if hidden(weights) or hidden(trajectory) or weights.requires_grad or trajectory.requires_grad:
            return False
        return not self.along.on_grid(trajectory) and toeplitz.pays_off(
            self.shape, trajectory, self.along.accuracy, weights.shape[0]
        )


class Superposed(LinearOperator):
    """``y_c[m] = N^(−1/2) Σ_l w_l[m]·F(maps_{c,l}·x_l)[m]``, abstract: subclasses give w and maps.

    Images are ``(B, L, *image)`` and data ``(B, coils, *lead)`` for a trajectory ``(*lead, d)``.
    """

    maps: Tensor
    trajectory: Tensor

    def __init__(self, domain: Space, range: Space, accuracy: float) -> None:
        super().__init__(domain, range)
        self.accuracy = accuracy
        self._sum = Superposition(domain.concrete_shape[1:], accuracy)
        self._conjugate = Derived(conjugated)

    def _weights(self) -> Tensor:
        """Return ``w``, ``(L, M)``."""
        raise NotImplementedError(f"{type(self).__name__} does not define _weights(self).")

    def _factors(self) -> Tensor:
        """Return the maps times N^(−1/2), ``(b, coils, L, *image)``, or with 1 for L."""
        raise NotImplementedError(f"{type(self).__name__} does not define _factors(self).")

    def _forward(self, x: Tensor) -> Tensor:
        factors = _for_each(self._factors(), x.shape[1])
        images = (factor * x[:, None, i] for i, factor in enumerate(factors))
        data = self._sum.to_points(images, self._weights(), self.trajectory)
        return data.reshape(*data.shape[:2], *self.trajectory.shape[:-1])

    def _adjoint(self, y: Tensor) -> Tensor:
        images = self._sum.to_images(y.flatten(2), self._weights(), self.trajectory)
        back = _for_each(self._conjugate(self._factors()), self._weights().shape[0])
        parts = [(factor * image).sum(1) for factor, image in zip(back, images, strict=True)]
        return torch.stack(parts, 1)

    def density(self, iterations: int = 30) -> Tensor:
        """Return Pipe–Menon weights ``(*lead)`` of the trajectory."""
        return pipe_menon(self.trajectory, self._sum.shape, iterations)

    def _evidence(self) -> tuple[Evidence, ...]:
        return (Symmetry(GlobalPhase(), GlobalPhase()),)


class SuperposedGram(Normal[Superposed]):
    """``A*A`` of :class:`Superposed`: a convolution for every pair of images, a coil at a time."""

    def _forward(self, x: Tensor) -> Tensor:
        op, total = self.operator, None
        factors, back = op._factors(), op._conjugate(op._factors())
        pixels = float(x.shape[2:].numel())
        for c in range(factors.shape[1]):
            images = op._sum.normal(factors[:, c] * x, op._weights(), op.trajectory)
            part = back[:, c] * images
            total = part if total is None else total + part
        assert total is not None
        return total * pixels


@gram.register
def _(op: Superposed) -> LinearOperator:
    return SuperposedGram(op) if op._sum.pays_off(op._weights(), op.trajectory) else op.H @ op


def _for_each(factors: Tensor, count: int) -> tuple[Tensor, ...]:
    """Return the maps of every image, ``(b, coils, *image)``."""
    return factors.expand(-1, -1, count, *factors.shape[3:]).unbind(2)
