"""Reconstructions turn as their data turn, where they declare it, and declare nothing that does not hold."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from wellposed import ForwardModel
from wellposed.noise import LogPoisson
from wellposed.spaces import Space
from wellposed.structure import Equivariant, Symmetry
from wellposed.testing import check
from wellposed_ct import (
    ASDPOCS,
    CGLS,
    FBP,
    FDK,
    LSQR,
    MLEM,
    MLTR,
    PWLS,
    SART,
    SIRT,
    TV,
    ConeBeam,
    CTPnP,
    FanBeam,
    ParallelBeam,
)
from wellposed_ct.projectors.vectors import circular_vectors
from wellposed_ct.symmetries import MirroredViews, TurnedViews

F64 = torch.float64
# six views over half a turn have mirrors, eight have quarter turns; twelve over a turn, shifted, have both
SCANS: dict[str, Any] = {
    "mirrors": ParallelBeam(torch.arange(6, dtype=F64) * math.pi / 6, Space((1, 7, 9), F64), 14),
    "turns": ParallelBeam(torch.arange(8, dtype=F64) * math.pi / 8, Space((1, 8, 8), F64), 13),
    "fan": FanBeam(torch.arange(12, dtype=F64) * math.pi / 6, Space((1, 9, 9), F64), 20.0, 30.0, 16, 1.1),
    "cone": ConeBeam(
        circular_vectors(torch.arange(12, dtype=F64) * math.pi / 6, 20.0, 30.0, (1.2, 1.2)),
        Space((1, 3, 8, 8), F64),
        (5, 12),
    ),
}
KEPT = [
    SIRT(6),
    SIRT(6, non_negative=False),
    CGLS(5),
    LSQR(4),
    LSQR(4, preconditioner="ramp"),
    SART(3, subsets=1),
    MLEM(4),
    PWLS("quadratic", weights="none", iterations=5),
    PWLS("huber", weights="none", iterations=5),
    TV(weight=0.01, iterations=10, isotropic=False),
]


def data(scan: Any) -> Tensor:
    """Return noisy projections of something without symmetry."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((2, *scan.domain.concrete_shape), dtype=F64, generator=generator)
    y: Tensor = scan.A(x)
    return (y + 0.05 * torch.rand(y.shape, dtype=F64, generator=generator)).clamp(min=0.01)


def defect(method: Any, scan: Any, views: type) -> float:
    """Return the largest ‖R(T_out y) − T_in R(y)‖/‖R(y)‖ of the symmetries whose views move so."""
    y, worst = data(scan), 0.0
    plain = method(y, scan)
    for e in (e for e in scan.evidence() if isinstance(e, Symmetry) and isinstance(e.T_out, views)):
        for g in e.T_in.elements():
            off = method(e.T_out.act(y, g), scan) - e.T_in.act(plain, g)
            worst = max(worst, float(off.norm() / plain.norm()))
    return worst


@pytest.mark.parametrize("name", SCANS)
@pytest.mark.parametrize("method", [*KEPT, FBP(), FBP("hann", 0.7), FDK()], ids=repr)
def test_methods_keep_the_symmetries_of_their_scan(method: Any, name: str) -> None:
    if isinstance(method, FDK) is not (name == "cone") and isinstance(method, FBP | FDK):
        pytest.skip("inverts another beam")
    scan = SCANS[name]
    assert any(isinstance(e, Equivariant) for e in method.evidence())
    if not isinstance(method, MLEM):  # the kit's noise makes rays beside the image negative
        assert check(method, physics=scan)["equivariance"].status == "passed"
    assert defect(method, scan, object) < 1e-9


def test_likelihood_of_photons_keeps_them_too() -> None:
    physics = ForwardModel(SCANS["turns"], LogPoisson(N0=1e4))
    assert check(MLTR(3), physics=physics)["equivariance"].status == "passed"


@pytest.mark.parametrize("method", [SART(2), MLEM(2, subsets=3)], ids=repr)
def test_ordered_subsets_keep_half_turns_alone(method: Any) -> None:
    scan = SCANS["turns"]
    y = data(scan)
    torch.testing.assert_close(method(y.flip(-1), scan), method(y, scan).flip(-1, -2))
    assert defect(method, scan, TurnedViews) > 1e-4


@pytest.mark.parametrize(
    "method",
    [
        TV(weight=0.01, iterations=10),
        PWLS("tv", weights="none", iterations=5),
        ASDPOCS(2, tolerance=1e6),
        CTPnP(),
    ],
    ids=lambda m: type(m).__name__,
)
def test_isotropic_variation_declares_nothing(method: Any) -> None:
    assert not [e for e in getattr(method, "evidence", tuple)() if isinstance(e, Equivariant)]
    if isinstance(method, TV):
        assert defect(method, SCANS["mirrors"], MirroredViews) > 1e-4


def test_a_circulant_preconditioner_keeps_half_turns_alone() -> None:
    method = LSQR(4, preconditioner="circulant")
    assert check(method, physics=SCANS["turns"])["equivariance"].status == "passed"
    assert defect(method, SCANS["turns"], TurnedViews) > 1e-6
