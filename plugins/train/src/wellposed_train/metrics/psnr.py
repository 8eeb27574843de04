"""Peak signal-to-noise ratio: the squared error on a logarithmic scale, relative to full scale."""

from __future__ import annotations

from typing import ClassVar, final

import attrs
import torch
from torch import Tensor

from wellposed_train.comparison import check_pair, sample_mean, squared_magnitude
from wellposed_train.metrics.data_range import data_range_field, resolve_data_range


@final
@attrs.frozen
class PSNR:
    """Peak signal-to-noise ratio, 10·log₁₀(max² / mean |x̂ − x|²) in decibels.

    Takes ``x_hat`` and ``x`` of equal shape ``(B, …)``, real or complex (compared by the magnitude of the
    difference); returns real ``(B,)``, infinite where the images are equal.

    Parameters
    ----------
    max_value
        Full scale of the images, 1.0 for images in [0, 1]; ``None`` takes the largest magnitude of each
        reference.

    Raises
    ------
    SpaceError, DtypeError
        Shapes differ; integer images.
    ParameterError
        ``max_value`` is not positive, or is ``None`` and a reference is zero everywhere.
    """

    higher_is_better: ClassVar[bool] = True
    perfect: ClassVar[float] = float("inf")

    max_value: float | None = data_range_field()

    @property
    def symmetric(self) -> bool:
        """Whether the arguments may be exchanged: unless the scale is the reference's own."""
        return self.max_value is not None

    def __call__(self, x_hat: Tensor, x: Tensor) -> Tensor:
        """Return the ratio of each sample in decibels."""
        check_pair(x_hat, x, "PSNR")
        scale = resolve_data_range(self.max_value, x, "PSNR")
        return 10 * torch.log10(scale.square() / sample_mean(squared_magnitude(x_hat - x)))
