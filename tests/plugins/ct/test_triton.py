"""Triton's kernels: interpreted on the CPU, compiled for GPUs that are not there, and run on one that is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from wellposed.spaces import Space
from wellposed_ct import FBP, FanBeam, ParallelBeam
from wellposed_ct.projectors import gpu

needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="triton comes with torch for GPUs only")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA or ROCm device")


def printed_by(script: str, folder: Path, **settings: str) -> dict:
    kept = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    environment = kept | {"TRITON_CACHE_DIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)} | settings
    command = [sys.executable, str(Path(__file__).parent / script)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@needs_triton
def test_interpreted_kernels_equal_pure_torch_and_are_adjoint(tmp_path):
    found = printed_by("interpreted_kernels.py", tmp_path, TRITON_INTERPRET="1")
    assert len(found["scans"]) == 10
    for name, errors in found["scans"].items():
        single = name.endswith("float32")
        assert errors["project"] < (1e-6 if single else 2e-15), name
        assert errors["back-project"] < (1e-6 if single else 2e-15), name
        assert errors["defect"] < (1e-7 if single else 1e-16), name
    assert max(found["derivatives"].values()) < 4e-15
    assert found["smeared"] < 4e-15


@needs_triton
def test_kernels_compile_without_atomics_and_without_fused_doubles(tmp_path):
    found = printed_by("compiled_kernels.py", tmp_path)
    assert len(found) == 28
    for name, code in found.items():
        assert ".visible .entry" in code, name
        assert not re.search(r"^\s*(@\S+ )?(atom|red)\.", code, re.MULTILINE), name
        assert "fma.rn.f64" not in code, name
        # what is in single precision are values of pixels and bins: all geometry is in double
        assert "mul.f64" in code or "mul.rn.f64" in code, name


def on_gpu(physics: ParallelBeam | FanBeam, dtype: torch.dtype) -> None:
    x, y = (
        s.randn(3, generator=torch.Generator().manual_seed(0)).to(dtype)
        for s in (physics.domain, physics.range)
    )
    there = physics.to("cuda")
    assert gpu.takes(x.cuda(), there.backend)
    Ax, Ay = there.A(x.cuda()), there.A_adjoint(y.cuda())
    tight = 1e-5 if dtype == torch.float32 else 1e-12
    torch.testing.assert_close(Ax.cpu(), physics.A(x), rtol=tight, atol=tight * float(Ax.abs().max()))
    torch.testing.assert_close(Ay.cpu(), physics.A_adjoint(y), rtol=tight, atol=tight * float(Ay.abs().max()))
    assert torch.equal(Ax, there.A(x.cuda()))
    assert torch.equal(Ay, there.A_adjoint(y.cuda()))
    defect = ((Ax * y.cuda()).double().sum() - (x.cuda() * Ay).double().sum()).abs()
    assert defect < (1.2e-5 if dtype == torch.float32 else 2e-14) * Ax.norm() * y.norm()


@needs_gpu
@needs_triton
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_gpu_gives_what_the_cpu_gives(dtype):
    angles = torch.linspace(-0.2, 3.3, 50, dtype=torch.float64)
    domain = Space((2, 61, 70), dtype)
    on_gpu(ParallelBeam(angles, domain), dtype)
    on_gpu(FanBeam(angles, domain, 150.0, 240.0, 90, 1.6, pixel_mm=1.0), dtype)


@needs_gpu
@needs_triton
def test_filtered_back_projection_on_a_gpu():
    angles = torch.linspace(0, 3.1, 50, dtype=torch.float64)
    physics = ParallelBeam(angles, Space((1, 61, 70), torch.float64))
    y = physics.range.randn(2, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(FBP()(y.cuda(), physics.to("cuda")).cpu(), FBP()(y, physics.to("cpu")))


def test_tensors_on_the_cpu_never_import_triton(monkeypatch):
    kernels = "wellposed_ct.projectors.triton_parallel"
    monkeypatch.delitem(sys.modules, kernels, raising=False)
    ParallelBeam([0.0, 0.4], (1, 4, 4)).A(torch.ones(1, 1, 4, 4))
    assert kernels not in sys.modules


def test_a_gpu_where_triton_fails_is_left_to_torch_with_one_warning(monkeypatch):
    """Here the fault is that kernels cannot be launched on a CPU, or that there is no Triton to import."""
    monkeypatch.setattr(gpu, "DEVICES", ("cpu",))
    monkeypatch.setattr(gpu, "find_spec", lambda name: True)
    gpu._works.cache_clear()
    physics = ParallelBeam([0.0, 0.4], (1, 4, 4))
    x = physics.domain.randn(1, generator=torch.Generator().manual_seed(0))
    with pytest.warns(RuntimeWarning, match=r"torch on cpu.*Triton fails there \(.+\); backend='torch'"):
        Ax = physics.A(x)
    monkeypatch.setattr(gpu, "DEVICES", ("cuda",))
    torch.testing.assert_close(Ax, physics.A(x))
    gpu._works.cache_clear()
