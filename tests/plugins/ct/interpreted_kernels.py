"""Run by test_triton.py with TRITON_INTERPRET=1: Triton's kernels, statement by statement, on the CPU.

Prints, as JSON, how far they are from the pure-torch projectors, relative to the largest value; how far from
each other's adjoint; and how far derivatives and batched maps are.
"""

from __future__ import annotations

import json

import torch
from torch import Tensor

from wellposed.spaces import Space
from wellposed_ct import FBP, FanBeam, ParallelBeam
from wellposed_ct.projectors import gpu

ANGLES = torch.tensor([-0.6, 0.0, 0.9, 2.4], dtype=torch.float64)  # rays of both orientations and directions
SCANS = {
    "plain": (ParallelBeam, {}),
    "fine bins": (ParallelBeam, {"detector_mm": 0.4, "detectors": 16}),
    "coarse bins, off the axis": (
        ParallelBeam,
        {"detector_mm": 2.6, "detectors": 3, "axis_mm": 1.3, "centre_mm": (2.0, -1.0)},
    ),
    "narrow": (ParallelBeam, {"detectors": 4}),
    "one bin": (ParallelBeam, {"detectors": 1}),
    "fan": (FanBeam, {"detectors": 9, "detector_mm": 1.4}),
    "fine fan, off the axis": (
        FanBeam,
        {"detectors": 12, "detector_mm": 0.5, "axis_mm": 1.3, "centre_mm": (1.0, -0.5)},
    ),
    "coarse fan near its source": (FanBeam, {"detectors": 3, "detector_mm": 9.0, "source_axis_mm": 6.2}),
}


def scan(name: str, dtype: torch.dtype) -> FanBeam | ParallelBeam:
    kind, arguments = SCANS[name]
    domain = Space((1, 5, 7), dtype)
    if kind is ParallelBeam:
        return ParallelBeam(ANGLES, domain, **arguments)
    distances = {"source_axis_mm": 20.0, "source_detector_mm": 33.0, "pixel_mm": 1.0}
    return FanBeam(ANGLES, domain, **(distances | arguments))


def off(found: Tensor, expected: Tensor) -> float:
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    return float((found - expected).abs().max() / expected.abs().max())


def compare(name: str, dtype: torch.dtype) -> dict[str, float]:
    physics = scan(name, dtype)
    torch_only = physics.replace(backend="torch")
    generator = torch.Generator().manual_seed(0)
    x, y = physics.domain.randn(2, generator=generator), physics.range.randn(2, generator=generator)
    Ax, Ay = physics.A(x), physics.A_adjoint(y)
    left, right = (Ax.double() * y).sum(), (x.double() * Ay).sum()
    return {
        "project": off(Ax, torch_only.A(x)),
        "back-project": off(Ay, torch_only.A_adjoint(y)),
        "defect": float((left - right).abs() / (Ax.norm() * y.norm())),
    }


def derivatives() -> dict[str, float]:
    """Autograd and vmap of one scan of each kind: all of them run the kernels."""
    found = {}
    for name in ("narrow", "fan"):
        physics = scan(name, torch.float64)
        torch_only = physics.replace(backend="torch")
        x = physics.domain.randn(1, generator=torch.Generator().manual_seed(1)).requires_grad_()

        def energy(A: FanBeam | ParallelBeam, x: Tensor) -> Tensor:
            return (A.A(x) ** 2).sum() / 2

        gradient = [torch.autograd.grad(energy(A, x), x)[0] for A in (physics, torch_only)]
        found[f"gradient, {name}"] = off(*gradient)
        stacked = torch.func.vmap(lambda z, A=physics: A.A(z))(x.detach()[None])
        found[f"vmap, {name}"] = off(stacked[0], torch_only.A(x.detach()))
    return found


def smeared() -> float:
    """Filtered back-projection reads values between bins: another branch of the kernel."""
    physics = scan("plain", torch.float64)
    y = physics.range.randn(1, generator=torch.Generator().manual_seed(2))
    return off(FBP()(y, physics), FBP()(y, physics.replace(backend="torch")))


if __name__ == "__main__":
    gpu.DEVICES = ("cpu",)
    torch.manual_seed(0)
    report = {
        f"{name}, {str(dtype)[6:]}": compare(name, dtype)
        for name in SCANS
        for dtype in ((torch.float64, torch.float32) if name in ("plain", "fan") else (torch.float64,))
    }
    print(json.dumps({"scans": report, "derivatives": derivatives(), "smeared": smeared()}))
