"""Each distribution, built as a wheel, installs into an empty environment with only what it declares."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

import pytest
from distributions import ROOT, distributions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ALL = distributions()


def run(*command: object) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def wheels(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    for dist in ALL:
        run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder, dist.folder)
    return folder


@pytest.mark.parametrize("dist", ALL, ids=lambda d: d.name)
def test_wheel_stands_alone(dist, wheels, tmp_path):
    venv.create(tmp_path / "env", with_pip=True)
    python = tmp_path / "env" / "bin" / "python"
    run(
        python,
        "-m",
        "pip",
        "install",
        "-q",
        "--find-links",
        wheels,
        "-c",
        ROOT / "constraints.txt",
        dist.name,
    )
    imported = run(
        python, "-W", "error", "-c", f"import {dist.package}, wellposed; print(wellposed.registry.failures())"
    )
    assert imported.strip() == "()"
    modules = [".".join(p.relative_to(dist.folder / "src").with_suffix("").parts) for p in dist.sources]
    skipped = ("_examples", "testing", "template")
    plain = [m.removesuffix(".__init__") for m in modules if not any(s in m for s in skipped)]
    run(python, "-c", f"import importlib\nfor m in {plain!r}: importlib.import_module(m)")


@pytest.mark.parametrize("dist", ALL, ids=lambda d: d.name)
def test_sdist_builds(dist, tmp_path):
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", tmp_path, dist.folder)
    assert list(tmp_path.glob("*.tar.gz"))
