"""Images without iterations: zero filling and the root sum of squares."""

from __future__ import annotations

from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import COMPLEX, LINEAR, needs
from wellposed_mri.reconstruction.asked import COILS
from wellposed_mri.reconstruction.common import PhaseEquivariant, operator_of, require_measurements


@needs(LINEAR, COMPLEX)
@attrs.frozen
class ZeroFilled(PhaseEquivariant):
    """``A*y``: what was not sampled is zero, and coils are combined by their maps (matched filter)."""

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``."""
        require_measurements(y)
        image: Tensor = physics.A_adjoint(y)
        return image


@needs(COILS)
@attrs.frozen
class RSS:
    """``sqrt(Σ_c |F*y_c|²)``: the magnitude image that needs no maps (Roemer et al. 1990).

    The result is real and non-negative, in a complex tensor like every other image.
    """

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, 1, *image)``; physics gives the transform, and its maps are not used."""
        require_measurements(y)
        operator = operator_of(physics)
        if operator.domain.shape[0] != 1:
            raise ParameterError(f"a root sum of squares is one image, not {operator.domain.shape[0]} sets.")
        images = operator.coil_images(y)
        size: Tensor = torch.linalg.vector_norm(images, dim=1, keepdim=True)
        return size.to(images.dtype)
