"""Is a MATLAB 5 file whole? SciPy never returns from some truncated ones, so they are looked at first."""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterator
from os import PathLike, fspath

from wellposed.errors import FileFormatError

HEADER, COMPRESSED, MATRIX = 128, 15, 14
PIECE = 1 << 20
WIDTHS = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
"""Bytes per number of each storage type."""
INT32, COMPLEX = 5, 1 << 11
FIRST_NUMERIC, LAST_NUMERIC = 6, 15


def require_whole(path: str | PathLike[str]) -> None:
    """Raise :class:`FileFormatError` unless the file is a sequence of complete elements.

    Compressed elements are unpacked once, piece by piece, which also checks their checksums.
    """
    with open(path, "rb") as file:
        head = file.read(HEADER)
        order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
        if order is None:
            return  # version 4, or nothing of MATLAB's: SciPy says so
        size = file.seek(0, 2)
        place = HEADER
        while place < size:
            file.seek(place)
            tag = file.read(8)
            if len(tag) < 8:
                raise _cut(path, place)
            kind, count = struct.unpack(f"{order}II", tag)
            place += 8 + count
            if place > size or kind not in (COMPRESSED, MATRIX):
                raise _cut(path, place)
            whole = (
                _complete(file.read(count)) if kind == COMPRESSED else _consistent(file.read(count), order)
            )
            if not whole:
                raise _cut(path, place)


def _complete(data: bytes) -> bool:
    unpacker = zlib.decompressobj()
    try:
        while data and not unpacker.eof:
            unpacker.decompress(data, PIECE)
            data = unpacker.unconsumed_tail
    except zlib.error:
        return False
    return unpacker.eof


def _consistent(data: bytes, order: str) -> bool:
    """Whether a numeric array's parts fill it and have as many numbers as its dimensions say."""
    parts = list(_parts(data, order))
    if len(parts) < 3 or parts[0][1] < 8:
        return False
    flags = struct.unpack(f"{order}I", data[8:12])[0]
    if not FIRST_NUMERIC <= flags & 0xFF <= LAST_NUMERIC:
        return True  # cells, structures and texts are not read
    (dims_type, dims_size, dims_place), values = parts[1], parts[3:]
    if dims_type != INT32 or dims_size % 4:
        return False
    dims = struct.unpack(f"{order}{dims_size // 4}i", data[dims_place : dims_place + dims_size])
    count = math.prod(dims) if min(dims, default=0) >= 0 else -1
    complete = all(kind in WIDTHS and size == count * WIDTHS[kind] for kind, size, _ in values)
    return complete and len(values) == (2 if flags & COMPLEX else 1)


def _parts(data: bytes, order: str) -> Iterator[tuple[int, int, int]]:
    """Yield (type, bytes, place of the data) of each part; stops at the first that does not fit."""
    place = 0
    while place + 8 <= len(data):
        kind, size = struct.unpack(f"{order}II", data[place : place + 8])
        small = kind >> 16
        start = place + 4 if small else place + 8
        kind, size = (kind & 0xFFFF, small) if small else (kind, size)
        if start + size > len(data):
            return
        yield kind, size, start
        place = place + 8 if small else start + -(-size // 8) * 8


def _cut(path: str | PathLike[str], place: int) -> FileFormatError:
    return FileFormatError(f"{fspath(path)}: the MATLAB file is damaged or cut off before byte {place}.")
