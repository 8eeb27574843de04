"""From a reconstruction to an image file that the user's other programs open."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from wellposed.atomic import atomic_path
from wellposed.errors import ParameterError
from wellposed_viz.photo._deep import Array
from wellposed_viz.photo._encoding import encode
from wellposed_viz.photo._metadata import log

FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".webp": "WEBP",
}
DEPTHS = {"PNG": (8, 16), "TIFF": (8, 16, 32)}
WITH_ALPHA = ("PNG", "TIFF", "WEBP")
SUSPICIOUS = 0.1
"""Share of clipped values beyond which a result is likely wrong."""


@attrs.frozen
class PhotoWriter:
    """Write PNG, JPEG, TIFF, BMP or WebP, by the file name's ending, atomically.

    Restores what :class:`PhotoReader` put into ``meta``: bit depth, alpha, EXIF, colour profile, XMP,
    resolution and texts, as far as the format can hold them; the log says what it cannot. Values outside
    [0, 1] are clipped, also told in the log; values are rounded to the nearest level. PNG, TIFF, BMP and
    WebP lose nothing else; JPEG does.

    Parameters
    ----------
    bits
        8 or 16, or 32 for floating-point TIFF, which alone is not clipped; ``None`` takes ``meta["bits"]``,
        or the nearest that the format has.
    quality
        Of JPEG, 1 to 95.
    overwrite
        Whether an existing file may be replaced.
    """

    bits: int | None = attrs.field(default=None, validator=attrs.validators.in_((None, 8, 16, 32)))
    quality: int = 95
    overwrite: bool = False

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any] | None = None) -> None:
        """Write ``image`` ``(1, C, H, W)``, C = 1 or 3, to ``path``.

        Raises
        ------
        ParameterError
            Another shape or dtype, NaN or infinite values, an ending or a size that no format has.
        OutputExistsError
            ``path`` exists and ``overwrite`` is false.
        """
        meta = {} if meta is None else meta
        form = _format(path)
        bits = self._bits(path, form, meta)
        _check(path, image)
        pixels = _with_alpha(path, image, meta, form)
        samples = _levels(path, pixels, bits)
        with atomic_path(path, overwrite=self.overwrite) as temporary:
            try:
                encode(temporary, samples, form, meta, self.quality)
            except (ValueError, OverflowError) as error:  # e.g. WebP holds 16383 pixels a side
                raise ParameterError(
                    f"Cannot write {path} as {form}: {error}; choose PNG or TIFF."
                ) from error

    def _bits(self, path: str | PathLike[str], form: str, meta: Mapping[str, Any]) -> int:
        depths = DEPTHS.get(form, (8,))
        if self.bits is not None:
            if self.bits not in depths:
                raise ParameterError(f"Cannot write {path}: {form} holds {depths} bits, and not {self.bits}.")
            return self.bits
        wanted = meta.get("bits", 8)
        if wanted in depths:
            return int(wanted)
        best = max(depths, key=lambda b: min(b, 16)) if wanted in (16, 32) else 8
        if wanted in (16, 32) and best < 16:
            log.warning("%s: the source had %s bits, and %s holds %s", path, wanted, form, best)
        return best


def _format(path: str | PathLike[str]) -> str:
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise ParameterError(
            f"Cannot write {path}: the ending {suffix!r} is no known format; use one of {', '.join(FORMATS)}."
        )
    return FORMATS[suffix]


def _check(path: str | PathLike[str], image: Tensor) -> None:
    shape = tuple(image.shape)
    if image.ndim != 4 or shape[0] != 1 or shape[1] not in (1, 3) or 0 in shape:
        raise ParameterError(
            f"Cannot write {path}: the image has shape {shape}, and (1, 1, H, W) or (1, 3, H, W) is "
            "expected; pick one of a batch by x[i:i+1]."
        )
    if not image.is_floating_point():
        raise ParameterError(
            f"Cannot write {path}: the image is {image.dtype}, and real floats in [0, 1] are expected; "
            "take x.abs() of complex ones, divide integers by their largest value."
        )
    if not bool(torch.isfinite(image).all()):
        count = int((~torch.isfinite(image)).sum())
        raise ParameterError(
            f"Cannot write {path}: {count} of {image.numel()} values are NaN or infinite; "
            "the reconstruction has diverged: lower its step or strengthen its prior."
        )


def _with_alpha(path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any], form: str) -> Tensor:
    pixels, alpha = image.detach().cpu().double(), meta.get("alpha")
    if not isinstance(alpha, Tensor):
        return pixels
    if form not in WITH_ALPHA:
        log.warning("%s: %s holds no transparency; it is left out", path, form)
        return pixels
    if alpha.shape != (1, 1, *image.shape[2:]):
        log.warning(
            "%s: the transparency has shape %s and the image %s; it is left out",
            *(path, tuple(alpha.shape), tuple(image.shape)),
        )
        return pixels
    return torch.cat([pixels, alpha.detach().cpu().double()], dim=1)


def _levels(path: str | PathLike[str], pixels: Tensor, bits: int) -> Array:
    """Return ``(H, W, C)`` samples as the file stores them."""
    values: Array = np.ascontiguousarray(np.moveaxis(pixels.numpy()[0], 0, -1))
    if bits == 32:
        return values.astype(np.float32)
    peak = 2**bits - 1
    # rounding alone hides half a level; more than that is a loss the user should know of
    outside = np.count_nonzero((values < -0.5 / peak) | (values > 1 + 0.5 / peak))
    if outside:
        share = outside / values.size
        wrong = " — so many that the result is likely wrong: look at its range" if share > SUSPICIOUS else ""
        log.warning("%s: %.2g%% of the values lie outside [0, 1] and are clipped%s", path, 100 * share, wrong)
    levels: Array = np.rint(np.clip(values, 0, 1) * peak).astype(np.uint16 if bits == 16 else np.uint8)
    return levels
