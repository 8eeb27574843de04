"""From an image file to a :class:`~wellposed.Measurement`."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed_viz.photo._deep import Array, read_deep_png, read_deep_tiff, stored_bits
from wellposed_viz.photo._metadata import metadata_of, metadata_of_tiff, orientation_of
from wellposed_viz.photo._opening import MAX_PIXELS, MODES, guarded, is_odd_tiff, opened

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


@attrs.frozen
class PhotoReader:
    """Read PNG, JPEG, TIFF, BMP and WebP, 8 or 16 bits, grey or colour, with or without alpha.

    Values are as stored (for most files: sRGB), divided by the largest that the bit depth holds; nothing is
    linearised. The EXIF rotation is applied. Palettes become RGB, 1-bit images grey.

    Parameters
    ----------
    max_pixels
        Largest image that is decoded; 2²⁷, which is 134 megapixels, unless told otherwise.

    Examples
    --------
    >>> measurement = PhotoReader().read("photo.png")  # doctest: +SKIP
    >>> measurement.y.shape  # doctest: +SKIP
    torch.Size([1, 3, 480, 640])
    """

    max_pixels: int = MAX_PIXELS

    def read(self, path: str | PathLike[str]) -> Measurement:
        """Read ``path``.

        Returns
        -------
        Measurement
            ``y`` is ``(1, C, H, W)`` float32 in [0, 1], C = 1 or 3. (Floating-point TIFF keeps its values,
            whatever their range.) ``meta`` holds ``source``, ``format``, ``bits`` (8, 16, or 32 for
            floats), ``values`` (a sentence on what the numbers mean), and where present ``alpha``
            ``(1, 1, H, W)``, ``exif``, ``icc_profile``, ``xmp`` (bytes), ``dpi`` and ``text``.

        Raises
        ------
        FileFormatError
            Not an image, damaged, truncated, too large, several pages or frames, CMYK and other colour
            models, or values that are not finite.
        """
        with guarded(path, self.max_pixels):
            if is_odd_tiff(path):
                samples, peak = read_deep_tiff(path, self.max_pixels)
                rotation, kept = metadata_of_tiff(path)
                form = "TIFF"
            else:
                with opened(path, self.max_pixels) as image:
                    rotation = orientation_of(image)
                    kept = metadata_of(image)  # first: decoding a TIFF drops some of it
                    samples, peak, form = self._samples(path, image)
                    if form == "TIFF" and peak == 255:
                        rotation = 1  # Pillow has turned it upright by itself
            values = _normalised(path, upright(samples, rotation), peak)
        meta = {
            "source": Path(fspath(path)).name,
            "format": form,
            "bits": 32 if peak == 1 else 16 if peak > 255 else 8,
            "values": "as stored in the file (for most photos: sRGB), scaled to [0, 1], not linearised",
            **kept,
        }
        return _measurement(values, meta)

    def _samples(self, path: str | PathLike[str], image: Image.Image) -> tuple[Array, float, str]:
        form = "JPEG" if image.format == "MPO" else str(image.format)
        bits = stored_bits(path, image)
        if bits > 8 and form == "PNG":
            return read_deep_png(path, image), 65535.0, form
        if bits > 8 and form == "TIFF":
            return *read_deep_tiff(path, self.max_pixels), form
        return _shallow(image), 255.0, form


def _shallow(image: Image.Image) -> Array:
    mode = MODES[image.mode]
    if "transparency" in image.info and not mode.endswith("A"):
        mode += "A"
    image.load()
    samples = np.asarray(image.convert(mode))
    return samples.reshape(image.height, image.width, -1)


def _normalised(path: str | PathLike[str], samples: Array, peak: float) -> Tensor:
    values = np.ascontiguousarray(np.moveaxis(samples, -1, 0)[None], dtype=np.float32)
    if not np.isfinite(values).all():
        raise FileFormatError(f"{path}: some pixels are NaN or infinite; repair the image first.")
    return torch.from_numpy(values) if peak == 1 else torch.from_numpy(values).div_(peak)


def _measurement(values: Tensor, meta: dict[str, Any]) -> Measurement:
    if values.shape[1] in (2, 4):
        meta["alpha"] = values[:, -1:].clone()
        values = values[:, :-1].clone()
    return Measurement(values, meta=meta)


def upright(samples: Array, orientation: int) -> Array:
    """Turn ``(H, W, C)`` samples as EXIF orientation 1…8 asks (EXIF 2.32, tag 0x0112)."""
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    return samples
