"""Images as denoisers like them: one at a time, real planes, decorrelated colours, no border to fall over."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed_optim.parameters import per_sample


def per_image(denoise: Callable[[Tensor, Tensor], Tensor], x: Tensor, sigma: Any) -> Tensor:
    """Apply ``denoise(image, σ)`` to every image of a batch, with σ a number or per sample ``(B,)``."""
    values = per_sample(sigma, x).reshape(-1).expand(x.shape[0])
    return torch.stack([denoise(image, s) for image, s in zip(x, values, strict=True)])


def as_planes(x: Tensor) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """View ``(C, H, W)`` as real planes (complex: real and imaginary parts), and how to go back."""
    if not x.is_complex():
        return x, lambda planes: planes
    real = torch.view_as_real(x).movedim(-1, 0).reshape(-1, *x.shape[-2:])

    def back(planes: Tensor) -> Tensor:
        pair = planes.reshape(2, *x.shape).movedim(0, -1).contiguous()
        return torch.view_as_complex(pair)

    return real, back


def opponent(x: Tensor, *, inverse: bool = False) -> Tensor:
    """Rotate three colour planes to luminance and two opponents, orthonormally; other images stay."""
    if x.shape[0] != 3:
        return x
    rows = [[1 / math.sqrt(3)] * 3, [1 / math.sqrt(2), 0, -1 / math.sqrt(2)]]
    rows.append([1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)])
    matrix = torch.tensor(rows, dtype=x.dtype, device=x.device)
    return torch.einsum("ij,jhw->ihw", matrix.T if inverse else matrix, x)


def pad_symmetric(
    x: Tensor, margin: int, least: int = 1, base: int = 0, multiple: int = 1
) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Mirror ``(C, H, W)`` by ``margin``, and on until each size is ``base + k·multiple`` ≥ ``least``.

    Returns the padded planes and the crop that undoes it.
    """
    height, width = x.shape[-2:]
    for axis, size in ((-2, height), (-1, width)):
        total = max(least, size + 2 * margin)
        total += (base - total) % multiple
        index = torch.arange(-margin, total - margin, device=x.device) % (2 * size)
        x = x.index_select(axis, torch.minimum(index, 2 * size - 1 - index))
    return x, lambda y: y[..., margin : margin + height, margin : margin + width]
