"""Random positions on two phase-encoding axes, denser towards the centre."""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.sampling.drawing import Drawn, draw


@attrs.frozen
class VariableDensity:
    """Draws random positions with density ∝ (1 − |k|)^power: ``{"mask": (B, 1, H, W)}`` (Lustig et al. 2007).

    Exactly round(H·W / acceleration) positions, drawn without replacement, the calibration square among them.
    :class:`PoissonDisc` keeps them apart as well, which parallel imaging likes; this one leaves gaps and
    clusters, the incoherence that compressed sensing of a single coil was proposed with.

    Parameters
    ----------
    shape
        Size (H, W) of the two sampled axes.
    acceleration
        H·W divided by the number of samples.
    power
        How fast density falls; 0 is uniform. |k| is 1 in the corners.
    calibration
        Width of the fully sampled centred square.

    References
    ----------
    M. Lustig, D. Donoho and J. M. Pauly, Magn. Reson. Med. 58 (2007) 1182–1195, doi:10.1002/mrm.21391.
    """

    shape: tuple[int, int]
    acceleration: float = 4.0
    power: float = 3.0
    calibration: int = 16

    def __attrs_post_init__(self) -> None:
        """Check the ranges."""
        if len(self.shape) != 2 or min(self.shape) < 1 or self.power < 0 or self.calibration < 0:
            raise ParameterError(
                f"shape = {self.shape} must be two sizes, power = {self.power} ≥ 0 and calibration = "
                f"{self.calibration} ≥ 0."
            )
        if not self.acceleration >= 1 or self._wanted < int(self._centre().sum()):
            raise ParameterError(
                f"acceleration = {self.acceleration} of {self.shape} leaves {self._wanted} samples, fewer "
                f"than the calibration square of {self.calibration}² holds; lower one of them."
            )

    @property
    def _wanted(self) -> int:
        return round(self.shape[0] * self.shape[1] / self.acceleration)

    def _centre(self) -> Tensor:
        inside = torch.zeros(self.shape, dtype=torch.bool)
        (height, width), (h, w) = self.shape, (min(self.calibration, n) for n in self.shape)
        top, left = height // 2 - h // 2, width // 2 - w // 2
        inside[top : top + h, left : left + w] = True
        return inside

    def step(self, batch_size: int = 1, generator: torch.Generator | None = None) -> Drawn:
        """Draw ``batch_size`` masks."""
        return draw(self._one, batch_size, generator)

    def _one(self, generator: torch.Generator) -> Tensor:
        rows, columns = ((torch.arange(n, dtype=torch.float64) - n // 2) / max(n / 2, 1) for n in self.shape)
        radius = torch.hypot(rows[:, None], columns) / 2**0.5
        logarithm = self.power * torch.log((1 - radius).clamp(min=1e-12))
        uniform = torch.rand(self.shape, generator=generator, dtype=torch.float64).clamp(min=1e-300)
        # the largest of log w + Gumbel are a draw without replacement with weights w (Efraimidis & Spirakis)
        key = logarithm - torch.log(-torch.log(uniform))
        key[self._centre()] = torch.inf
        mask = torch.zeros(self.shape[0] * self.shape[1])
        mask[key.flatten().topk(self._wanted).indices] = 1
        return mask.reshape(1, *self.shape)
