"""Folders appear whole or not at all, as files do by :mod:`wellposed.atomic`."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wellposed.errors import OutputError, OutputExistsError

__all__ = ["atomic_folder", "require_replaceable"]


def require_replaceable(path: Path, suffix: str, overwrite: bool) -> None:
    """Raise now what :func:`atomic_folder` would raise after the work.

    A folder is only ever replaced where all that it holds are files ending in ``suffix``.
    """
    if not path.parent.is_dir():
        raise OutputError(f"Cannot write {path}: the folder {path.parent} does not exist; create it.")
    if not (path.exists() or path.is_symlink()):
        return
    if not overwrite:
        raise OutputExistsError(
            f"{path} exists already and is left as it is; pass overwrite=True or another name."
        )
    if (
        not path.is_dir()
        or path.is_symlink()
        or any(p.suffix != suffix or p.is_dir() for p in path.iterdir())
    ):
        raise OutputError(
            f"{path} holds other things than *{suffix} and is not replaced; choose another name."
        )


@contextmanager
def atomic_folder(path: Path, suffix: str, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` when the block ends without an error."""
    require_replaceable(path, suffix, overwrite)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.partial")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.iterdir():
            with open(file, "rb") as stream:
                os.fsync(stream.fileno())
        if path.exists():
            require_replaceable(path, suffix, overwrite)
            old = path.with_name(f"{temporary.name}.old")
            path.rename(old)
            temporary.rename(path)
            shutil.rmtree(old)
        else:
            temporary.rename(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
