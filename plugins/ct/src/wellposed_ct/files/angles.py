"""Angles of views where the pictures do not tell them: stated, in a file beside them, or assumed and said so.

Degrees everywhere outside the program, radians inside.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from wellposed.errors import FileFormatError, ParameterError
from wellposed_ct.files.doubts import degrees_of
from wellposed_ct.files.opening import readable

__all__ = ["SIDE_NAMES", "Angles", "assumed", "from_file", "numbered", "side_file", "stated"]

Angles: TypeAlias = str | PathLike[str] | Sequence[float]
"""``START:STOP:N`` or ``START:STOP``, a file's name, or the numbers; degrees."""

SIDE_NAMES = ("angles.txt", "angles.csv", "angles.npy", "theta.txt", "{stem}.tlt", "{stem}.rawtlt")
"""Files beside TIFF pictures that hold their angles; ``.tlt`` and ``.rawtlt`` are those of IMOD."""

MAX_BYTES = 2**26


def stated(angles: Angles, views: int) -> NDArray[np.float64]:
    """Return radians of angles that a user states in degrees.

    ``START:STOP:N`` are N even steps from START, STOP excluded; without N, as many as views.

    Raises
    ------
    ParameterError
        Neither numbers with colons nor a file.
    FileFormatError
        A file without angles, or another number of them than views.
    """
    if not isinstance(angles, str | PathLike):
        return degrees_of("angles", np.asarray(angles, np.float64), views)
    if not (text := str(angles)).strip() or (":" in text and not Path(text).exists()):
        return _range(text, views)
    return from_file(Path(angles), views)


def from_file(path: Path, views: int) -> NDArray[np.float64]:
    """Return radians of the angles in a text file, one a line, or an ``.npy``; degrees."""
    with readable(path, "file of angles"):
        if path.stat().st_size > MAX_BYTES:
            raise FileFormatError(f"{path}: larger than {MAX_BYTES >> 20} MiB; these are no angles.")
        found = np.load(path, allow_pickle=False) if path.suffix.lower() == ".npy" else _text(path)
        return degrees_of(path, np.asarray(found, np.float64), views)


def side_file(folder: Path, stem: str) -> Path | None:
    """Return the file of angles that lies in a folder of pictures, or beside ``stem``'s."""
    places = [folder / name.format(stem=stem) for name in SIDE_NAMES]
    return next((place for place in places if place.is_file()), None)


def numbered(path: Path) -> NDArray[np.float64]:
    """Return degrees out of lines ``number angle …``, sorted by number.

    Only the last table of the file counts: lines that are none are titles, as in Nikon's ``_ctdata.txt``.
    """
    pairs: list[tuple[int, float]] = []
    for line in path.read_text("utf-8", "replace").splitlines():
        words = [word for word in re.split(r"[\s,;:]+", line.strip()) if word]
        angle = _number(words[1]) if len(words) >= 2 and words[0].isdigit() else None
        if angle is not None:
            pairs.append((int(words[0]), angle))
        elif words:  # what came before a title was another table
            pairs.clear()
    return np.array([angle for _, angle in sorted(pairs)], np.float64)


def assumed(views: int) -> NDArray[np.float64]:
    """Return half a turn in even steps, radians."""
    return np.asarray(np.arange(views) * (np.pi / views), np.float64)


def _range(text: str, views: int) -> NDArray[np.float64]:
    parts = [_number(part) for part in text.split(":")]
    if len(parts) == 2:
        parts.append(float(views))
    start, stop, count = (*parts, None, None, None)[:3] if len(parts) == 3 else (None, None, None)
    if start is None or stop is None or count is None or count != int(count) or count < 1:
        raise ParameterError(
            f"angles {text!r}: a file, START:STOP:N or START:STOP is expected, in degrees, such as 0:180:360."
        )
    if int(count) != views:
        raise ParameterError(f"angles {text!r} are {int(count)}, and there are {views} views; one a view.")
    return np.asarray(np.deg2rad(start + (stop - start) / count * np.arange(int(count))), np.float64)


def _text(path: Path) -> list[float]:
    """Return the numbers of a file with one a line; lines that begin with # or a letter are titles."""
    found: list[float] = []
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        words = [word for word in re.split(r"[\s,;]+", line.partition("#")[0].strip()) if word]
        if not words or (not found and words[0][0].isalpha()):
            continue
        if len(words) > 1 or (value := _number(words[0])) is None:
            raise FileFormatError(f"{path}: line {number} is {line[:40]!r}; one angle in degrees a line.")
        found.append(value)
    return found


def _number(text: Any) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
