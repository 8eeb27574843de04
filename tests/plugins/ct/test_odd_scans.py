"""Scans that cannot be are refused in one sentence, and results do not depend on the number of threads."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_ct import (
    ConeGeometry,
    FanBeam,
    FanGeometry,
    FourierSlice,
    ParallelBeam,
    ParallelGeometry,
)
from wellposed_ct.geometry.astra import from_astra

MAKERS: dict[str, Callable[..., Any]] = {
    "parallel": lambda **k: ParallelGeometry([0.0], (8, 8), **{"detectors": 9, **k}),
    "fan": lambda **k: FanGeometry([0.0], (8, 8), 50.0, 90.0, **{"detectors": 9, **k}, detector_mm=1.0),
    "parallel beam": lambda **k: ParallelBeam([0.0], (1, 8, 8), **{"detectors": 9, **k}),
    "fan beam": lambda **k: FanBeam(
        [0.0], (1, 8, 8), 50.0, 90.0, **{"detectors": 9, **k}, detector_mm=1.0, pixel_mm=1.0
    ),
}


@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("kind", MAKERS)
def test_places_that_are_no_numbers_are_refused(kind: str, bad: float) -> None:
    with pytest.raises(ParameterError, match=f"axis_mm = {bad} must be .*finite"):
        MAKERS[kind](axis_mm=bad)
    with pytest.raises(ParameterError, match=rf"centre_mm\[1\] = {bad} must be a finite number"):
        MAKERS[kind](centre_mm=(0.0, bad))


@pytest.mark.parametrize("name", ["axis_mm", "plane_mm", "pitch_mm"])
def test_a_cone_scan_has_finite_lengths(name: str) -> None:
    with pytest.raises(ParameterError, match=f"{name} = nan must be a finite number"):
        ConeGeometry([0.0], (4, 8, 8), 50.0, 90.0, (4, 9), 1.0, **{name: math.nan})  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", MAKERS)
def test_a_part_of_a_bin_is_refused(kind: str) -> None:
    with pytest.raises(ParameterError, match=r"detectors = 8\.7 must be at least 1, and whole"):
        MAKERS[kind](detectors=8.7)


def test_vectors_of_astra_in_the_plane_are_refused() -> None:
    with pytest.raises(ParameterError, match="'parallel_vec': only 'parallel'"):
        from_astra({"type": "parallel_vec", "DetectorCount": 4, "Vectors": [[0.0] * 6]})
    with pytest.raises(ParameterError, match="a source lies on the rotation axis, or a step is zero"):
        from_astra({"type": "fanflat_vec", "DetectorCount": 4, "Vectors": [[0.0] * 6]})


def test_fourier_slices_do_not_depend_on_the_number_of_threads() -> None:
    pytest.importorskip("finufft")
    op = FourierSlice([0.1 * k for k in range(30)], (2, 40, 40), 60)
    x = torch.randn(1, 2, 40, 40, generator=torch.Generator().manual_seed(0))
    threads, results = torch.get_num_threads(), []
    try:
        for n in (1, 4):
            torch.set_num_threads(n)
            results.append((op.A(x), op.A_adjoint(op.A(x))))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(results[0][0], results[1][0])
    assert torch.equal(results[0][1], results[1][1])
