"""Volumes in files: where a body lies in the patient's axes, whoever writes it, and how large voxels are."""

from __future__ import annotations

import gzip

import h5py
import nibabel
import numpy as np
import pydicom
import pytest
import tifffile
import torch

from wellposed import registry
from wellposed.cli import main
from wellposed.errors import OutputExistsError, ParameterError
from wellposed_ct import (
    ConeGeometry,
    DICOMWriter,
    Ellipses,
    ParallelGeometry,
    TIFFReader,
    VolumeWriter,
    ball,
    write_geometry,
)

AT = (3.0, 2.0, 4.0)
"""Where a ball lies in the scan's axes, mm."""

CONE = ConeGeometry(np.arange(36) * np.pi / 18, (20, 18, 16), 200.0, 300.0, (28, 34), 1.5, (0.9, 1.1, 1.0))
PLANE = ParallelGeometry(np.arange(60) * np.pi / 60, (24, 22), 32, 1.0)


def cone_scan(folder):
    folder.mkdir()
    y = ball(3.0, 0.05, AT).projections(CONE)[0, 0].float().numpy()
    for i, view in enumerate(y):
        tifffile.imwrite(folder / f"v{i:03d}.tif", view[::-1])
    write_geometry(folder / "geometry.toml", CONE)
    return folder


def stack_scan(folder):
    """Write the same ball as discs of a stack of 21 rows, the top one first."""
    folder.mkdir()
    heights = 10.0 - np.arange(21)
    radii = np.sqrt(np.clip(9 - (heights - AT[2]) ** 2, 0, None))
    rows = [
        Ellipses([(0.05 if r > 0 else 0.0, max(r, 0.1), max(r, 0.1), AT[0], AT[1], 0)]).sinogram(PLANE)[0, 0]
        for r in radii
    ]
    for i, view in enumerate(np.stack([row.float().numpy() for row in rows], 1)):
        tifffile.imwrite(folder / f"v{i:03d}.tif", view)
    write_geometry(folder / "geometry.toml", PLANE)
    return folder


def nifti_centre(path):
    """Return the centre of mass in right, anterior, superior, as nibabel sees it."""
    image = nibabel.load(path)
    values = np.clip(image.get_fdata(), 0.02, None) - 0.02
    index = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), -1)
    at = (values[..., None] * index).sum((0, 1, 2)) / values.sum()
    return nibabel.affines.apply_affine(image.affine, at)


def dicom_centre(folder):
    """Return the centre of mass in left, posterior, superior, from each slice's own position."""
    total, weight = np.zeros(3), 0.0
    for path in folder.iterdir():
        found = pydicom.dcmread(path)
        values = np.clip(found.pixel_array.astype(float), 0, None)  # below water: air
        r, c = np.indices(values.shape)
        across, down = np.array(found.ImageOrientationPatient, float).reshape(2, 3)
        dy, dx = map(float, found.PixelSpacing)
        places = np.array(found.ImagePositionPatient, float) + (
            c[..., None] * dx * across + r[..., None] * dy * down
        )
        total += (values[..., None] * places).sum((0, 1))
        weight += values.sum()
    return total / weight


@pytest.mark.parametrize("write", [cone_scan, stack_scan])
def test_a_body_is_never_mirrored(tmp_path, write):
    scan = write(tmp_path / "views")
    for name in ("v.nii", "v.nii.gz", "v.dcm"):
        assert main(["ct", "reconstruct", str(scan), "-o", str(tmp_path / name)]) == 0
    x, y, z = AT  # x is left, y anterior and z inferior, a right-handed frame
    np.testing.assert_allclose(nifti_centre(tmp_path / "v.nii"), (-x, y, -z), atol=0.15)
    np.testing.assert_allclose(nifti_centre(tmp_path / "v.nii.gz"), (-x, y, -z), atol=0.15)
    np.testing.assert_allclose(dicom_centre(tmp_path / "v.dcm"), (x, -y, -z), atol=0.15)


