"""A pack's C++: built once, privately, completely or not at all, and missed with a sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from wellposed import native
from wellposed.native import NativeCode, find_compiler

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler on this machine")
posix = pytest.mark.skipif(not hasattr(os, "getuid"), reason="POSIX permissions")


@pytest.fixture
def code(monkeypatch, tmp_path):
    """A pack's library, and a user with an empty cache."""
    source, header = tmp_path / "twice.cpp", tmp_path / "twice.hpp"
    header.write_text("constexpr double FACTOR = 2;\n")
    source.write_text(
        '#include "twice.hpp"\n'
        'extern "C" int lab_interface() { return 7; }\n'
        'extern "C" double lab_twice(double x) { return FACTOR * x; }\n'
    )
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("WELLPOSED_LAB_NATIVE", raising=False)
    native._load_once.cache_clear()
    yield NativeCode(
        "lab", [source], [header], version="lab_interface", interface=7, slowdown="some 9 times slower"
    )
    native._load_once.cache_clear()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache" / "wellposed" / "lab"


@needs_compiler
def test_it_is_compiled_once(code, folder):
    assert "compiled by" in code.load().status
    files = list(folder.iterdir())
    assert [f.suffix for f in files] == [".dylib" if sys.platform == "darwin" else ".so"]
    before = files[0].stat().st_mtime_ns
    native._load_once.cache_clear()
    assert code.load().library is not None
    assert files[0].stat().st_mtime_ns == before


@needs_compiler
def test_a_changed_header_is_a_new_library(code):
    before = code.cached(find_compiler())
    code.headers[0].write_text("constexpr double FACTOR = 3;\n")
    assert code.cached(find_compiler()) != before


@needs_compiler
def test_racing_builds_leave_one_whole_library(code, tmp_path):
    target = tmp_path / "racing" / "twice.so"
    target.parent.mkdir()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: code.build(target, find_compiler()), range(2)))
    assert [f.name for f in target.parent.iterdir()] == ["twice.so"]
    assert native._opened(code, target, "here").library is not None


@needs_compiler
def test_what_a_wheel_brings_comes_first(code):
    code.build(code.shipped, find_compiler())
    assert code.load().status == "came with the package"


def test_without_a_compiler_it_says_so_once(code, monkeypatch):
    monkeypatch.setattr(native, "find_compiler", lambda: None)
    expected = (
        r"wellposed_lab .* pure torch.*some 9 times slower: no C\+\+ compiler found .* WELLPOSED_LAB_NATIVE=0"
    )
    with pytest.warns(RuntimeWarning, match=expected):
        assert code.load().library is None
    assert code.load().library is None


def test_it_can_be_switched_off(code, folder, monkeypatch):
    monkeypatch.setenv("WELLPOSED_LAB_NATIVE", "0")
    assert code.load().status == "switched off by WELLPOSED_LAB_NATIVE=0"
    assert not folder.exists()


@posix
def test_a_compiler_that_fails_is_quoted(code, folder, monkeypatch, tmp_path):
    bad = tmp_path / "bad"
    bad.write_text("#!/bin/sh\necho 'error: no such luck' >&2\nexit 1\n")
    bad.chmod(0o700)
    monkeypatch.setenv("CXX", str(bad))
    with pytest.warns(RuntimeWarning, match="bad failed: error: no such luck"):
        code.load()
    assert list(folder.iterdir()) == []


@posix
@needs_compiler
def test_a_folder_that_others_can_write_is_refused(code, folder):
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    with pytest.warns(RuntimeWarning, match="can be written by others; make it yours alone: chmod 700"):
        assert code.load().library is None


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="the library's name is that of Linux")
def test_a_damaged_library_is_not_loaded(code):
    library = code.cached(find_compiler())
    library.write_bytes(b"not a library")
    library.chmod(0o700)
    with pytest.warns(RuntimeWarning, match="cannot be loaded .* delete it"):
        assert code.load().library is None


@needs_compiler
def test_an_older_interface_is_refused(code):
    old = attrs.evolve(code, interface=8)
    with pytest.warns(RuntimeWarning, match="has interface 7, and 8 is needed"):
        assert old.load().library is None


LOADING = """
import sys
from pathlib import Path
from wellposed.native import NativeCode
here = Path(sys.argv[1])
code = NativeCode("lab", [here / "twice.cpp"], [here / "twice.hpp"], version="lab_interface", interface=7)
print(code.load().status)
"""


@needs_compiler
def test_two_processes_that_start_at_once_both_get_the_library(code, folder, tmp_path):
    command = (sys.executable, "-W", "error", "-c", LOADING, str(tmp_path))
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert all("compiled by" in answer for answer in answers)
    assert len(list(folder.iterdir())) == 1


@needs_compiler
def test_a_build_that_was_killed_does_not_stop_the_next(code, folder):
    (folder / "building-killed").mkdir(parents=True)
    folder.chmod(0o700)
    (folder / "building-killed" / "twice.o").write_bytes(b"half")
    assert "compiled by" in code.load().status


@needs_compiler
def test_blanks_in_paths_change_nothing(code, tmp_path, monkeypatch):
    home = tmp_path / "my own folder"
    home.mkdir()
    for path in (*code.sources, *code.headers):
        (home / path.name).write_text(path.read_text())
    compiler = home / "my compiler"
    compiler.symlink_to(find_compiler())
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / "a cache"))
    moved = attrs.evolve(code, sources=[home / "twice.cpp"], headers=[home / "twice.hpp"])
    status = moved.load().status
    assert f"compiled by {compiler} into {home / 'a cache'}" in status


@needs_compiler
@pytest.mark.skipif(sys.platform != "linux", reason="a place where nobody can write, root included")
def test_a_cache_that_cannot_be_written_is_named_with_the_way_out(code, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/self")
    expected = r"/proc/self/wellposed/lab cannot be made \(.*\); set XDG_CACHE_HOME to a folder of yours"
    with pytest.warns(RuntimeWarning, match=expected):
        assert code.load().library is None


@needs_compiler
def test_a_library_in_a_cache_that_cannot_be_written_is_used(code, folder, monkeypatch):
    code.load()
    native._load_once.cache_clear()
    monkeypatch.setattr(NativeCode, "build", lambda *_: pytest.fail("compiled again"))
    folder.chmod(0o500)
    assert "compiled by" in code.load().status


@needs_compiler
def test_a_home_shared_with_an_older_system_keeps_a_library_for_each(code, monkeypatch):
    before = code.cached(find_compiler())
    monkeypatch.setattr(native, "_libc", lambda: "glibc 2.17")
    older = code.cached(find_compiler())
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert len({before, older, code.cached(find_compiler())}) == 3
