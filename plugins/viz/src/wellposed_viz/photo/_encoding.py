"""Samples and metadata into bytes: Pillow where it can, imagecodecs for deep PNG, tifffile for TIFF."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, PngImagePlugin, TiffImagePlugin

from wellposed_viz.photo._deep import Array
from wellposed_viz.photo._metadata import EXIF_GROUPS, PREFIX, XMP_KEY, fitting_profile, upright_exif

PLACEHOLDER = 1  # tifffile writes no sub-directories: the tag before theirs, which is free, holds the place
UNASSOCIATED_ALPHA = "unassalpha"


def encode(path: Path, samples: Array, form: str, meta: Mapping[str, Any], quality: int) -> None:
    """Write ``(H, W, C)`` uint8, uint16 or float32 ``samples`` to ``path`` in format ``form``."""
    kept = _restorable(meta, samples.shape[2])
    if form == "TIFF":
        _write_tiff(path, samples, kept)
    elif form == "PNG" and samples.dtype != np.uint8:
        path.write_bytes(_deep_png(samples, kept))
    else:
        picture = Image.fromarray(samples[:, :, 0] if samples.shape[2] == 1 else samples)
        picture.save(path, format=form, **_options(form, kept, quality))


def _restorable(meta: Mapping[str, Any], channels: int) -> dict[str, Any]:
    """Return what is kept, leaving out what is not of the type a reader gives (meta may come from a file)."""
    exif, xmp, dpi, text = (meta.get(key) for key in ("exif", "xmp", "dpi", "text"))
    return {
        "exif": PREFIX + upright_exif(exif.removeprefix(PREFIX)) if isinstance(exif, bytes) else None,
        "icc_profile": fitting_profile(meta.get("icc_profile"), 1 if channels <= 2 else 3),
        "xmp": xmp if isinstance(xmp, bytes) else None,
        "dpi": (float(dpi[0]), float(dpi[1])) if isinstance(dpi, (tuple, list)) and len(dpi) == 2 else None,
        "text": {str(k): str(v) for k, v in text.items()} if isinstance(text, Mapping) else {},
    }


def _options(form: str, kept: Mapping[str, Any], quality: int) -> dict[str, Any]:
    names = {
        "PNG": ("exif", "icc_profile", "dpi"),
        "JPEG": ("exif", "icc_profile", "dpi", "xmp"),
        "WEBP": ("exif", "icc_profile", "xmp"),
        "BMP": ("dpi",),
    }[form]
    options = {name: kept[name] for name in names if kept[name] is not None}
    if form == "PNG":
        options["pnginfo"] = _png_texts(kept)
    elif form == "JPEG":
        options |= {"quality": quality, "subsampling": 0}
        if "Comment" in kept["text"]:
            options["comment"] = kept["text"]["Comment"]
    elif form == "WEBP":
        # exact: keep colours under full transparency, which the encoder would otherwise change
        options |= {"lossless": True, "exact": True}
    return options


def _png_texts(kept: Mapping[str, Any]) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    for key, value in kept["text"].items():
        info.add_text(key, value)
    if kept["xmp"] is not None:
        info.add_itxt(XMP_KEY, kept["xmp"].decode("utf-8", "replace"))
    return info


def _deep_png(samples: Array, kept: Mapping[str, Any]) -> bytes:
    """Return a 16-bit PNG: the pixels by imagecodecs, the chunks beside them by Pillow."""
    squeezed = samples[:, :, 0] if samples.shape[2] == 1 else samples
    pixels = imagecodecs.png_encode(np.ascontiguousarray(squeezed))
    carrier = io.BytesIO()
    # A carrier of one pixel: Pillow knows how to write the metadata, only not 16-bit colour.
    Image.new("RGB", (1, 1)).save(carrier, format="PNG", **_options("PNG", kept, 0))
    extra = b"".join(c for kind, c in _chunks(carrier.getvalue()) if kind not in (b"IHDR", b"IDAT", b"IEND"))
    after_header = 8 + 25
    return bytes(pixels[:after_header] + extra + pixels[after_header:])


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    position = 8
    while position < len(png):
        length = int.from_bytes(png[position : position + 4], "big")
        yield png[position + 4 : position + 8], png[position : position + 12 + length]
        position += 12 + length


def _write_tiff(path: Path, samples: Array, kept: Mapping[str, Any]) -> None:
    channels = samples.shape[2]
    squeezed = samples[:, :, 0] if channels == 1 else samples
    exif = Image.Exif()
    if kept["exif"] is not None:
        exif.load(kept["exif"])
    groups = {tag: dict(exif.get_ifd(tag)) for tag in EXIF_GROUPS}
    tags: list[Any] = [_text_tag(tag, value) for tag, value in exif.items() if isinstance(value, str)]
    tags += [(tag - PLACEHOLDER, "I", 1, 0, True) for tag, values in groups.items() if values]
    if kept["xmp"] is not None:
        tags.append((700, "B", len(kept["xmp"]), kept["xmp"], True))
    resolution = {} if kept["dpi"] is None else {"resolution": kept["dpi"], "resolutionunit": "INCH"}
    tifffile.imwrite(
        path,
        squeezed,
        byteorder="<",
        photometric="minisblack" if channels <= 2 else "rgb",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=[UNASSOCIATED_ALPHA] if channels in (2, 4) else None,
        compression="zlib",
        bigtiff=False,
        metadata=None,
        software=False,
        iccprofile=kept["icc_profile"],
        extratags=tags,
        **resolution,
    )
    for tag, values in groups.items():
        if values:
            _append_directory(path, tag, values)


def _text_tag(tag: int, value: str) -> tuple[int, str, int, bytes, bool]:
    data = value.encode("utf-8") + b"\0"
    return tag, "s", len(data), data, True


def _append_directory(path: Path, tag: int, values: Mapping[int, Any]) -> None:
    """Append an EXIF sub-directory and let the placeholder for ``tag`` in the first page point at it."""
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    for key, value in values.items():
        directory[key] = value
    with open(path, "rb+") as file:
        offset = file.seek(0, io.SEEK_END)
        offset += file.write(b"\0" * (offset % 2))  # directories start on even bytes
        file.write(directory.tobytes(offset))
        # the entry is found by hand: TIFF 6.0, section 2
        file.seek(4)
        file.seek(struct.unpack("<I", file.read(4))[0])
        (count,) = struct.unpack("<H", file.read(2))
        for _ in range(count):
            entry = file.tell()
            if struct.unpack("<H", file.read(12)[:2])[0] == tag - PLACEHOLDER:
                file.seek(entry)
                file.write(struct.pack("<HHII", tag, 4, 1, offset))
                return
