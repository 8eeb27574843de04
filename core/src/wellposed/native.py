"""C++ that a pack brings for its innermost loops: found beside its source, or compiled once, or done without.

A release wheel may bring the library; any other installation compiles it at first use where there is a C++
compiler, into a private folder of the user, and goes without where there is none: the pack then computes the
same numbers in pure torch, slower. Processes may race: a library appears under its name only when complete.
It is called through ``ctypes``, so that it depends on no version of Python or torch.

>>> from pathlib import Path
>>> code = NativeCode("lab", [Path("blend.cpp")], version="lab_interface", interface=1)
>>> code.switch
'WELLPOSED_LAB_NATIVE'
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import os
import platform
import shutil
import stat
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import attrs

__all__ = ["Native", "NativeCode", "find_compiler", "uncompiled"]

COMPILE = ("-std=c++17", "-O3", "-fno-math-errno", "-fPIC", "-pthread")
LINK = ("-shared", "-pthread")
COMPILERS = ("c++", "g++", "clang++")
P = ParamSpec("P")
R = TypeVar("R")
TIMEOUT = 600.0
"""Seconds for one file; a laptop takes some ten, a machine with other work much longer."""


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


def _paths(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(paths)


@attrs.frozen
class NativeCode:
    """One C++ library of a pack.

    Parameters
    ----------
    pack
        Whose it is: names the folder in the user's cache and the switch ``WELLPOSED_<PACK>_NATIVE``, which
        set to 0 does without.
    sources
        The files to compile; the library is named after the first.
    headers
        The files that they include, beside them; a change of any file makes it compiled anew.
    version
        A function ``int f()`` of the library that returns ``interface``.
    interface
        Number of the calling convention; raise it with every change of an argument.
    slowdown
        What going without costs, for the warning, as in "some 50 times slower".
    """

    pack: str
    sources: tuple[Path, ...] = attrs.field(converter=_paths)
    headers: tuple[Path, ...] = attrs.field(default=(), converter=_paths)
    version: str = attrs.field(kw_only=True)
    interface: int = attrs.field(kw_only=True)
    slowdown: str = attrs.field(default="slower", kw_only=True)

    @property
    def switch(self) -> str:
        """The environment variable that, set to 0, switches the library off."""
        return f"WELLPOSED_{self.pack.upper()}_NATIVE"

    @property
    def shipped(self) -> Path:
        """Where a wheel brings the library: beside its source, ``_<name>.so``."""
        source = self.sources[0]
        return source.with_name(f"_{source.stem}{_suffix()}")

    def load(self) -> Native:
        """Return the library, compiling it where needed; warns once per process when that fails."""
        if os.environ.get(self.switch, "1") == "0":
            return Native(None, f"switched off by {self.switch}=0")
        return _load_once(self)

    def build(self, target: Path, compiler: str) -> None:
        """Compile into ``target``, which appears only when complete.

        Raises
        ------
        OSError, subprocess.SubprocessError
            The folder cannot be written, or the compiler fails; its messages are in ``stderr``.
        """
        with tempfile.TemporaryDirectory(prefix="building-", dir=target.parent) as folder:
            library = Path(folder) / target.name
            objects = [Path(folder) / f"{path.stem}.o" for path in self.sources]
            with ThreadPoolExecutor() as pool:
                compiling = [
                    pool.submit(_run, compiler, *COMPILE, "-c", str(path), "-o", str(made))
                    for path, made in zip(self.sources, objects, strict=True)
                ]
            for done in compiling:
                done.result()
            _run(compiler, *LINK, *map(str, objects), "-o", str(library))
            library.chmod(0o700)
            library.replace(target)

    def cached(self, compiler: str) -> Path:
        """Return where ``compiler``'s library lies: its name holds all that it depends on.

        Raises
        ------
        OSError
            Others can write into the folder, from which code is executed, or the user cannot.
        """
        seen = os.stat(compiler)  # homes may be shared between machines and compilers updated
        texts = b"".join(path.read_bytes() for path in (*self.sources, *self.headers))
        parts = (texts, COMPILE, LINK, compiler, seen.st_size, seen.st_mtime_ns, platform.machine(), _libc())
        fingerprint = hashlib.sha256(repr(parts).encode()).hexdigest()[:20]
        return _private_folder(self.pack) / f"{self.sources[0].stem}-{fingerprint}{_suffix()}"


def uncompiled(function: Callable[P, R]) -> Callable[P, R]:
    """Keep ``torch.compile`` out of a function that calls native code; what is around it is compiled.

    As ``torch.compiler.disable``, whose work is left until torch's compiler has been loaded: loading it takes
    seconds, and few programs compile.

    >>> @uncompiled
    ... def double(x):
    ...     return 2 * x
    >>> double(3)
    6
    """

    @functools.wraps(function)
    def eager(*args: P.args, **kwargs: P.kwargs) -> R:
        if "torch._dynamo" not in sys.modules:
            return function(*args, **kwargs)
        run = _DISABLED.get(function)
        if run is None:
            import torch

            run = _DISABLED[function] = torch.compiler.disable(function)  # type: ignore[no-untyped-call]
        found: R = run(*args, **kwargs)
        return found

    return eager


_DISABLED: dict[Callable[..., Any], Callable[..., Any]] = {}


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT)


def find_compiler() -> str | None:
    """Return the path of a C++ compiler: ``$CXX``, or the first of the usual names."""
    for name in (os.environ.get("CXX", ""), *COMPILERS):
        if name and (path := shutil.which(name)):
            return path
    return None


@cache
def _load_once(code: NativeCode) -> Native:
    found = _opened(code, code.shipped, "came with the package") if code.shipped.exists() else _compiled(code)
    if found.library is None:
        warnings.warn(
            f"wellposed_{code.pack} computes in pure torch, which gives the same numbers {code.slowdown}: "
            f"{found.status}. {code.switch}=0 silences this.",
            RuntimeWarning,
            stacklevel=4,
        )
    return found


def _compiled(code: NativeCode) -> Native:
    compiler = find_compiler()
    if compiler is None:
        return Native(None, f"no C++ compiler found ({', '.join(COMPILERS)}, or $CXX); install one")
    try:
        target = code.cached(compiler)
        if not target.exists():
            if sys.stderr.isatty():
                print(f"wellposed_{code.pack}: compiling its C++, once; this takes seconds", file=sys.stderr)
            code.build(target, compiler)
        if not _is_private(target):
            return Native(None, f"{target} can be written by others; delete it")
        return _opened(code, target, f"compiled by {compiler} into {target}")
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["no message"]
        return Native(None, f"{compiler} failed: {lines[0][:200]}")
    except (OSError, subprocess.SubprocessError) as error:
        return Native(None, f"it could not be compiled: {error}")


def _opened(code: NativeCode, path: Path, origin: str) -> Native:
    try:
        library = ctypes.CDLL(str(path))
        interface = getattr(library, code.version)()
    except (OSError, AttributeError) as error:
        return Native(None, f"{path} cannot be loaded ({error}); delete it")
    if interface != code.interface:
        return Native(None, f"{path} has interface {interface}, and {code.interface} is needed; delete it")
    return Native(library, origin)


def _libc() -> str | None:
    """Return the C library's version: a home may be shared with a machine whose older one cannot load it."""
    try:
        return os.confstr("CS_GNU_LIBC_VERSION")
    except (AttributeError, ValueError):  # not glibc
        return None


def _suffix() -> str:
    return {"darwin": ".dylib", "win32": ".dll"}.get(sys.platform, ".so")


def _private_folder(pack: str) -> Path:
    """Return a folder that nobody but the user can write into: what lies there will be executed."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "wellposed" / pack
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"{folder} cannot be made ({error.strerror}); set XDG_CACHE_HOME to a folder of yours"
        ) from error
    if not _is_private(folder):
        raise PermissionError(f"{folder} can be written by others; make it yours alone: chmod 700 {folder}")
    return folder


def _is_private(path: Path) -> bool:
    if not hasattr(os, "getuid"):  # Windows: profiles are private
        return True
    seen = path.stat()
    return seen.st_uid == os.getuid() and not seen.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
