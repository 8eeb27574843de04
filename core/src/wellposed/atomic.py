"""Files appear whole or not at all.

The bytes go to a temporary name in the same folder, reach the disk (fsync), and only then take the real
name in one step. A crash, a full disk or Ctrl-C leaves the old file, or none, and no half-written one.
Imports nothing but the standard library, so that the command line can use it before torch is loaded.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

from wellposed.errors import OutputError, OutputExistsError

SUFFIX = ".partial"


@contextlib.contextmanager
def atomic_path(path: str | PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path to write to; it becomes ``path`` when the block ends without an error.

    Parameters
    ----------
    path
        The file to create. A symbolic link is followed: the file that it points at is replaced.
    overwrite
        Whether an existing file may be replaced; its permissions are kept.

    Raises
    ------
    OutputExistsError
        ``path`` exists and ``overwrite`` is false, whether at the start or, because another process
        was faster, at the end. It is a ``FileExistsError`` too.
    OutputError
        ``path`` is a folder, or the folder that it should lie in does not exist.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> target = pathlib.Path(tempfile.mkdtemp()) / "numbers.txt"
    >>> with atomic_path(target) as temporary:
    ...     _ = temporary.write_text("1 2 3")
    >>> target.read_text()
    '1 2 3'
    """
    target = Path(os.path.realpath(path))
    _check_target(target, overwrite)
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}{SUFFIX}")
    _create(temporary)
    try:
        yield temporary
        _sync(temporary)
        _publish(temporary, target, overwrite)
    finally:
        # Also runs on KeyboardInterrupt and SystemExit; after _publish there is nothing left to remove.
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
    _sync_folder(target.parent)


def write_bytes(path: str | PathLike[str], data: bytes, *, overwrite: bool = False) -> None:
    """Write ``data`` to ``path`` atomically; same rules and errors as :func:`atomic_path`."""
    with atomic_path(path, overwrite=overwrite) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | PathLike[str], text: str, *, overwrite: bool = False) -> None:
    """Write ``text`` as UTF-8 to ``path`` atomically; same rules and errors as :func:`atomic_path`."""
    write_bytes(path, text.encode("utf-8"), overwrite=overwrite)


def _check_target(target: Path, overwrite: bool) -> None:
    if target.is_dir():
        raise OutputError(f"{target} is a folder; give the name of a file inside it.")
    if not target.parent.is_dir():
        raise OutputError(f"Cannot write {target}: the folder {target.parent} does not exist; create it.")
    if target.exists() and not overwrite:
        raise _exists(target)


def _exists(target: Path) -> OutputExistsError:
    return OutputExistsError(
        f"{target} exists already and is left as it is; pass overwrite=True or another name."
    )


def _create(temporary: Path) -> None:
    # 0o666 is narrowed by the umask, as for any file that the user creates; mkstemp would give 0o600.
    os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def _sync(temporary: Path) -> None:
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())


def _publish(temporary: Path, target: Path, overwrite: bool) -> None:
    if overwrite:
        with contextlib.suppress(OSError):
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)  # unlike a rename, fails when someone created the target meanwhile
    except FileExistsError:
        raise _exists(target) from None
    except OSError:
        # File systems without hard links (FAT, some network mounts): a small race is left there.
        if target.exists():
            raise _exists(target) from None
        os.replace(temporary, target)


def _sync_folder(folder: Path) -> None:
    # The new name itself must reach the disk; Windows cannot open folders, and needs no such step.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
