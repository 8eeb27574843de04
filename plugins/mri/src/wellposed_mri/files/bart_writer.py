"""Images for BART: complex, whole, on the axes where BART keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any, ClassVar

import attrs
from torch import Tensor

from wellposed_mri.files.bart import write_cfl
from wellposed_mri.files.volume import require_image


@attrs.frozen
class BARTWriter:
    """Write complex images as BART's ``.cfl`` and ``.hdr``: x, y, z, map sets on axis 4, slices on axis 13.

    Nothing is lost: neither the phase nor what :class:`~wellposed_mri.NIfTIWriter` crops. BART has no place
    for the orientation.

    Parameters
    ----------
    overwrite
        Whether existing files may be replaced.
    """

    overwrite: bool = False
    suffixes: ClassVar[tuple[str, ...]] = (".cfl", ".hdr")

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any]) -> None:
        """Write ``image`` ``(B, C, H, W)`` or ``(B, C, D, H, W)``.

        Raises
        ------
        ParameterError
            For an image of other axes.
        OutputExistsError
            Where one of the files exists and ``overwrite`` is false, or a ``.hdr`` is not BART's.
        """
        require_image(image)
        volume = image if image.ndim == 5 else image.unsqueeze(2)
        b, c, d, h, w = volume.shape
        shape = (w, h, d, 1, c, *(1,) * 8, b)
        write_cfl(path, volume.permute(4, 3, 2, 1, 0).reshape(shape), overwrite=self.overwrite)