def test_spacing_is_kept(tmp_path):
    scan = cone_scan(tmp_path / "views")
    for name in ("v.nii", "v.tif", "v.h5", "v.npy"):
        assert (
            main(["ct", "reconstruct", str(scan), "-o", str(tmp_path / name), "--param", "window=hann"]) == 0
        )
    expected = np.load(tmp_path / "v.npy")
    image = nibabel.load(tmp_path / "v.nii")
    np.testing.assert_allclose(image.header.get_zooms(), (1.0, 1.1, 0.9), rtol=1e-6)
    np.testing.assert_array_equal(image.get_fdata().T, expected)
    assert image.header.get_xyzt_units()[0] == "mm"
    assert image.header["descrip"].item().startswith(b"ct.fdk window=hann of views")
    with tifffile.TiffFile(tmp_path / "v.tif") as file:
        tags = file.pages[0].tags
        assert tags["XResolution"].value[0] / tags["XResolution"].value[1] == pytest.approx(10 / 1.0)
        assert tags["YResolution"].value[0] / tags["YResolution"].value[1] == pytest.approx(10 / 1.1)
        assert "slices 0.9 mm apart" in tags["ImageDescription"].value
        np.testing.assert_array_equal(file.asarray(), expected)
    with h5py.File(tmp_path / "v.h5") as file:
        np.testing.assert_allclose(file["volume"].attrs["pixel_mm"], [1.1, 1.0])
        assert "values nepers; angles geometry.toml" in file["volume"].attrs["history"]


def test_core_writes_them_too(tmp_path):
    scan = stack_scan(tmp_path / "views")
    words = ["reconstruct", str(scan), "--reader", "ct.tiff_reader", "-m", "ct.fbp", "-o"]
    assert main([*words, str(tmp_path / "v.nii.gz")]) == 0
    x, y, z = AT
    np.testing.assert_allclose(nifti_centre(tmp_path / "v.nii.gz"), (-x, y, -z), atol=0.15)
    assert main([*words, str(tmp_path / "v.tif")]) == 0
    assert tifffile.imread(tmp_path / "v.tif").shape == (21, 24, 22)


def test_pictures_keep_their_own_writer(tmp_path):
    from wellposed.runs._photos import preferred

    names = registry.default().for_file("writer", tmp_path / "x.tif")
    assert preferred(names, "deblurring")[0] == "viz.photo_writer"
    assert preferred(names, "ct")[0] == "ct.volume_writer"


def test_the_writer_alone(tmp_path):
    x = torch.rand(1, 1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    meta = {"pixel_mm": 0.5, "slice_mm": 2.0, "orientation": [0, 1, 0, 0, 0, -1], "position_mm": [7, 8, 9]}
    VolumeWriter().write(tmp_path / "a.nii.gz", x, meta)
    VolumeWriter().write(tmp_path / "b.nii.gz", x, meta)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    with gzip.open(tmp_path / "a.nii.gz") as stream:
        assert len(stream.read()) == 352 + 4 * 60
    affine = nibabel.load(tmp_path / "a.nii.gz").affine
    # columns run to the back, rows down, slices along their cross product, (-1, 0, 0) in LPS
    np.testing.assert_allclose(affine @ [1, 0, 0, 1], [-7, -8.5, 9, 1])
    np.testing.assert_allclose(affine @ [0, 1, 0, 1], [-7, -8, 8.5, 1])
    np.testing.assert_allclose(affine @ [0, 0, 1, 1], [-5, -8, 9, 1])
    with pytest.raises(OutputExistsError):
        VolumeWriter().write(tmp_path / "a.nii.gz", x)
    with pytest.raises(ParameterError, match="NaN or infinite"):
        VolumeWriter().write(tmp_path / "c.nii", x / 0)
    with pytest.raises(ParameterError, match="NIfTI-1 holds at most 32767 voxels"):
        VolumeWriter().write(tmp_path / "c.nii", torch.zeros(1, 1, 1, 40000))
    with pytest.raises(ParameterError, match=r"'\.jpg' is none of"):
        VolumeWriter().write(tmp_path / "c.jpg", x)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.nii.gz", "b.nii.gz"]


def test_dicom_and_nifti_agree(tmp_path):
    x = torch.zeros(1, 1, 4, 6, 5)
    x[0, 0, 3, 4, 1] = 1.0
    meta = {"pixel_mm": [1.5, 0.5], "slice_mm": 2.0, "slice_direction": [0, 0, -1]}
    VolumeWriter().write(tmp_path / "a.nii", x, meta)
    DICOMWriter().write(tmp_path / "a.dcm", x, meta)
    np.testing.assert_allclose(
        dicom_centre(tmp_path / "a.dcm") * [-1, -1, 1], nifti_centre(tmp_path / "a.nii")
    )


def test_readers_say_which_way_slices_run(tmp_path):
    found = TIFFReader().read(cone_scan(tmp_path / "views"))
    assert found.meta["slice_direction"] == [0.0, 0.0, -1.0]
