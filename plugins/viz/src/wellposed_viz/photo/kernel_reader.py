"""Blur kernels as a reader, for those who look readers up by name."""

from __future__ import annotations

from os import PathLike

import attrs

from wellposed.measurement import Measurement
from wellposed_viz.photo.kernel import MAX_PIXELS, read_kernel


@attrs.frozen
class KernelReader:
    """Read a blur kernel from a picture, ``.npy`` or ``.npz``: ``y`` is ``(1, 1, h, w)``, of sum one.

    Parameters
    ----------
    max_pixels
        Largest kernel that is accepted.
    bright_border
        Whether to accept one that looks inverted: bright along its border, dark inside.
    """

    max_pixels: int = MAX_PIXELS
    bright_border: bool = False

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``; :class:`~wellposed.errors.FileFormatError` on anything that is no kernel."""
        kernel = read_kernel(path, self.max_pixels, bright_border=self.bright_border)
        return Measurement(kernel[None, None], meta={"source": str(path)})
