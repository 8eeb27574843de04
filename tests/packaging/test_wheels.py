"""Each distribution, built as a wheel, installs into an empty environment with only what it declares."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from distributions import ROOT, distributions

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
ALL = distributions()


def run(*command: object) -> str:
    # an environment of its own: what a developer's PYTHONPATH names is not installed there
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, env=clean)
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
    skipped = ("_examples", "testing", "template", "triton_")  # triton comes with torch for CUDA only
    plain = [m.removesuffix(".__init__") for m in modules if not any(s in m for s in skipped)]
    run(python, "-c", f"import importlib\nfor m in {plain!r}: importlib.import_module(m)")


@pytest.fixture(scope="session")
def user(wheels, tmp_path_factory) -> Path:
    """The programs of an empty environment after ``pip install "wellposed[ct,mri,viz]"``."""
    folder = tmp_path_factory.mktemp("user")
    venv.create(folder / "env", with_pip=True)
    programs: Path = folder / "env" / "bin"
    wanted = "wellposed[ct,mri,viz]"
    run(programs / "python", "-m", "pip", "install", "-q", "--find-links", wheels,
        "-c", ROOT / "constraints.txt", wanted)  # fmt: skip
    return programs


def test_what_a_practitioner_installs_is_sound(user):
    assert "version 0.1" in run(user / "wellposed", "--version")
    found = json.loads(run(user / "wellposed", "plugins", "--json"))
    assert {"core", "ct", "mri", "optim", "viz"} <= {pack["name"] for pack in found["packs"]}
    report = run(user / "wellposed", "doctor")
    assert "Traceback" not in report
    licence = "from importlib.metadata import files; print([str(f) for f in files('wellposed-ct')])"
    assert "LICENSE" in run(user / "python", "-c", licence)


def test_what_a_practitioner_installs_reconstructs(user, tmp_path):
    simulate = """
import sys, numpy as np, torch
from wellposed import Measurement
from wellposed_ct import ParallelBeam, disc
from wellposed_mri import MultiCoilMRI, birdcage_maps
truth = torch.zeros(1, 1, 32, 32); truth[..., 8:20, 10:22] = 1.0
ray = ParallelBeam(torch.linspace(0, 3.1, 40, dtype=torch.float64), (1, 32, 32))
np.savez(sys.argv[1] + "/sinogram.npz", sinogram=ray(truth)[0, 0], angles=np.linspace(0, 3.1, 40))
scan = MultiCoilMRI(birdcage_maps(4, (32, 32)))
Measurement(scan(truth.to(torch.complex64)), scan).save(sys.argv[1] + "/kspace.safetensors")
"""
    run(user / "python", "-c", simulate, tmp_path)
    for file, method, image in (
        ("sinogram.npz", "ct.fbp", "slice.tif"),
        ("kspace.safetensors", "mri.sense", "image.nii"),
    ):
        run(user / "wellposed", "reconstruct", tmp_path / file, "-m", method, "-o", tmp_path / image)
        assert (tmp_path / image).stat().st_size > 1000


@pytest.mark.parametrize("dist", ALL, ids=lambda d: d.name)
def test_sdist_builds(dist, tmp_path):
    run(sys.executable, "-m", "build", "--no-isolation", "--sdist", "--outdir", tmp_path, dist.folder)
    assert list(tmp_path.glob("*.tar.gz"))
