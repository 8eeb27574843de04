"""Gridding: the density-compensated adjoint, the direct method of non-Cartesian imaging."""

from __future__ import annotations

from typing import Any

import attrs
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.needs import needs
from wellposed_mri.reconstruction.asked import TRAJECTORY
from wellposed_mri.reconstruction.common import PhaseEquivariant, operator_of, require_measurements


@needs(TRAJECTORY)
@attrs.frozen
class Gridding(PhaseEquivariant):
    """``A*(w·y)`` with Pipe–Menon weights w: each sample counts by the area of k-space it stands for.

    Parameters
    ----------
    iterations
        Updates of the weights.
    """

    iterations: int = 30

    def __attrs_post_init__(self) -> None:
        """Check the range."""
        if self.iterations < 1:
            raise ParameterError(f"iterations = {self.iterations}, but at least 1 is needed.")

    def __call__(self, y: Tensor, physics: Any) -> Tensor:
        """Return the image ``(B, sets, *image)``; ``physics`` gives the ``density`` of its trajectories."""
        require_measurements(y)
        operator = operator_of(physics)
        operator.range.check(y, "y")
        image: Tensor = operator.A_adjoint(y * operator.density(self.iterations))
        return image
