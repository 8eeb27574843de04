"""A wheel of the ct pack with its library works without a compiler; one without it stays pure."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from distributions import ROOT

from wellposed.native import COMPILE, LINK, find_compiler
from wellposed_ct.projectors.native import CODE

slow = pytest.mark.slow
long = pytest.mark.timeout(600)

PROBE = """
import torch, wellposed_ct
from wellposed_ct.projectors.native import native
op = wellposed_ct.ParallelBeam([0.1, 0.9], (1, 8, 8))
x = torch.rand(1, 1, 8, 8)
torch.testing.assert_close(op.A(x), op.replace(backend="torch").A(x))
print(wellposed_ct.__file__)
print(native().status)
"""


def test_the_hook_compiles_as_the_package_does():
    hook = runpy.run_path(str(ROOT / "plugins/ct/hatch_build.py"))
    assert set(hook["FLAGS"]) == {*COMPILE, *LINK}
    assert CODE.shipped.name == "_joseph" + hook["SUFFIXES"].get(sys.platform, ".so")


def build(folder: Path, compiled: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, ROOT / "plugins/ct"],
        env={**os.environ, "WELLPOSED_CT_COMPILE": compiled},
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))


@slow
@long
@pytest.mark.skipif(find_compiler() is None, reason="no C++ compiler on this machine")
def test_the_compiled_wheel_needs_no_compiler(tmp_path):
    wheel = build(tmp_path, "1")
    assert "-py3-none-" in wheel.name
    assert not wheel.name.endswith("-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    command = [sys.executable, "-W", "error::RuntimeWarning", "-c", PROBE]
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), "PATH": ""}
    environment.pop("CXX", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    where, status = done.stdout.splitlines()
    assert Path(where).is_relative_to(tmp_path)
    assert status.startswith("came with the package")
    assert not (tmp_path / "cache").exists()


@slow
@long
def test_the_plain_wheel_is_pure(tmp_path):
    wheel = build(tmp_path, "0")
    assert wheel.name.endswith("-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "wellposed_ct/projectors/joseph.cpp" in names
    assert "wellposed_ct/projectors/loops.hpp" in names
    assert not [n for n in names if n.endswith((".so", ".dylib", ".dll"))]
