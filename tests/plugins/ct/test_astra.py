"""Conversions from and to ASTRA, checked against ASTRA's own projections."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed_ct import FanBeam, FanGeometry, ParallelBeam, ParallelGeometry, shepp_logan
from wellposed_ct.geometry import from_astra, to_astra

astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")

ANGLES = np.array([0.1, 0.7, 1.9, 2.8, 4.0, 5.5])
PARALLEL = ParallelGeometry(ANGLES, (60, 50), 90, 0.8, 0.9, centre_mm=(1.0, -2.0))
FAN = FanGeometry(ANGLES, (60, 50), 200.0, 320.0, 120, 1.0, 0.8, centre_mm=(1.0, -2.0))


def project(geometry, model, data, back):
    projections, volume = to_astra(geometry)
    projector = astra.create_projector(model, projections, volume)
    run = astra.create_backprojection if back else astra.create_sino
    return run(data.astype(np.float32), projector)[1]


@pytest.mark.parametrize("geometry", [PARALLEL, FAN], ids=["parallel", "fan"])
def test_there_and_back(geometry):
    back = from_astra(*to_astra(geometry))
    assert back.angles == geometry.angles
    assert back.size == geometry.size
    assert back.pixel_mm == pytest.approx(geometry.pixel_mm)
    assert back.centre_mm == pytest.approx(geometry.centre_mm)
    assert type(back) is type(geometry)


def test_what_astra_makes_is_understood():
    projections = astra.create_proj_geom("fanflat", 1.5, 33, ANGLES, 100.0, 60.0)
    found = from_astra(projections, astra.create_vol_geom(20, 30))
    assert found == FanGeometry(ANGLES, (20, 30), 100.0, 160.0, 33, 1.5, 1.0)
    assert from_astra(astra.create_proj_geom("parallel", 1.5, 33, ANGLES)).size == (33, 33)
    with pytest.raises(ParameterError, match="type 'parallel_vec': only 'parallel', 'fanflat'"):
        from_astra(projections | {"type": "parallel_vec"})
    with pytest.raises(ParameterError, match="square pixels are needed"):
        from_astra(projections, astra.create_vol_geom(20, 20, 0, 10, 0, 20))
    with pytest.raises(ParameterError, match="has no detector offset"):
        to_astra(PARALLEL.replace(axis_mm=1.0))


def test_parallel_is_astras_linear_projector():
    x = shepp_logan(18.0).image(PARALLEL)
    op = ParallelBeam.from_geometry(PARALLEL, dtype=torch.float64)
    y = op.A(x)[0, 0].numpy()
    theirs = project(PARALLEL, "linear", x[0, 0].numpy(), back=False)
    assert np.linalg.norm(theirs - y) / np.linalg.norm(y) < 1e-5


def test_fan_is_close_to_astras_line_model():
    x = shepp_logan(18.0).image(FAN)
    y = FanBeam.from_geometry(FAN, dtype=torch.float64).A(x)[0, 0].numpy()
    theirs = project(FAN, "line_fanflat", x[0, 0].numpy(), back=False)
    assert np.linalg.norm(theirs - y) / np.linalg.norm(y) < 0.03
