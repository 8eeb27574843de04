"""Open a stranger's picture: everything is checked on the header, before pixels are decoded."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import warnings
from collections.abc import Iterator
from os import PathLike

from PIL import Image, UnidentifiedImageError

from wellposed.errors import FileFormatError

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP")
MAX_PIXELS = 2**27
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MODES = {
    "1": "L",
    "L": "L",
    "LA": "LA",
    "La": "LA",
    "P": "RGB",
    "PA": "RGBA",
    "RGB": "RGB",
    "RGBX": "RGB",
    "RGBA": "RGBA",
    "RGBa": "RGBA",
    "I;16": "deep",
    "I;16L": "deep",
    "I;16B": "deep",
    "I": "deep",
    "F": "deep",
}


class BoundedFile(io.BufferedReader):
    """A file that is never asked for more bytes than it has.

    Python reserves what ``read`` is asked for before it reads, and a PNG chunk may claim 4 GiB.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        """Return up to ``size`` bytes."""
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


@contextlib.contextmanager
def opened(path: str | PathLike[str], max_pixels: int) -> Iterator[Image.Image]:
    """Yield Pillow's undecoded image, its header checked."""
    with BoundedFile(io.FileIO(path)) as file, Image.open(file, formats=FORMATS) as image:
        _check_header(path, image, max_pixels)
        yield image


def is_odd_tiff(path: str | PathLike[str]) -> bool:
    """Whether this is a TIFF of a kind that Pillow cannot open, such as 16-bit grey with alpha."""
    with open(path, "rb") as file:
        if file.read(4) not in TIFF_STARTS:
            return False
    try:
        Image.open(path, formats=("TIFF",)).close()
    except UnidentifiedImageError:
        return True
    return False


@contextlib.contextmanager
def guarded(path: str | PathLike[str], max_pixels: int) -> Iterator[None]:
    """Turn whatever goes wrong in reading ``path`` into one :class:`FileFormatError`."""
    _check_file(path, max_pixels)
    try:
        with warnings.catch_warnings():
            # Pillow warns of odd metadata and of sizes that max_pixels judges
            warnings.simplefilter("ignore")
            yield
    except FileFormatError:
        raise
    except UnidentifiedImageError as error:
        raise FileFormatError(
            f"{path}: is not an image that can be read; {', '.join(FORMATS)} files can."
        ) from error
    except Image.DecompressionBombError as error:
        raise FileFormatError(
            f"{path}: has more pixels than Pillow decodes; if the file is yours, raise max_pixels and "
            "PIL.Image.MAX_IMAGE_PIXELS."
        ) from error
    except Exception as error:  # decoders meet hostile bytes: they raise anything from SyntaxError on
        raise FileFormatError(
            f"{path}: is damaged or truncated and cannot be decoded ({type(error).__name__}: "
            f"{str(error)[:150]}); copy or export it again."
        ) from error


def _check_file(path: str | PathLike[str], max_pixels: int) -> None:
    try:
        status = os.stat(path)
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be opened ({error.strerror}); check the name.") from error
    if not stat.S_ISREG(status.st_mode):
        raise FileFormatError(f"{path}: is a folder, pipe or device; give an image file.")
    if status.st_size == 0:
        raise FileFormatError(f"{path}: is empty; copy or export it again.")
    largest = 8 * max_pixels + 2**26
    if status.st_size > largest:
        raise FileFormatError(
            f"{path}: has {status.st_size} bytes, more than the {largest} that an image of "
            f"max_pixels={max_pixels} needs; raise max_pixels if the file is yours."
        )


def _check_header(path: str | PathLike[str], image: Image.Image, max_pixels: int) -> None:
    check_size(path, *image.size, max_pixels)
    # MPO is what phones call JPEG: the photo first, then previews or a second eye
    check_frames(path, 1 if image.format == "MPO" else getattr(image, "n_frames", 1))
    if image.mode not in MODES:
        raise FileFormatError(
            f"{path}: its colours are {image.mode}, and grey or RGB is expected; convert it to RGB first."
        )


def check_size(path: str | PathLike[str], width: int, height: int, max_pixels: int) -> None:
    """Refuse images of no pixels, and of more than ``max_pixels``."""
    if width * height == 0:
        raise FileFormatError(f"{path}: has no pixels ({width} × {height}).")
    if width * height > max_pixels:
        raise FileFormatError(
            f"{path}: has {width} × {height} pixels, more than max_pixels={max_pixels}; crop it, or raise "
            "max_pixels if the file is yours and the memory suffices."
        )


def check_frames(path: str | PathLike[str], frames: int) -> None:
    """Refuse animations and documents of several pages."""
    if frames != 1:
        raise FileFormatError(
            f"{path}: holds {frames} pages or frames, and one picture is expected; export the one you mean."
        )
