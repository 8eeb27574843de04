"""The forward models of this pack."""

from __future__ import annotations

from torch import Tensor, nn
from wellposed import Space
from wellposed.errors import ParameterError
from wellposed.operators import LinearOperator
from wellposed.structure import Evidence, NormBound


class Binning(LinearOperator):
    """Average blocks of ``factor × factor`` pixels.

    Parameters
    ----------
    domain
        Space of the images, ``(C, H, W)``; H and W are multiples of ``factor``.
    factor
        Side of a block, in pixels.

    Raises
    ------
    ParameterError
        When ``factor`` does not divide H and W.
    """

    def __init__(self, domain: Space, factor: int = 2) -> None:
        channels, height, width = domain.concrete_shape
        if factor < 1 or height % factor or width % factor:
            raise ParameterError(f"factor={factor} must divide the image's {height} × {width} pixels.")
        super().__init__(domain, Space((channels, height // factor, width // factor), domain.dtype))
        self.factor = factor

    def _forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x, self.factor)

    def _adjoint(self, y: Tensor) -> Tensor:
        spread = y.repeat_interleave(self.factor, -2).repeat_interleave(self.factor, -1)
        return spread / self.factor**2

    def _evidence(self) -> tuple[Evidence, ...]:
        # A A* = I / factor², so the norm is 1 / factor exactly; whatever is declared here is tested.
        return (NormBound(1 / self.factor, tight=True),)
