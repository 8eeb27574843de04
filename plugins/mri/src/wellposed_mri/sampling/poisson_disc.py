"""Variable-density Poisson disc sampling of two phase-encoding axes, with an exact minimum distance."""

from __future__ import annotations

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.sampling.drawing import Drawn, draw, numpy_stream

BISECTIONS = 20


@attrs.frozen
class PoissonDisc:
    """Draws random positions with no two nearer than the larger of their radii: ``{"mask": (B, 1, H, W)}``.

    The radius grows linearly from the centre of k-space, r(k) = r₀·(1 + slope·|k|), |k| being 1 at the edge;
    r₀ is found by bisection so that the mask has the wanted acceleration. Distances are Euclidean, in
    samples, and exact: positions are visited in random order and kept where nothing kept is too near.

    Parameters
    ----------
    shape
        Size (H, W) of the two sampled axes.
    acceleration
        H·W divided by the number of samples, the calibration square included; reached to 2 % where the grid
        allows.
    calibration
        Width of the fully sampled centred square (exempt from the distance).
    slope
        How much sparser the edge is; 0 gives uniform density.
    ellipse
        Leave out the corners, beyond |k| = 1.

    References
    ----------
    R. L. Cook, "Stochastic sampling in computer graphics", ACM Trans. Graph. 5 (1986) 51–72,
    doi:10.1145/7529.8927.
    """

    shape: tuple[int, int]
    acceleration: float = 4.0
    calibration: int = 24
    slope: float = 3.0
    ellipse: bool = True

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if len(self.shape) != 2 or min(self.shape) < 1 or self.slope < 0 or self.calibration < 0:
            raise ParameterError(
                f"shape = {self.shape} must be two sizes, slope = {self.slope} ≥ 0 and calibration = "
                f"{self.calibration} ≥ 0."
            )
        if not self.acceleration >= 1 or self._wanted < min(self.calibration, *self.shape) ** 2:
            raise ParameterError(
                f"acceleration = {self.acceleration} of {self.shape} leaves {self._wanted} samples, fewer "
                f"than the calibration square of {self.calibration}² holds; lower one of them."
            )

    @property
    def _wanted(self) -> int:
        return round(self.shape[0] * self.shape[1] / self.acceleration)

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` masks."""
        return draw(self._one, batch_size, generator)

    def _one(self, generator: torch.Generator) -> Tensor:
        order = numpy_stream(generator).permutation(self.shape[0] * self.shape[1])
        radius = self.radius(1.0)
        low, high = 0.0, float(max(self.shape))
        best = np.zeros(self.shape, dtype=bool)
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            found = self._mask(order, middle * radius)
            low, high = (middle, high) if found.sum() > self._wanted else (low, middle)
            best = min(best, found, key=lambda m: abs(int(m.sum()) - self._wanted))
            if abs(int(best.sum()) - self._wanted) <= 0.005 * self._wanted:
                break
        return torch.from_numpy(best.astype(np.float32))[None]

    def radius(self, scale: float) -> np.ndarray:
        """Return the radius at every position for r₀ = ``scale``, infinite where nothing is sampled."""
        axes = [(np.arange(n) - n // 2) / max(n / 2, 1) for n in self.shape]
        k = np.hypot(*np.meshgrid(*axes, indexing="ij"))
        radius = scale * (1 + self.slope * k)
        return np.where(k > 1, np.inf, radius) if self.ellipse else radius

    def _mask(self, order: np.ndarray, radius: np.ndarray) -> np.ndarray:
        kept = throw_darts(order, radius)
        (height, width), (h, w) = self.shape, (min(self.calibration, n) for n in self.shape)
        top, left = height // 2 - h // 2, width // 2 - w // 2
        kept[top : top + h, left : left + w] = True
        return kept


def throw_darts(order: np.ndarray, radius: np.ndarray) -> np.ndarray:
    """Return a maximal set of positions, no two nearer than the larger of their radii.

    Parameters
    ----------
    order
        The order in which positions (indices into the flattened grid) are tried.
    radius
        Radius of every position ``(H, W)``, in samples; infinite where nothing is to be sampled.
    """
    free = np.isfinite(radius)
    kept = np.zeros(radius.shape, dtype=bool)
    reach = int(np.ceil(radius[free].max())) if free.any() else 0
    offsets = np.arange(-reach, reach + 1)
    distance = offsets[:, None] ** 2 + offsets**2
    for place in order.tolist():
        i, j = divmod(place, radius.shape[1])
        if not free[i, j]:
            continue
        m = min(reach, int(radius[i, j]) + 1)
        rows, columns = slice(max(0, i - m), i + m + 1), slice(max(0, j - m), j + m + 1)
        window = kept[rows, columns]
        top, left = rows.start - i + reach, columns.start - j + reach
        near = distance[top : top + window.shape[0], left : left + window.shape[1]] < radius[i, j] ** 2
        if not (window & near).any():
            kept[i, j] = True
            free[rows, columns] &= ~near
    return kept
