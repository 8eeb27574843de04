"""The compiled projectors: found beside this file, or compiled once from the sources that ship here.

A release wheel may bring the library; any other installation compiles it at first use where there is a C++
compiler, into a private folder of the user, and works without it where there is none: the same numbers, in
pure torch, slower. Processes may race: a library appears under its name only when complete.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from functools import cache
from pathlib import Path

import attrs

__all__ = ["Native", "build", "native"]

FOLDER = Path(__file__).parent
SOURCES = tuple(sorted(FOLDER.glob("*.cpp")))
HEADERS = tuple(sorted(FOLDER.glob("*.hpp")))
FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC", "-pthread")
COMPILERS = ("c++", "g++", "clang++")
ABI = 6
INSTRUCTIONS = ("portable code", "AVX2 with FMA", "AVX-512")
TIMEOUT = 120.0
SWITCH = "WELLPOSED_CT_NATIVE"


@attrs.frozen(eq=False)
class Native:
    """The library, or why there is none.

    Attributes
    ----------
    library
        The loaded library; ``None`` where there is none.
    status
        One sentence: where it comes from, or why it is missing and how to get it.
    """

    library: ctypes.CDLL | None
    status: str


@cache
def native() -> Native:
    """Return the compiled projectors, compiling it where needed; warns once when that fails."""
    if os.environ.get(SWITCH, "1") == "0":
        return Native(None, f"switched off by {SWITCH}=0")
    shipped = FOLDER / library_name()
    if shipped.exists():
        return _load(shipped, "came with the package")
    compiler = find_compiler()
    if compiler is None:
        found = Native(None, f"no C++ compiler found ({', '.join(COMPILERS)}, or $CXX); install one")
    else:
        found = _compiled(compiler)
    if found.library is None:
        warnings.warn(
            f"wellposed_ct projects in pure torch, which gives the same numbers some 50 times slower: "
            f"{found.status}. {SWITCH}=0 silences this.",
            RuntimeWarning,
            stacklevel=3,
        )
    return found


def library_name() -> str:
    """Return the file name of a library that ships beside this module."""
    return "_joseph" + {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


def find_compiler() -> str | None:
    """Return the path of a C++ compiler: ``$CXX``, or the first of the usual names."""
    for name in (os.environ.get("CXX", ""), *COMPILERS):
        if name and (path := shutil.which(name)):
            return path
    return None


def build(target: Path, compiler: str) -> None:
    """Compile the projectors into ``target``, which appears only when complete.

    Raises
    ------
    OSError, subprocess.SubprocessError
        The folder cannot be written, or the compiler fails; its messages are in ``stderr``.
    """
    handle, name = tempfile.mkstemp(suffix=".partial", dir=target.parent)
    os.close(handle)
    try:
        command = [compiler, *FLAGS, *map(str, SOURCES), "-o", name]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT)
        os.chmod(name, 0o700)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def _compiled(compiler: str) -> Native:
    try:
        folder = _private_folder()
        target = folder / f"joseph-{_fingerprint(compiler)}{Path(library_name()).suffix}"
        if not target.exists():
            build(target, compiler)
        if not _is_private(target):
            return Native(None, f"{target} can be written by others; delete it")
        return _load(target, f"compiled by {compiler} into {target}")
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["no message"]
        return Native(None, f"{compiler} failed: {lines[0][:200]}")
    except (OSError, subprocess.SubprocessError) as error:
        return Native(None, f"it could not be compiled: {error}")


def _fingerprint(compiler: str) -> str:
    """Return what the library depends on: source, flags, compiler, and machine (homes may be shared)."""
    version = os.stat(compiler)
    sources = b"".join(path.read_bytes() for path in (*SOURCES, *HEADERS))
    parts = (sources, FLAGS, compiler, version.st_size, version.st_mtime_ns, platform.machine())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:20]


def _private_folder() -> Path:
    """Return a folder that nobody but the user can write into: what lies there will be executed."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "wellposed" / "ct"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(folder):
        raise PermissionError(f"{folder} can be written by others; make it yours alone: chmod 700 {folder}")
    return folder


def _is_private(path: Path) -> bool:
    if not hasattr(os, "getuid"):  # Windows: profiles are private
        return True
    seen = path.stat()
    return seen.st_uid == os.getuid() and not seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _load(path: Path, origin: str) -> Native:
    try:
        library = ctypes.CDLL(str(path))
        version = library.wellposed_ct_abi()
    except (OSError, AttributeError) as error:
        return Native(None, f"{path} cannot be loaded ({error}); delete it")
    if version >> 8 != ABI:
        return Native(None, f"{path} has interface {version >> 8}, and {ABI} is needed; delete it")
    return Native(library, f"{origin}; {INSTRUCTIONS[version & 255]}")
