"""A reconstruction under way: finished slices on disk, and a note of which they are.

Slices lie in an ``.npy`` beside the output, read and written by plain calls: pages of a memory map would
count against the budget. The note is replaced atomically after the slices
have reached the disk, so that a kill at any moment loses one chunk and never a lie.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.atomic import write_text
from wellposed.errors import FileFormatError, OutputExistsError, ParameterError, WellposedError

__all__ = ["Work", "clean_refusal"]


@attrs.frozen
class SlicesOnDisk:
    """An ``.npy`` of ``(slices, H, W)`` float32, a few of which are in memory at a time.

    Attributes
    ----------
    path
        The file.
    shape
        Of the whole.
    offset
        Bytes before the first slice.
    """

    path: Path
    shape: tuple[int, int, int]
    offset: int

    @classmethod
    def create(cls, path: Path, shape: tuple[int, int, int]) -> SlicesOnDisk:
        """Make a file of zeros."""
        with open(path, "wb") as stream:
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(stream, header)
            offset = stream.tell()
            stream.truncate(offset + 4 * math.prod(shape))
        return cls(path, shape, offset)

    @classmethod
    def open(cls, path: Path) -> SlicesOnDisk:
        """Return what :meth:`create` made; ``ValueError`` where it is something else."""
        with open(path, "rb") as stream:
            np.lib.format.read_magic(stream)
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
            offset = stream.tell()
        if (
            dtype != np.dtype("<f4")
            or len(shape) != 3
            or path.stat().st_size != offset + 4 * math.prod(shape)
        ):
            raise ValueError(f"{path} is {dtype} of {shape}, or too short")
        return cls(path, (int(shape[0]), int(shape[1]), int(shape[2])), offset)

    def write(self, start: int, images: NDArray[Any]) -> None:
        """Put slices ``start …`` onto the disk."""
        with open(self.path, "r+b") as stream:
            stream.seek(self.offset + start * self._each)
            stream.write(np.ascontiguousarray(images, "<f4").tobytes())
            stream.flush()
            os.fsync(stream.fileno())

    @property
    def _each(self) -> int:
        return 4 * self.shape[1] * self.shape[2]

    def __len__(self) -> int:
        """Return how many slices there are."""
        return self.shape[0]

    def __getitem__(self, index: int) -> NDArray[np.float32]:
        """Return slice ``index``, read now."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        count, start = self.shape[1] * self.shape[2], self.offset + index * self._each
        return np.fromfile(self.path, "<f4", count, offset=start).reshape(self.shape[1:])


@attrs.frozen(eq=False)
class Work:
    """The slices so far.

    Attributes
    ----------
    slices
        ``(rows, H, W)`` float32 on disk.
    done
        How many of them are finished, counted from the first.
    facts
        What is being made of what; a resumed run must have the same.
    note
        What else is to be remembered, such as the centre that was found.
    """

    path: Path
    slices: SlicesOnDisk
    facts: Mapping[str, Any]
    note: Mapping[str, Any]
    done: int = 0

    @classmethod
    def begin(
        cls, output: Path, shape: tuple[int, int, int], facts: Mapping[str, Any], *, restart: bool = False
    ) -> Work:
        """Start anew; :class:`OutputExistsError` where an unfinished one is in the way."""
        path = _path(output)
        if _note(path).exists() and not restart:
            raise OutputExistsError(
                f"{output}: an unfinished reconstruction lies in {path.name}; go on with --resume, or begin "
                "anew with --force."
            )
        _note(path).unlink(missing_ok=True)
        shutil.rmtree(_folder(path), ignore_errors=True)
        work = cls(path, SlicesOnDisk.create(path, shape), dict(facts), {})
        work._remember(0)
        return work

    @classmethod
    def resume(cls, output: Path, facts: Mapping[str, Any]) -> Work | None:
        """Return what an earlier run left, or ``None``.

        Raises
        ------
        ParameterError
            It was made of another scan, or with other settings; the message says which.
        FileFormatError
            What is left is damaged.
        """
        path = _path(output)
        if not _note(path).exists():
            return None
        try:
            told = json.loads(_note(path).read_text("utf-8"))
            slices = SlicesOnDisk.open(path)
            was, note, done = dict(told["facts"]), dict(told["note"]), int(told["done"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileFormatError(
                f"{path}: what the last run left is damaged; begin anew with --force: {error}"
            ) from error
        now = json.loads(json.dumps(dict(facts)))
        other = [name for name in {**was, **now} if was.get(name) != now.get(name)]
        if other:
            name = other[0]
            raise ParameterError(
                f"{output}: the unfinished reconstruction has {name} = {was.get(name)}, and now it is "
                f"{now.get(name)}; resume with the same settings, or begin anew with --force."
            )
        return cls(path, slices, now, note, done)

    def put(self, start: int, images: NDArray[Any]) -> Work:
        """Return the work with slices ``start …`` finished and on disk."""
        self.slices.write(start, images)
        found = attrs.evolve(self, done=start + len(images))
        found._remember(found.done)
        return found

    def noted(self, **note: Any) -> Work:
        """Return the work with something more remembered."""
        found = attrs.evolve(self, note={**self.note, **note})
        found._remember(found.done)
        return found

    @property
    def folder(self) -> Path:
        """Where more may be kept, as long as it is unfinished; made by who needs it."""
        return _folder(self.path)

    def remove(self) -> None:
        """Forget it, once the output is there."""
        _note(self.path).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _remember(self, done: int) -> None:
        told = {"done": done, "facts": dict(self.facts), "note": dict(self.note)}
        write_text(_note(self.path), json.dumps(told), overwrite=True)


@contextmanager
def clean_refusal(output: Path) -> Iterator[None]:
    """Leave nothing behind where a run is refused before anything of it is finished."""
    path = _path(output)
    try:
        yield
    except WellposedError:
        begun = _folder(path).exists() or json.loads(_note(path).read_text("utf-8"))["done"]
        if not begun:
            _note(path).unlink()
            path.unlink(missing_ok=True)
        raise


def _path(output: Path) -> Path:
    return output.with_name(f".{output.name}.work.npy")


def _folder(path: Path) -> Path:
    return path.with_suffix("")


def _note(path: Path) -> Path:
    return path.with_suffix(".json")
