"""The compiled projector: built once, privately, completely or not at all, and missed with a sentence."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from wellposed_ct.projectors import native as module
from wellposed_ct.projectors.native import build, find_compiler, native

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler on this machine")
posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX permissions")


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """A user with an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv(module.SWITCH, raising=False)
    monkeypatch.setattr(module, "FLAGS", (*module.FLAGS, "-O0"))  # the tests build it many times
    native.cache_clear()
    yield tmp_path / "wellposed" / "ct"
    native.cache_clear()


@needs_compiler
def test_it_is_compiled_once(fresh):
    assert "compiled by" in native().status
    files = list(fresh.iterdir())
    assert [f.suffix for f in files] == [".dylib" if sys.platform == "darwin" else ".so"]
    before = files[0].stat().st_mtime_ns
    native.cache_clear()
    assert native().library is not None
    assert files[0].stat().st_mtime_ns == before


@needs_compiler
def test_racing_builds_leave_one_whole_library(fresh, tmp_path):
    target = tmp_path / "joseph.so"
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: build(target, find_compiler()), range(2)))
    assert [f.name for f in tmp_path.iterdir()] == ["joseph.so"]
    assert module._load(target, "here").library is not None


def test_without_a_compiler_it_says_so_once(fresh, monkeypatch):
    monkeypatch.setattr(module, "find_compiler", lambda: None)
    with pytest.warns(RuntimeWarning, match=r"pure torch.*no C\+\+ compiler found .* WELLPOSED_CT_NATIVE=0"):
        assert native().library is None
    assert native().library is None


def test_it_can_be_switched_off(fresh, monkeypatch):
    monkeypatch.setenv(module.SWITCH, "0")
    assert native().status == "switched off by WELLPOSED_CT_NATIVE=0"
    assert not fresh.exists()


@posix
def test_a_compiler_that_fails_is_quoted(fresh, monkeypatch, tmp_path):
    bad = tmp_path / "bad"
    bad.write_text("#!/bin/sh\necho 'error: no such luck' >&2\nexit 1\n")
    bad.chmod(0o700)
    monkeypatch.setenv("CXX", str(bad))
    with pytest.warns(RuntimeWarning, match="bad failed: error: no such luck"):
        native()
    assert list(fresh.iterdir()) == []


@posix
@needs_compiler
def test_a_folder_that_others_can_write_is_refused(fresh):
    fresh.mkdir(parents=True)
    fresh.chmod(0o777)
    with pytest.warns(RuntimeWarning, match="can be written by others; make it yours alone: chmod 700"):
        assert native().library is None


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="the library's name is that of Linux")
def test_a_damaged_library_is_not_loaded(fresh):
    library = module._private_folder() / f"joseph-{module._fingerprint(find_compiler())}.so"
    library.write_bytes(b"not a library")
    library.chmod(0o700)
    with pytest.warns(RuntimeWarning, match="cannot be loaded .* delete it"):
        assert native().library is None
