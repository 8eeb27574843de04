"""Resampling an image under a plane map, by cubic B-spline interpolation.

The image is continued by zeros, interpolated by the cubic spline through its pixels, and read at the
places where the map comes from. A cubic spline through smooth data errs like the fourth power of the
pixel size, two orders better than the local cubic of ``grid_sample`` (M. Unser, "Splines: a perfect fit for
signal and image processing", IEEE SPM 1999); at the pixels themselves it is exact.
"""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import SpaceError

# the spline's coefficients decay by 2 − √3 per pixel: 16 pixels past the border nothing is left
_PAD = 16


def warp(x: Tensor, matrix: Tensor) -> Tensor:
    """Return x(M⁻¹p) on the pixel grid, zero where that lies outside the image.

    Parameters
    ----------
    x
        Images ``(B, C, H, W)``, real or complex.
    matrix
        Homographies ``(n, 3, 3)``, n in {1, B}, acting on (right, down, 1) with the origin in the middle
        of the image and half of its longer side as the unit. Differentiable in both.

    Raises
    ------
    SpaceError
        If ``x`` does not have four axes.
    """
    if x.ndim != 4:
        raise SpaceError(f"a plane map acts on images (B, C, H, W) but was given shape {tuple(x.shape)}")
    if x.is_complex():
        return torch.complex(warp(x.real, matrix), warp(x.imag, matrix))
    columns, rows = _sources(matrix.to(x.dtype), x.shape[-2], x.shape[-1])
    return _evaluate(_coefficients(x), rows + _PAD, columns + _PAD)


def _sources(matrix: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Return, for every pixel, the column and row it comes from: ``(n, H, W)`` each."""
    middle_x, middle_y, unit = (width - 1) / 2, (height - 1) / 2, max(height, width) / 2
    down = (torch.arange(height, dtype=matrix.dtype, device=matrix.device) - middle_y) / unit
    right = (torch.arange(width, dtype=matrix.dtype, device=matrix.device) - middle_x) / unit
    down, right = torch.meshgrid(down, right, indexing="ij")
    points = torch.stack([right, down, torch.ones_like(right)]).flatten(1)
    u, v, w = (torch.linalg.inv(matrix) @ points).unflatten(-1, (height, width)).unbind(1)
    # points at or beyond the horizon come from nowhere
    outside = torch.full_like(w, 1e6)
    ahead = w > 1e-6
    safe = torch.where(ahead, w, torch.ones_like(w))
    columns = torch.where(ahead, u / safe * unit + middle_x, outside)
    rows = torch.where(ahead, v / safe * unit + middle_y, outside)
    return columns, rows


def _coefficients(x: Tensor) -> Tensor:
    """Return B-spline coefficients of the image continued by zeros, ``_PAD`` pixels more on every side."""
    padded = torch.nn.functional.pad(x, (_PAD, _PAD, _PAD, _PAD))
    height, width = padded.shape[-2:]
    rows = (2 + torch.cos(2 * torch.pi * torch.fft.fftfreq(height, dtype=x.dtype, device=x.device))) / 3
    columns = (2 + torch.cos(2 * torch.pi * torch.fft.rfftfreq(width, dtype=x.dtype, device=x.device))) / 3
    spectrum = torch.fft.rfft2(padded) / (rows[:, None] * columns)
    coefficients: Tensor = torch.fft.irfft2(spectrum, s=(height, width))
    return coefficients


def _evaluate(coefficients: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Evaluate the spline at fractional places ``(n, H, W)`` of the padded grid."""
    batch, channels, height, width = coefficients.shape
    shape = (batch, channels, *rows.shape[1:])
    inside = (rows > 1) & (rows < height - 3) & (columns > 1) & (columns < width - 3)
    rows, columns = torch.where(inside, rows, 1.5), torch.where(inside, columns, 1.5)
    row, column = rows.detach().floor(), columns.detach().floor()
    weights_y, weights_x = _cubic(rows - row), _cubic(columns - column)
    corner = (row * width + column).long()
    flat = coefficients.flatten(2)
    total = torch.zeros(shape, dtype=flat.dtype, device=flat.device)
    for i, weight_y in enumerate(weights_y):
        for j, weight_x in enumerate(weights_x):
            index = (corner + (i - 1) * width + (j - 1)).flatten(1)[:, None].expand(batch, channels, -1)
            total = total + (weight_y * weight_x)[:, None] * flat.gather(2, index).reshape(shape)
    return total * inside[:, None]


def _cubic(t: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the cubic B-spline at distances 1 + t, t, 1 − t, 2 − t, for t in [0, 1)."""
    s = 1 - t
    return s**3 / 6, 2 / 3 - t**2 * (2 - t) / 2, 2 / 3 - s**2 * (2 - s) / 2, t**3 / 6
