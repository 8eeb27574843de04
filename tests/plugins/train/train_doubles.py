"""Small physics by shape: what the losses need, inheriting nothing."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor


@attrs.frozen(eq=False)
class MatrixPhysics:
    """y = M vec(x), optionally with Gaussian noise from a generator."""

    matrix: Tensor
    shape: tuple[int, ...]
    sigma: float = 0.0

    def __call__(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        clean = self.A(x)
        return clean + self.sigma * torch.randn(clean.shape, generator=generator, dtype=clean.dtype)

    def A(self, x: Tensor) -> Tensor:
        return x.flatten(1).to(self.matrix.dtype) @ self.matrix.T

    def A_adjoint(self, y: Tensor) -> Tensor:
        return (y @ self.matrix.conj()).reshape(-1, *self.shape)

    def A_dagger(self, y: Tensor) -> Tensor:
        return (y @ torch.linalg.pinv(self.matrix).T).reshape(-1, *self.shape)


class IdentityPhysics:
    """y = x."""

    def __call__(self, x: Tensor) -> Tensor:
        return x

    A = A_adjoint = __call__


class PairPhysics:
    """Two measurements of different size: x and 2x[..., :2]."""

    def A(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, 2 * x[..., :2]

    __call__ = A


@attrs.frozen
class Rolls:
    """Cyclic shifts along the last axis, of the length given."""

    length: int

    def sample(self, generator: torch.Generator | None = None) -> int:
        return int(torch.randint(self.length, (), generator=generator))

    def act(self, x: Tensor, g: int) -> Tensor:
        return x.roll(g, -1)

    def inverse(self, g: int) -> int:
        return -g % self.length


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=dtype)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=generator(seed), dtype=torch.float64)
