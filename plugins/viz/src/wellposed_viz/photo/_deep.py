"""Samples of more than 8 bits, which Pillow would silently cut to 8 where there is colour or alpha."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from wellposed.errors import FileFormatError
from wellposed_viz.photo._opening import check_frames, check_size

Array: TypeAlias = "np.ndarray[Any, np.dtype[Any]]"

BITS, SAMPLE_FORMAT, PHOTOMETRIC = 258, 339, 262
ASSOCIATED_ALPHA = 1


def stored_bits(path: str | PathLike[str], image: Image.Image) -> int:
    """Return the bits per sample in the file, which Pillow's mode does not always tell."""
    if image.format == "PNG":
        with open(path, "rb") as file:
            # signature (8), IHDR length and name (8), width and height (8), then the depth
            return file.read(25)[24]
    if image.format == "TIFF":
        bits = image.tag_v2.get(BITS, 1)  # type: ignore[attr-defined]
        return int(max(bits)) if isinstance(bits, tuple) else int(bits)
    return 8


def read_deep_png(path: str | PathLike[str], image: Image.Image) -> Array:
    """Return a 16-bit PNG as ``(H, W, C)`` uint16; a transparent colour becomes alpha."""
    channels = len(image.getbands())
    image.load()  # checks the checksums, which the other decoder only warns of
    samples: Array = imagecodecs.png_decode(Path(path).read_bytes())
    samples = samples.reshape(image.height, image.width, -1)
    key = image.info.get("transparency")
    if key is not None and samples.shape[2] == channels:
        opaque = (samples != np.asarray(key, dtype=np.uint16)).any(axis=2, keepdims=True)
        samples = np.concatenate([samples, np.where(opaque, np.uint16(65535), np.uint16(0))], axis=2)
    return samples


def read_deep_tiff(path: str | PathLike[str], max_pixels: int) -> tuple[Array, float]:
    """Return a deep TIFF as ``(H, W, C)`` and its peak value; 1 for floating-point samples."""
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        check_size(path, page.imagewidth, page.imagelength, max_pixels)
        check_frames(path, len(file.pages))
        _check_page(path, page)
        height, width = page.imagelength, page.imagewidth
        samples: Array = page.asarray()
        if page.planarconfig == 2 and page.samplesperpixel > 1:
            samples = np.moveaxis(samples, 0, -1)
        bits = int(page.bitspersample)
        inverted = page.photometric == 0
    samples = samples.reshape(height, width, -1)
    peak = 1.0 if samples.dtype.kind == "f" else float(2**bits - 1)
    if inverted:
        samples = (peak - samples).astype(samples.dtype)
    return samples, peak


def _check_page(path: str | PathLike[str], page: tifffile.TiffPage) -> None:
    channels = int(page.samplesperpixel)
    dtype = np.dtype(page.dtype) if page.dtype is not None else None
    usable = dtype is not None and (dtype.kind == "f" or (dtype.kind == "u" and dtype.itemsize <= 2))
    if not usable:
        raise FileFormatError(
            f"{path}: its samples are {dtype}; unsigned integers of up to 16 bits and floats can be read."
        )
    if (
        page.photometric not in (0, 1, 2)
        or channels > 4
        or page.size != channels * page.imagewidth * page.imagelength
    ):
        raise FileFormatError(
            f"{path}: has {channels} channels of kind {page.photometric!s} and shape {page.shape}; "
            "grey or RGB, with or without alpha, is expected."
        )
    if ASSOCIATED_ALPHA in page.extrasamples:
        raise FileFormatError(f"{path}: its colours are multiplied by alpha; export it with straight alpha.")
    size = os.stat(path).st_size
    segments = zip(page.dataoffsets, page.databytecounts, strict=False)
    if not page.dataoffsets or any(offset + count > size for offset, count in segments):
        raise FileFormatError(f"{path}: is truncated: its pixels lie beyond its {size} bytes; copy it again.")
