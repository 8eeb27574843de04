"""A path of the camera, in pixels, turned into a kernel: the time spent over each pixel."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import ParameterError


def rasterise(path: Tensor, size: int) -> Tensor:
    """Return the ``(size, size)`` kernel of equally timed points ``path`` ``(n, 2)`` (row, column offsets).

    Each point is spread bilinearly over its four pixels, so sub-pixel motion is kept. Points off the grid
    raise :class:`~wellposed.errors.ParameterError`.
    """
    position = path + (size - 1) / 2
    if bool((position < 0).any()) or bool((position > size - 1).any()):
        reach = float(path.abs().max())
        raise ParameterError(
            f"the motion reaches {reach:.1f} pixels from the centre, but size={size} covers "
            f"{(size - 1) / 2:.0f}; give a larger odd size."
        )
    low = position.floor().clamp(max=max(size - 2, 0))
    part = position - low
    kernel = torch.zeros(size * size, dtype=torch.float64)
    for row in (0, 1) if size > 1 else (0,):
        for column in (0, 1) if size > 1 else (0,):
            weight = (part[:, 0] if row else 1 - part[:, 0]) * (part[:, 1] if column else 1 - part[:, 1])
            index = (low[:, 0] + row) * size + low[:, 1] + column
            kernel.index_add_(0, index.long(), weight)
    return (kernel / kernel.sum()).reshape(size, size).to(torch.float32)
