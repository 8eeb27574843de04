"""HDF5 scans that tell how far source and detector are: cone beams, or parallel ones seen larger."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from wellposed.cli import main
from wellposed_ct import FDK, ConeBeam, ConeGeometry, HDF5Reader, ball, open_scan

CONE = ConeGeometry(np.arange(40) * np.pi / 20, (20, 26, 26), 100.0, 250.0, (20, 26), (1.2, 1.0))
BODY = ball(2.5, 0.1, (2.0, -1.5, 1.0))


def told(file, name, value, units):
    file[name] = value
    file[name].attrs["units"] = units


def written(path, form, source=(-0.1, "m"), detector=(15.0, "cm"), pixel=(1.0, "mm")):
    counts = np.rint(5e4 * np.exp(-BODY.projections(CONE)[0, 0].numpy()[:, ::-1])).astype(np.uint16)
    degrees = np.degrees(CONE.angles)
    with h5py.File(path, "w") as file:
        if form == "nxtomo":
            home = "entry/instrument"
            file[f"{home}/detector/data"] = np.concatenate([np.full((2, 20, 26), 50000, np.uint16), counts])
            file[f"{home}/detector/image_key"] = [1, 1] + [0] * 40
            told(file, "entry/sample/rotation_angle", np.concatenate([[0, 0], degrees]), "degree")
            names = ("y_pixel_size", "x_pixel_size")
        else:
            home, names = "measurement/instrument", ("pixel_size_y", "pixel_size_x")
            file["exchange/data"] = counts
            file["exchange/data_white"] = np.full((2, 20, 26), 50000, np.uint16)
            told(file, "exchange/theta", degrees, "deg")
        for name, value in zip(names, (1.2 * pixel[0], pixel[0]), strict=True):
            told(file, f"{home}/detector/{name}", value, pixel[1])
        for part, distance in (("source", source), ("detector", detector)):
            if distance is not None:
                told(file, f"{home}/{part}/distance", *distance)
    return path


@pytest.mark.parametrize("form", ["nxtomo", "dxchange"])
def test_distances_make_a_cone_beam(tmp_path, form):
    path = written(tmp_path / "scan.h5", form)
    found = HDF5Reader().read(path)
    assert isinstance(found.physics, ConeBeam)
    np.testing.assert_allclose(found.physics.geometry.vectors(), CONE.vectors(), atol=1e-9)
    np.testing.assert_allclose(found.y[0, 0], BODY.projections(CONE)[0, 0], atol=3e-4)
    assert main(["ct", "reconstruct", str(path), "-o", str(tmp_path / "v.npy")]) == 0
    volume = np.load(tmp_path / "v.npy")
    np.testing.assert_allclose(volume, FDK()(found.y, found.physics)[0, 0], atol=1e-5)
    truth = BODY.volume(found.physics.geometry)[0, 0].numpy()
    assert volume[truth > 0.09].mean() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    ("source", "detector"),
    [(None, (150.0, "mm")), ((0.1, "m"), None), ((0.0, "m"), (0.15, "m")), ((np.nan, "m"), (0.15, "m"))],
)
def test_half_of_the_distances_is_none(tmp_path, source, detector):
    scan = open_scan(written(tmp_path / "scan.h5", "nxtomo", source, detector))
    assert scan.cone is None
    assert scan.geometry.detector_mm == 1.0


def test_a_far_source_is_parallel_and_magnifies(tmp_path):
    # a synchrotron: 145 m to the source, 5 m to the detector, bins of 5 µm
    scan = open_scan(written(tmp_path / "s.h5", "nxtomo", (-145, "m"), (5, "m"), (5, "um")))
    assert scan.cone is None
    assert scan.geometry.detector_mm == pytest.approx(0.005 * 145 / 150)
    # its rows are further apart than its bins
    assert scan.measurement(2**30).meta["slice_mm"] == pytest.approx(1.2 * 0.005 * 145 / 150)
