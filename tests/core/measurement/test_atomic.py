from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import wellposed.atomic
from wellposed.atomic import atomic_path, write_bytes, write_text
from wellposed.errors import OutputError, OutputExistsError


def test_writes_and_leaves_nothing_beside(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "σ = 0.1")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "σ = 0.1"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_refuses_to_overwrite(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    write_bytes(target, b"old")
    with pytest.raises(OutputExistsError, match=r"a\.bin exists already .* pass overwrite=True or another"):
        write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    write_bytes(target, b"new", overwrite=True)
    assert target.read_bytes() == b"new"
    assert issubclass(OutputExistsError, FileExistsError)


def _race(target: Path) -> None:
    with atomic_path(target) as temporary:
        temporary.write_bytes(b"ours")
        target.write_bytes(b"theirs")


def _fail(target: Path, error: type[BaseException]) -> None:
    with atomic_path(target, overwrite=True) as temporary:
        temporary.write_bytes(b"half")
        raise error


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with pytest.raises(OutputExistsError, match="exists already"):
        _race(target)
    assert target.read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("taken", [False, True])
def test_file_systems_without_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    def no_links(*_: object) -> None:
        raise OSError("operation not supported")

    monkeypatch.setattr(wellposed.atomic.os, "link", no_links)
    target = tmp_path / "a.bin"
    if taken:
        with pytest.raises(OutputExistsError, match="exists already"):
            _race(target)
    else:
        write_bytes(target, b"ours")
    assert target.read_bytes() == (b"theirs" if taken else b"ours")
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, b"old"])
def test_a_failure_leaves_what_was_there(
    tmp_path: Path, error: type[BaseException], before: bytes | None
) -> None:
    target = tmp_path / "a.bin"
    if before is not None:
        target.write_bytes(before)
    with pytest.raises(error):
        _fail(target, error)
    assert [p.read_bytes() for p in tmp_path.iterdir()] == ([] if before is None else [before])


def test_a_failing_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    monkeypatch.setattr(wellposed.atomic.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(target, b"new", overwrite=True)
    assert target.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_kill_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    code = (
        "import os, signal, sys\n"
        "from wellposed.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1], overwrite=True) as t:\n"
        "    t.write_bytes(b'half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(target)], env=_environment(), check=False)
    assert done.returncode == -signal.SIGKILL
    assert target.read_bytes() == b"old"


def test_imports_no_torch() -> None:
    code = "import sys, wellposed.atomic; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], env=_environment(), check=True)


def test_a_missing_folder_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"the folder .*nowhere does not exist"):
        write_bytes(tmp_path / "nowhere" / "a.bin", b"")
    with pytest.raises(OutputError, match="is a folder"):
        write_bytes(tmp_path, b"", overwrite=True)


@pytest.mark.skipif(os.name == "nt", reason="permissions and links are POSIX")
def test_permissions_and_links_are_kept(tmp_path: Path) -> None:
    target, link = tmp_path / "a.bin", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_bytes(link, b"new", overwrite=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640


def test_long_names(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 240)
    write_bytes(target, b"new")
    assert target.read_bytes() == b"new"


def _environment() -> dict[str, str]:
    source = str(Path(wellposed.atomic.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": source}
