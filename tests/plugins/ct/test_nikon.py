"""Nikon scans whose axis leans, and whose angles were measured: against rays of the laboratory."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
import torch
from scipy.optimize import minimize_scalar
from scipy.spatial.transform import Rotation

from wellposed_ct import FDK, ConeBeam, NikonReader, VectorGeometry, ball, open_scan

VIEWS, DETECTOR = 36, (40, 44)
NEAR, FAR = 100.0, 300.0
BODY = ball(2.0, 0.1, (3.0, -2.0, 2.5))


def laboratory(offset, direction, panel=(0.0, 0.0), angles=None):
    """Return projections of a ball that turns about a leaning axis, by vectors that are turned by hand."""
    axis = np.array(direction, float) / np.linalg.norm(direction)
    upright, _ = Rotation.align_vectors([[0, 0, 1]], [axis])
    still = np.array([[0, -NEAR, 0], [panel[0], FAR - NEAR, panel[1]], [1, 0, 0], [0, 0, 1]], float)
    still[:2] -= np.array([offset, 0, 0])
    turns = np.arange(VIEWS) * 2 * np.pi / VIEWS if angles is None else angles
    rows = [still @ (upright * Rotation.from_rotvec(t * axis)).as_matrix().T for t in turns]
    scan = VectorGeometry(np.stack(rows).reshape(-1, 12), (30, 30, 30), DETECTOR, 1 / 3)
    return BODY.projections(scan)[0, 0].float().numpy()


def written(folder, projections, **more):
    entries = {
        "Name": "part", "SrcToObject": NEAR, "SrcToDetector": FAR, "DetectorPixelsX": DETECTOR[1],
        "DetectorPixelsY": DETECTOR[0], "DetectorPixelSizeX": 1.0, "Projections": VIEWS,
        "AngularStep": 360 / VIEWS, "InitialAngle": 0, "WhiteLevel": 60000,
    } | more  # fmt: skip
    path = folder / "part.xtekct"
    path.write_text("[XTekCT]\n" + "".join(f"{k}={v}\n" for k, v in entries.items()))
    for i, view in enumerate(projections):
        tifffile.imwrite(
            folder / f"part_{i + 1:04d}.tif", np.rint(6e4 * np.exp(-view[::-1])).astype(np.uint16)
        )
    return path


def misfit(found):
    """Return the share of the data that a ball leaves unexplained, whatever the first angle is."""
    x, y, z = np.array([3.0, -2.0, 2.5]) + found.physics.geometry.centre_mm
    data = found.y[0, 0].double()

    def left(turn):
        c, s = np.cos(turn), np.sin(turn)
        body = ball(2.0, 0.1, (c * x - s * y, s * x + c * y, z))
        return float((body.projections(found.physics.geometry)[0, 0] - data).norm() / data.norm())

    return minimize_scalar(left, bounds=(-0.2, 0.2), method="bounded", options={"xatol": 1e-6}).fun


LEANING = [
    ({"ObjectRoll": 3.0}, 0.0, (-np.sin(np.radians(3)), 0, np.cos(np.radians(3)))),
    ({"ObjectTilt": 4.0}, 0.0, (0, np.sin(np.radians(4)), np.cos(np.radians(4)))),
    ({"CentreOfRotationTop": 3.0, "CentreOfRotationBottom": 1.0}, 2.0 / 3, (2.0, 0, 40.0)),
    ({"ObjectOffsetX": 1.5}, 1.5, (0, 0, 1)),
]


@pytest.mark.parametrize(("entries", "offset", "direction"), LEANING, ids=["roll", "tilt", "old", "offset"])
def test_an_axis_that_leans_is_undone(tmp_path, entries, offset, direction):
    y, panel = laboratory(offset, direction, (1.0, -0.5)), {"DetectorOffsetX": 1.0, "DetectorOffsetY": -0.5}
    found = NikonReader(volume=True).read(written(tmp_path, y, **panel, **entries))
    assert misfit(found) < 4e-3
    image = FDK("hann")(found.y, found.physics)
    assert image.max().item() == pytest.approx(0.1, rel=0.15)
    assert misfit(NikonReader(volume=True).read(written(tmp_path, y, **panel))) > 0.1


@pytest.mark.parametrize(
    ("name", "head", "line"),
    [
        ("part.ang", "Proj\tAngle(deg)\n", "{n}:\t{a}\n"),
        (
            "_ctdata.txt",
            "Projs\tFrames\tExposure\n36\t1\t500\nProjection\tAngle(deg)\tTime(s)\n",
            "{n}\t{a}\t{n}.5\n",
        ),
    ],
)
@pytest.mark.parametrize("sense", [1, -1])
def test_measured_angles_are_read(tmp_path, name, head, line, sense):
    rng = np.random.default_rng(0)
    degrees = np.arange(VIEWS) * 10.0 + rng.uniform(-2, 2, VIEWS)
    degrees -= degrees[0]
    path = written(tmp_path, laboratory(0.0, (0, 0, 1), angles=np.radians(degrees)))
    lines = [line.format(n=i + 1, a=round((90 + sense * a) % 360, 4)) for i, a in enumerate(degrees)]
    (tmp_path / name).write_text(head + "".join(lines[::sense]))
    scan = open_scan(path, volume=True)
    assert scan.angles_from == name
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), degrees, atol=1e-3)
    assert misfit(NikonReader(volume=True).read(path)) < 1e-3


def test_measured_angles_of_another_scan_are_said_not_to_be_used(tmp_path):
    path = written(tmp_path, np.zeros((VIEWS, *DETECTOR)))
    (tmp_path / "part.ang").write_text("Proj Angle\n1: 0\n2: 5\n")
    with pytest.warns(UserWarning, match=r"part\.ang: holds 2 angles for 36 projections and is not used"):
        scan = open_scan(path)
    np.testing.assert_allclose(np.degrees(scan.geometry.angles), np.arange(VIEWS) * 10.0)


def test_the_middle_slice_of_a_rolled_panel_is_doubted(tmp_path):
    path = written(tmp_path, laboratory(0.0, (0.05, 0, 1)), ObjectRoll=-np.degrees(np.arctan(0.05)))
    with pytest.warns(UserWarning, match=r"the middle slice crosses about 2\.2 rows"):
        NikonReader().read(path)
    found = NikonReader(volume=True).read(path)
    assert isinstance(found.physics, ConeBeam)
    assert bool(torch.isfinite(found.y).all())
