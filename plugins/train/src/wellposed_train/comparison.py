"""What every comparison of two images needs: refuse what cannot be compared, then average per sample.

Broadcasting a ``(B, 1, H, W)`` against a ``(B, 3, H, W)`` gives a number without complaint, and a wrong
one; so shapes must be equal, and integer images (whose range is 255, not 1) are refused.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import DtypeError, SpaceError


def check_pair(x_hat: object, x: object, what: str) -> tuple[Tensor, Tensor]:
    """Return both images after refusing a mismatch.

    Raises
    ------
    SpaceError
        When an argument is not a tensor ``(B, …)``, or the shapes differ.
    DtypeError
        When a dtype is not floating or complex.
    """
    for name, value in (("x_hat", x_hat), ("x", x)):
        if not isinstance(value, Tensor):
            raise SpaceError(f"{what} compares tensors (B, …), but {name} is a {type(value).__name__}.")
        if not (value.is_floating_point() or value.is_complex()):
            raise DtypeError(
                f"{what} compares floating images, but {name} is {value.dtype}; "
                f"convert and scale it first, e.g. {name}.float() / 255."
            )
    assert isinstance(x_hat, Tensor)
    assert isinstance(x, Tensor)
    if x_hat.shape != x.shape:
        raise SpaceError(
            f"{what} needs equal shapes, but x_hat is {tuple(x_hat.shape)} and x is {tuple(x.shape)}; "
            f"nothing is broadcast or cropped."
        )
    if x.ndim < 2:
        raise SpaceError(f"{what} needs a batch axis first, but both are {tuple(x.shape)}: pass x[None].")
    return x_hat, x


def squared_magnitude(x: Tensor) -> Tensor:
    """Return |x|² entrywise, real; smooth at zero also for complex ``x``."""
    return x.real.square() + x.imag.square() if x.is_complex() else x.square()


def sample_mean(x: Tensor) -> Tensor:
    """Average over all axes but the first: ``(B,)``."""
    return x.flatten(1).mean(1)


def sample_sum(x: Tensor) -> Tensor:
    """Sum over all axes but the first: ``(B,)``."""
    return x.flatten(1).sum(1)


def ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Divide per sample, with 0/0 = 0: an exact estimate of an empty image has no error."""
    exact = numerator == 0
    return torch.where(exact, numerator, numerator / torch.where(exact, 1.0, denominator))
