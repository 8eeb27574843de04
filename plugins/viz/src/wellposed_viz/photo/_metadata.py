"""What a photo carries beside pixels: kept as it was, with the rotation marked as done."""

from __future__ import annotations

import logging
import re
import struct
from collections.abc import Callable
from os import PathLike
from typing import Any

from PIL import Image

log = logging.getLogger("wellposed_viz.photo")

ORIENTATION = 0x0112
PREFIX = b"Exif\x00\x00"
EXIF_GROUPS = (0x8769, 0x8825)  # camera settings, place
XMP_KEY = "XML:com.adobe.xmp"
# Tags that describe how this one TIFF stores its pixels, colours and size: the next file has its own.
STRUCTURE = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283),
    *(284, 288, 289, 290, 291, 292, 293, 296, 301, 317, 318, 319, 320, 321, 322, 323, 324, 325, 330, 332),
    *(338, 339, 340, 341, 342, 347, 512, 513, 514, 529, 530, 531, 532, 700, 34675),
}


def orientation_of(image: Image.Image) -> int:
    """Return the EXIF (or XMP) orientation 1…8; 1 where there is none or it is senseless."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # damaged EXIF must not cost the user the picture
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def metadata_of(image: Image.Image) -> dict[str, Any]:
    """Return ``exif``, ``icc_profile``, ``xmp`` (bytes), ``dpi`` (x, y) and ``text`` where present."""
    info = image.info
    text = {k: str(v) for k, v in getattr(image, "text", {}).items() if _is_plain_text(k)}
    comment = info.get("comment")
    if isinstance(comment, bytes):
        text["Comment"] = comment.decode("utf-8", "replace")
    xmp = info.get("xmp") or info.get(XMP_KEY)
    if isinstance(xmp, str):
        xmp = xmp.encode("utf-8")
    candidates = {
        "exif": _undamaged(lambda: _exif_bytes(image)),
        "icc_profile": info.get("icc_profile"),
        "xmp": upright_xmp(xmp) if isinstance(xmp, bytes) else None,
        "dpi": _dpi(info.get("dpi")),
        "text": text,
    }
    return {key: value for key, value in candidates.items() if value}


def metadata_of_tiff(path: str | PathLike[str]) -> tuple[int, dict[str, Any]]:
    """Return orientation and metadata of a TIFF whose pixels Pillow cannot open, but whose tags it can."""
    tags = Image.Exif()
    with open(path, "rb") as file:
        try:
            tags.load_from_fp(file)
        except Exception as error:
            log.warning("%s: its metadata are left out (%s)", path, error)
        xmp = tags.get(700)
        candidates = {
            "exif": _undamaged(lambda: _exif_of_tiff(tags)),
            "icc_profile": tags.get(34675),
            "xmp": upright_xmp(xmp) if isinstance(xmp, bytes) else None,
            "dpi": _dpi((tags.get(282), tags.get(283))) if tags.get(296, 2) == 2 else None,
        }
    rotation = tags.get(ORIENTATION, 1)
    return rotation if rotation in range(1, 9) else 1, {k: v for k, v in candidates.items() if v}


def _undamaged(read: Callable[[], bytes | None]) -> bytes | None:
    try:
        return read()
    except Exception as error:  # damaged EXIF must not cost the user the picture
        log.warning("the EXIF data are damaged and left out (%s)", error)
        return None


def _is_plain_text(key: str) -> bool:
    return key != XMP_KEY and not key.startswith("Raw profile type")


def _dpi(value: object) -> tuple[float, float] | None:
    try:
        x, y = (float(v) for v in value)  # type: ignore[attr-defined]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return (x, y) if 0 < x < 1e6 and 0 < y < 1e6 else None


def _exif_bytes(image: Image.Image) -> bytes | None:
    raw = image.info.get("exif")
    if image.format == "TIFF":
        return _exif_of_tiff(image.getexif())
    if not isinstance(raw, bytes):
        exif = image.getexif()  # a PNG may hold it as text
        raw = exif.tobytes() if len(exif) > (ORIENTATION in exif) else None
    return None if raw is None else PREFIX + upright_exif(raw.removeprefix(PREFIX))


def _exif_of_tiff(source: Image.Exif) -> bytes | None:
    exif = Image.Exif()
    kept = {tag: value for tag, value in source.items() if tag not in STRUCTURE and tag not in EXIF_GROUPS}
    exif.update(kept)
    groups = {group: dict(source.get_ifd(group)) for group in EXIF_GROUPS}
    for group, values in groups.items():
        if values:
            exif.get_ifd(group).update(values)
    return exif.tobytes() if kept or any(groups.values()) else None


def upright_exif(blob: bytes) -> bytes:
    """Return a TIFF-structured EXIF block with orientation 1, all other bytes untouched."""
    order = {b"II": "<", b"MM": ">"}.get(blob[:2])
    if order is None or len(blob) < 8:
        raise ValueError("no EXIF block")
    (start,) = struct.unpack_from(order + "I", blob, 4)
    (count,) = struct.unpack_from(order + "H", blob, start)
    patched = bytearray(blob)
    for entry in range(start + 2, start + 2 + 12 * count, 12):
        tag, _, _ = struct.unpack_from(order + "HHI", blob, entry)
        if tag == ORIENTATION:
            struct.pack_into(order + "HIHH", patched, entry + 2, 3, 1, 1, 0)
    return bytes(patched)


def upright_xmp(xmp: bytes) -> bytes:
    """Return an XMP packet with orientation 1."""
    return re.sub(rb'(tiff:Orientation(?:="|>))[0-9]', rb"\g<1>1", xmp)


def fitting_profile(profile: object, channels: int) -> bytes | None:
    """Return the colour profile if it describes images of so many channels: a grey one has no RGB profile."""
    wanted = b"GRAY" if channels == 1 else b"RGB "
    return profile if isinstance(profile, bytes) and profile[16:20] == wanted else None
