"""Ellipse phantoms with their exact Fourier transform, so that no test commits the inverse crime.

An image sampled on the grid and transformed by the same FFT hides every error of grid and scaling. The
Fourier transform of an ellipse is known (a Bessel function), at any frequency: k-space from here is that of
the continuous object.
"""

from __future__ import annotations

import attrs
import numpy as np
import torch
from scipy.special import j1
from torch import Tensor

from wellposed.errors import ParameterError


def _columns(values: object) -> np.ndarray:
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != 6:
        raise ParameterError(
            f"ellipses have shape {table.shape}, but rows of (value, semi-axis x, semi-axis y, x, y, "
            "degrees) are expected."
        )
    return table


@attrs.frozen(eq=False)
class Ellipses:
    """A sum of ellipses on the square [−1, 1]².

    Parameters
    ----------
    table
        One row per ellipse: value, semi-axes along x and y, centre x and y, rotation in degrees
        (anticlockwise). x grows along columns, y against rows (up), as in the paper.
    """

    table: np.ndarray = attrs.field(converter=_columns)

    def image(self, size: int, oversampling: int = 4) -> Tensor:
        """Return the image ``(size, size)`` float32: averages over pixels by ``oversampling``² points.

        Pixel ``size // 2`` is centred on the origin, as the centred FFT wants it.
        """
        n = size * oversampling
        offsets = (np.arange(n) + 0.5) / oversampling - 0.5 - size // 2
        x, y = np.meshgrid(offsets * 2 / size, -offsets * 2 / size)
        fine = np.zeros((n, n))
        for value, a, b, x0, y0, degrees in self.table:
            u, v = _rotated(x - x0, y - y0, degrees)
            fine += value * ((u / a) ** 2 + (v / b) ** 2 <= 1)
        image = fine.reshape(size, oversampling, size, oversampling).mean((1, 3))
        return torch.from_numpy(image.astype(np.float32))

    def kspace(self, trajectory: Tensor, size: int) -> Tensor:
        """Return the exact Fourier transform at ``trajectory``, ``(…)`` complex.

        Parameters
        ----------
        trajectory
            ``(…, 2)``: frequencies along rows and columns in cycles/FOV, the FOV being the square.
        size
            The values are scaled as those of the orthonormal transform of a ``size``² image.
        """
        k = trajectory.detach().cpu().double().numpy() / 2  # cycles per unit length: the square is 2 wide
        ky, kx = -k[..., 0], k[..., 1]
        total = np.zeros(kx.shape, dtype=np.complex128)
        for value, a, b, x0, y0, degrees in self.table:
            u, v = _rotated(kx, ky, degrees)
            radius = np.hypot(a * u, b * v)
            safe = np.where(radius == 0, 1, radius)
            disc = np.where(radius == 0, np.pi, j1(2 * np.pi * safe) / safe)
            total += value * a * b * disc * np.exp(-2j * np.pi * (kx * x0 + ky * y0))
        return torch.from_numpy(np.asarray(total * (size / 4)))

    def cartesian(self, size: int) -> Tensor:
        """Return the exact k-space on the Cartesian grid, ``(size, size)`` complex128, centred."""
        k = torch.arange(size, dtype=torch.float64) - size // 2
        return self.kspace(torch.stack(torch.meshgrid(k, k, indexing="ij"), -1), size)


def _rotated(x: np.ndarray, y: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return c * x + s * y, -s * x + c * y


def shepp_logan() -> Ellipses:
    """Return the head phantom of Shepp & Logan (1974) with the contrasts of Toft (1996), values in [0, 1].

    References
    ----------
    L. A. Shepp and B. F. Logan, IEEE Trans. Nucl. Sci. 21 (1974) 21–43, doi:10.1109/TNS.1974.6499235;
    P. Toft, "The Radon Transform", PhD thesis, Technical University of Denmark (1996), table B.3.
    """
    return Ellipses(
        [
            (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
            (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
            (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
            (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
            (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
            (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
            (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
            (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
            (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
            (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
        ]
    )
