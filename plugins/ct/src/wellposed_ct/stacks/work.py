"""A reconstruction under way: finished slices on disk, and a note of which they are.

Slices lie in a memory-mapped ``.npy`` beside the output. The note is replaced atomically after the slices
have reached the disk, so that a kill at any moment loses one chunk and never a lie.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from wellposed.atomic import write_text
from wellposed.errors import FileFormatError, OutputExistsError, ParameterError

__all__ = ["Work"]


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
    slices: NDArray[np.float32]
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
        slices = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
        work = cls(path, slices, dict(facts), {})
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
            slices = np.lib.format.open_memmap(path, mode="r+")
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
        self.slices[start : start + len(images)] = images
        self.slices.flush()  # type: ignore[attr-defined]
        found = attrs.evolve(self, done=start + len(images))
        found._remember(found.done)
        return found

    def noted(self, **note: Any) -> Work:
        """Return the work with something more remembered."""
        found = attrs.evolve(self, note={**self.note, **note})
        found._remember(found.done)
        return found

    def remove(self) -> None:
        """Forget it, once the output is there."""
        _note(self.path).unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)

    def _remember(self, done: int) -> None:
        told = {"done": done, "facts": dict(self.facts), "note": dict(self.note)}
        write_text(_note(self.path), json.dumps(told), overwrite=True)


def _path(output: Path) -> Path:
    return output.with_name(f".{output.name}.work.npy")


def _note(path: Path) -> Path:
    return path.with_suffix(".json")
