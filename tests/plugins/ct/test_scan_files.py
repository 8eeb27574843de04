"""Raw scans and images in files: written by other libraries, read by ours, and the other way round."""

from __future__ import annotations

import math

import h5py
import numpy as np
import pydicom
import pytest
import tifffile
import torch

from wellposed import registry
from wellposed.cli import main
from wellposed.errors import FileFormatError, OutputError, OutputExistsError, ParameterError
from wellposed_ct import (
    FBP,
    ConeBeam,
    ConeGeometry,
    DICOMReader,
    DICOMWriter,
    FanBeam,
    FanGeometry,
    HDF5Reader,
    NikonReader,
    ParallelGeometry,
    TIFFReader,
    disc,
    geometry,
    open_scan,
    read_geometry,
    write_geometry,
)

SCAN = ParallelGeometry(np.arange(90) * np.pi / 90, (48, 48), 48, 0.5)
RNG = np.random.default_rng(0)
ROWS = 3
WHITE, DARK = 30000.0, 100.0


def nepers():
    """Sinograms of three discs, one per detector row, (rows, views, bins)."""
    return np.stack([disc(r, 0.02).sinogram(SCAN)[0, 0].numpy() for r in (6.0, 8.0, 10.0)])


def counts():
    gain = 1 + 0.2 * RNG.random((1, ROWS, 48))
    frames = WHITE * gain * np.exp(-nepers()).transpose(1, 0, 2) + DARK
    flats = np.broadcast_to(WHITE * gain + DARK, (4, ROWS, 48))
    darks = np.full((4, ROWS, 48), DARK)
    return [np.rint(a).astype(np.uint16) for a in (frames, flats, darks)]


def dxchange(path, *, theta=None, units="deg", **changes):
    frames, flats, darks = counts()
    arrays = {"data": frames, "data_white": flats, "data_dark": darks} | changes
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            if array is not None:
                file[f"exchange/{name}"] = array
        if theta is not False:
            file["exchange/theta"] = np.degrees(SCAN.angles) if theta is None else theta
            if units is not None:
                file["exchange/theta"].attrs["units"] = units
        file["measurement/instrument/detector/pixel_size_x"] = 500.0
        file["measurement/instrument/detector/pixel_size_x"].attrs["units"] = "um"
    return path


def nxtomo(path):
    frames, flats, darks = counts()
    with h5py.File(path, "w") as file:
        detector = file.create_group("entry/instrument/detector")
        detector["data"] = np.concatenate([darks, flats[:2], frames[:40], flats[2:], frames[40:]])
        detector["image_key"] = [2] * 4 + [1] * 2 + [0] * 40 + [1] * 2 + [0] * 50
        detector["x_pixel_size"] = 0.5e-3
        detector["x_pixel_size"].attrs["units"] = "m"
        theta = np.degrees(SCAN.angles)
        turn = np.concatenate([np.zeros(6), theta[:40], [0, 0], theta[40:]])
        file["entry/sample/rotation_angle"] = turn
        file["entry/sample/rotation_angle"].attrs["units"] = "degree"
    return path


@pytest.mark.parametrize("write", [dxchange, nxtomo])
def test_hdf5_scans_become_line_integrals(tmp_path, write):
    found = HDF5Reader().read(write(tmp_path / "scan.h5"))
    assert found.y.shape == (ROWS, 1, 90, 48)
    np.testing.assert_allclose(found.y[:, 0], nepers(), atol=5e-4)
    assert found.physics.geometry.detector_mm == pytest.approx(0.5)
    np.testing.assert_allclose(found.physics.geometry.angles, SCAN.angles, atol=1e-12)
    image = FBP()(found.y, found.physics)
    assert image[:, 0, 22:26, 22:26].mean().item() == pytest.approx(0.02, rel=0.01)
    lazy = open_scan(tmp_path / "scan.h5")
    torch.testing.assert_close(lazy.nepers(1, 2), found.y[1:2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data_white": np.ones((4, 3, 47))}, r"data_white is \(4, 3, 47\) and exchange/data \(90, 3, 48\)"),
        ({"theta": np.zeros(89)}, "89 angles for 90 views"),
        ({"theta": False}, "has no exchange/theta"),
        ({"theta": np.full(90, np.nan)}, "90 angles are NaN"),
        ({"data": np.zeros((90, 48))}, r"shape \(90, 48\); real numbers \(views, rows, bins\)"),
        ({"data": np.full((90, 3, 48), -5.0)}, "counts are negative"),
        ({"data": np.full((90, 3, 48), np.nan)}, "counts are NaN"),
        ({"data_white": np.zeros((1, 3, 48))}, "are flats and darks swapped"),
    ],
)
def test_hdf5_that_does_not_fit_gets_a_sentence(tmp_path, changes, message):
    path = dxchange(tmp_path / "scan.h5", **changes)
    with pytest.raises(FileFormatError, match=message):
        HDF5Reader().read(path)


def test_other_hdf5_and_sizes(tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match=r"neither DXchange .* nor NXtomo"):
        HDF5Reader().read(tmp_path / "other.h5")
    with pytest.raises(FileFormatError, match=r"GiB are read at once; .* `wellposed ct reconstruct`"):
        HDF5Reader(max_bytes=1000).read(dxchange(tmp_path / "scan.h5"))


def test_radians_without_units_are_warned_of(tmp_path):
    path = dxchange(tmp_path / "scan.h5", theta=np.array(SCAN.angles), units=None)
    with pytest.warns(UserWarning, match=r"90 angles span only 3\.107°; if they are radians"):
        open_scan(path)
    path = dxchange(tmp_path / "told.h5", theta=np.array(SCAN.angles), units="radian")
    np.testing.assert_allclose(open_scan(path).geometry.angles, SCAN.angles)


# --- TIFF ------------------------------------------------------------------------------------------------


def test_tiff_folder_with_flats_darks_and_geometry(tmp_path):
    folder = tmp_path / "scan"
    (folder / "flats").mkdir(parents=True)
    frames, flats, darks = counts()
    for i, frame in enumerate(frames):
        tifffile.imwrite(folder / f"view_{i}.tif", frame, compression="zlib" if i % 2 else None)
    tifffile.imwrite(folder / "flats" / "f.tif", flats, photometric="minisblack")
    tifffile.imwrite(folder / "dark_0.tif", darks[0])
    write_geometry(folder / "geometry.toml", SCAN)
    found = TIFFReader().read(folder)
    np.testing.assert_allclose(found.y[:, 0], nepers(), atol=5e-4)
    assert found.physics.geometry == SCAN
    tifffile.imwrite(folder / "dark_0.tif", darks[0, :, :40])
    with pytest.raises(FileFormatError, match="darks have 3 × 40 pixels and projections 3 × 48"):
        TIFFReader().read(folder)


def test_tiff_of_many_pages_holds_nepers(tmp_path):
    pages = nepers().transpose(1, 0, 2).astype(np.float32)
    tifffile.imwrite(tmp_path / "scan.tif", pages, photometric="minisblack")
    found = open_scan(tmp_path / "scan.tif")
    np.testing.assert_allclose(found.nepers(0, 3)[:, 0], nepers(), atol=1e-6)
    np.testing.assert_allclose(found.geometry.angles, SCAN.angles)
    write_geometry(tmp_path / "g.toml", SCAN.subset([0, 1]))
    with pytest.raises(FileFormatError, match="are 90 views of 48 bins, and the geometry has 2 views of 48"):
        open_scan(tmp_path / "scan.tif", tmp_path / "g.toml")


def test_bad_tiffs_get_a_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileFormatError, match="the folder holds no TIFF file"):
        open_scan(tmp_path / "empty")
    tifffile.imwrite(tmp_path / "colour.tif", np.zeros((8, 9, 3), np.uint8), photometric="rgb")
    with pytest.raises(FileFormatError, match="a grey picture is expected"):
        open_scan(tmp_path / "colour.tif")
    tifffile.imwrite(tmp_path / "counts.tif", np.ones((4, 8, 9), np.uint16), photometric="minisblack")
    with pytest.raises(
        FileFormatError, match=r"values look like counts \(integers\), and there are no flats"
    ):
        TIFFReader().read(tmp_path / "counts.tif")
    with pytest.raises(FileFormatError, match="is none of"):
        open_scan(__file__)


# --- Nikon -----------------------------------------------------------------------------------------------

FAN = FanGeometry(np.arange(60) * np.pi / 30, (32, 32), 100.0, 400.0, 40, 1.0)


def nikon(folder, **changes):
    entries = {
        "Name": "part", "SrcToObject": 100, "SrcToDetector": 400, "DetectorPixelsX": 40, "DetectorPixelsY": 4,
        "DetectorPixelSizeX": 1.0, "Projections": 60, "AngularStep": 6.0, "InitialAngle": 0,
        "WhiteLevel": 50000,
    } | changes  # fmt: skip
    path = folder / "part.xtekct"
    path.write_text("[XTekCT]\n" + "".join(f"{k}={v}\n" for k, v in entries.items()))
    y = disc(3.0, 0.1, (0.5, 0.2)).sinogram(FAN)[0, 0].numpy()
    for i, row in enumerate(y):
        frame = np.tile(np.rint(50000 * np.exp(-row)), (4, 1)).astype(np.uint16)
        frame[[0, 3]] = 7  # off the plane of the source
        tifffile.imwrite(folder / f"part_{i + 1:04d}.tif", frame)
    return path, y


def test_nikon_gives_the_fan_of_its_middle_plane(tmp_path):
    path, y = nikon(tmp_path)
    found = NikonReader(size=(32, 32)).read(path)
    assert isinstance(found.physics, FanBeam)
    assert found.physics.geometry.source_axis_mm == 100
    np.testing.assert_allclose(found.y[0, 0], y, atol=2e-4)
    image = FBP("hann")(found.y, found.physics)
    assert float(image[0, 0, 14:17, 17:20].mean()) == pytest.approx(0.1, rel=0.03)


def test_nikon_knows_where_the_axis_and_the_panel_are(tmp_path):
    path, _ = nikon(tmp_path, CentreOfRotationTop=0.4, CentreOfRotationBottom=0.4, DetectorOffsetX=0.1)
    assert open_scan(path, volume=True).cone.axis_mm == pytest.approx(0.3)
    path, _ = nikon(tmp_path, ObjectOffsetX=0.2, DetectorOffsetY=-0.7)
    cone = open_scan(path, volume=True).cone
    assert (cone.axis_mm, cone.plane_mm, any(cone.rotation)) == (pytest.approx(0.8), 0.7, False)


def panel(folder):
    """A ball above the middle, seen by a cone beam, as a Nikon scan of 24 rows."""
    cone = ConeGeometry(np.arange(60) * np.pi / 30, (24, 40, 40), 100, 400, (24, 40), 1.0)
    z, y, x = np.meshgrid(*((np.arange(n) - (n - 1) / 2) * 0.25 for n in (24, 40, 40)), indexing="ij")
    ball = x**2 + (y + 1) ** 2 + (z - 1.2) ** 2 < 1.2**2
    operator = ConeBeam.from_geometry(cone)
    nepers = operator.A(0.1 * torch.from_numpy(ball).float()[None, None])[0, 0].numpy()
    path, _ = nikon(folder, DetectorPixelsY=24)
    for i, frame in enumerate(nepers):
        # a picture's first row is its top, where z is greatest
        counts = np.rint(50000 * np.exp(-frame[::-1])).astype(np.uint16)
        tifffile.imwrite(folder / f"part_{i + 1:04d}.tif", counts)
    return path, cone, nepers, ball


def test_nikon_volume_is_a_cone_beam(tmp_path, capsys):
    path, cone, nepers, ball = panel(tmp_path)
    found = NikonReader(volume=True).read(path)
    assert isinstance(found.physics, ConeBeam)
    np.testing.assert_allclose(found.physics.geometry.vectors(), cone.vectors(), atol=1e-9)
    np.testing.assert_allclose(found.y[0, 0], nepers, atol=2e-4)
    assert main(["ct", "info", str(path)]) == 0
    assert "beam             cone" in capsys.readouterr().out
    whole, slabs, half = (tmp_path / n for n in ("whole.npy", "slabs.npy", "half.npy"))
    arguments = ["ct", "reconstruct", str(path), "-m", "ct.fdk", "--centre", "0", "-o"]
    assert main([*arguments, str(whole)]) == 0
    assert main([*arguments, str(slabs), "--memory", "8MiB"]) == 0
    assert main([*arguments, str(half), "--rows", "12:20"]) == 0
    volume = np.load(whole)
    np.testing.assert_allclose(np.load(slabs), volume, atol=1e-5)
    np.testing.assert_allclose(np.load(half), volume[12:20], atol=1e-5)
    assert volume[ball].mean() == pytest.approx(0.1, rel=0.2)
    assert abs(volume[::-1][ball].mean()) < 0.02
    assert main(["ct", "reconstruct", str(path), "-m", "ct.fbp", "-o", str(tmp_path / "fan.npy")]) == 0
    assert np.load(tmp_path / "fan.npy").shape == (1, 40, 40)


def test_a_tiff_folder_may_be_a_cone_beam(tmp_path, capsys):
    path, cone, nepers, _ = panel(tmp_path)
    path.unlink()
    tifffile.imwrite(tmp_path / "flat.tif", np.full((24, 40), 50000, np.uint16))
    write_geometry(tmp_path / "geometry.toml", cone)
    found = TIFFReader().read(tmp_path)
    np.testing.assert_allclose(found.y[0, 0], nepers, atol=2e-4)
    output = tmp_path.parent / "x.npy"
    words = ["ct", "reconstruct", str(tmp_path), "-o", str(output)]
    assert main(words) == 0  # by ct.fdk, as it is a cone beam
    assert np.load(output).shape == cone.size
    assert main([*words, "-m", "ct.fbp", "--force"]) == 0
    assert "ct.fbp makes the middle slice alone" in capsys.readouterr().err
    assert np.load(output).shape == (1, *cone.size[1:])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"SrcToObject": "far"}, "SrcToObject = 'far', and a number is expected"),
        ({"Projections": 61}, "61 projections part.* are announced, and fewer lie beside it"),
        ({"SrcToDetector": 50}, "source_detector_mm = 50.0 must be at least"),
        ({"DetectorPixelsX": 41}, "projections have 4 × 40 pixels, and 4 × 41 are announced"),
    ],
)
def test_nikon_that_does_not_fit_gets_a_sentence(tmp_path, changes, message):
    path, _ = nikon(tmp_path, **changes)
    with pytest.raises(FileFormatError, match=message):
        NikonReader().read(path)


# --- geometry --------------------------------------------------------------------------------------------


CONE = ConeGeometry(np.arange(5) / 3, (4, 5, 6), 100, 150, (8, 9), 0.5, rotation=(0.1, 0, 0), pitch_mm=2.0)


@pytest.mark.parametrize(
    "scan", [SCAN, FAN, CONE, CONE.as_vectors(), SCAN.replace(axis_mm=0.1 + 0.2, centre_mm=(1e-17, -3.0))]
)
def test_geometry_survives_toml(tmp_path, scan):
    write_geometry(tmp_path / "geometry.toml", scan)
    assert read_geometry(tmp_path / "geometry.toml") == scan
    with pytest.raises(OutputExistsError):
        write_geometry(tmp_path / "geometry.toml", scan)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type = 'spiral'", "type = 'spiral' is none of .*fan.*parallel"),
        ("type = ", "not a readable TOML file"),
        (
            "type = 'parallel'\nangles = [0.0]\nsize = [4, 4]\ncolour = 3",
            "unexpected keyword argument 'colour'",
        ),
        ("type = 'parallel'\nangles = [0.0]\nsize = [4]", r"size = \(4,\) must be"),
    ],
)
def test_bad_geometry_files_get_a_sentence(tmp_path, text, message):
    (tmp_path / "g.toml").write_text(text)
    with pytest.raises(FileFormatError, match=message):
        read_geometry(tmp_path / "g.toml")


def test_angles_may_be_degrees(tmp_path):
    (tmp_path / "g.toml").write_text("type = 'parallel'\nangles_deg = [0, 90]\nsize = [4, 4]\n")
    assert read_geometry(tmp_path / "g.toml").angles == (0.0, math.pi / 2)


# --- DICOM -----------------------------------------------------------------------------------------------

VOLUME = torch.linspace(0, 0.05, 5 * 6 * 7).reshape(1, 1, 5, 6, 7)
META = {"pixel_mm": [0.4, 0.6], "slice_mm": 2.5, "position_mm": [10.0, -20.0, 30.0]}


def test_a_series_reads_back_by_pydicom(tmp_path):
    path = tmp_path / "series"
    DICOMWriter(water=0.02).write(path, VOLUME, META)
    files = [pydicom.dcmread(p) for p in sorted(path.iterdir())]
    assert len(files) == 5
    for i, found in enumerate(files):
        hu = found.pixel_array * found.RescaleSlope + found.RescaleIntercept
        np.testing.assert_allclose(hu, 1000 * (VOLUME[0, 0, i] / 0.02 - 1), atol=0.5001)
        assert found.ImagePositionPatient == [10, -20, 30 + 2.5 * i]
        assert (found.PixelSpacing, found.SliceThickness) == ([0.4, 0.6], 2.5)
        assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
    assert len({f.SOPInstanceUID for f in files}) == 5
    assert len({f.SeriesInstanceUID for f in files}) == 1


def test_a_series_is_sorted_by_position_not_by_name(tmp_path):
    path = tmp_path / "series"
    oblique = [0.8, 0.6, 0, -0.6, 0.8, 0]
    DICOMWriter(water=0.02).write(path, VOLUME, META | {"orientation": oblique})
    for i, file in enumerate(sorted(path.iterdir())):
        file.rename(path / f"{9 - i}.dcm")
    (path / "notes.txt").write_text("not DICOM")
    found = DICOMReader(water=0.02).read(path)
    torch.testing.assert_close(found.y, VOLUME, atol=1.1e-5, rtol=0)
    assert found.meta["orientation"] == oblique
    assert (found.meta["pixel_mm"], found.meta["slice_mm"]) == ([0.4, 0.6], 2.5)
    (path / "7.dcm").unlink()
    with pytest.raises(FileFormatError, match=r"slices lie 2.5 to 5 mm apart"):
        DICOMReader().read(path)


def test_one_slice_is_a_file_of_the_registry(tmp_path):
    known = registry.default()
    assert "ct.dicom_writer" in known.for_file("writer", "a.dcm")
    DICOMWriter().write(tmp_path / "a.dcm", VOLUME[:, :, 2])
    torch.testing.assert_close(DICOMReader().read(tmp_path / "a.dcm").y, VOLUME[:, :, 2], atol=1e-5, rtol=0)
    DICOMWriter().write(tmp_path / "b.dcm", VOLUME[:, :, 2])
    assert (tmp_path / "a.dcm").read_bytes() == (tmp_path / "b.dcm").read_bytes()


def test_dicom_out_refuses_what_it_cannot_hold(tmp_path, caplog):
    with pytest.raises(ParameterError, match=r"and real \(B, 1, H, W\) or \(1, 1, D, H, W\) is expected"):
        DICOMWriter().write(tmp_path / "a.dcm", torch.zeros(1, 3, 4, 4))
    with pytest.raises(ParameterError, match="16 of 16 values are NaN"):
        DICOMWriter().write(tmp_path / "a.dcm", torch.eye(4)[None, None] / 0)
    assert list(tmp_path.iterdir()) == []
    DICOMWriter().write(tmp_path / "a.dcm", torch.full((1, 1, 4, 4), 2.0))
    assert "16 of 16 values lie beyond ±32767 HU" in caplog.text
    with pytest.raises(OutputExistsError):
        DICOMWriter().write(tmp_path / "a.dcm", torch.zeros(1, 1, 4, 4))


def test_a_folder_with_other_things_is_never_replaced(tmp_path):
    DICOMWriter().write(tmp_path / "series", VOLUME)
    DICOMWriter(overwrite=True).write(tmp_path / "series", VOLUME[:, :, :2])
    assert len(list((tmp_path / "series").iterdir())) == 2
    with pytest.raises(OutputExistsError, match="exists already and is left as it is"):
        DICOMWriter().write(tmp_path / "series", VOLUME)
    (tmp_path / "series" / "thesis.doc").write_text("years of work")
    with pytest.raises(OutputError, match=r"holds other things than \*.dcm"):
        DICOMWriter(overwrite=True).write(tmp_path / "series", VOLUME)
    assert [p.name for p in tmp_path.iterdir()] == ["series"]


def test_bad_dicom_gets_a_sentence(tmp_path):
    DICOMWriter().write(tmp_path / "a.dcm", VOLUME[:, :, 0])
    with pytest.raises(FileFormatError, match="GiB are read at once"):
        DICOMReader(max_bytes=10).read(tmp_path / "a.dcm")
    found = pydicom.dcmread(tmp_path / "a.dcm")
    del found.PixelSpacing
    found.save_as(tmp_path / "b.dcm")
    with pytest.raises(FileFormatError, match="has no PixelSpacing"):
        DICOMReader().read(tmp_path / "b.dcm")
    whole = (tmp_path / "a.dcm").read_bytes()
    (tmp_path / "c.dcm").write_bytes(whole[: len(whole) - 30])
    with pytest.raises(FileFormatError, match="not a readable DICOM file, or a damaged one"):
        DICOMReader().read(tmp_path / "c.dcm")
    (tmp_path / "none").mkdir()
    with pytest.raises(FileFormatError, match="holds no DICOM CT slice"):
        DICOMReader().read(tmp_path / "none")


def test_every_geometry_has_a_type():
    from wellposed_ct.files.geometry_toml import known_types

    assert set(known_types().values()) == {
        getattr(geometry, n) for n in geometry.__all__ if n.endswith("Geometry")
    }


def test_reconstruct_writes_spacing_into_dicom(tmp_path):
    y = disc(6.0, 0.02).sinogram(SCAN)[0, 0].numpy()
    np.savez(tmp_path / "scan.npz", sinogram=y, angles=SCAN.angles, detector_mm=0.5)
    arguments = ["reconstruct", str(tmp_path / "scan.npz"), "-m", "ct.fbp", "-o"]
    assert main([*arguments, str(tmp_path / "slice.dcm")]) == 0
    found = pydicom.dcmread(tmp_path / "slice.dcm")
    assert found.PixelSpacing == [0.5, 0.5]
    assert found.pixel_array[22:26, 22:26].mean() == pytest.approx(1000 * (0.02 / 0.0193 - 1), abs=10)
    arguments[1] = str(dxchange(tmp_path / "scan.h5"))
    assert main([*arguments, str(tmp_path / "series.dcm")]) == 0
    assert len(list((tmp_path / "series.dcm").iterdir())) == ROWS


@pytest.mark.parametrize("name", ["a.h5", "a.dcm", "a.xtekct"])
def test_a_file_that_does_not_exist_is_one_sentence(tmp_path, capsys, name):
    missing = tmp_path / name
    assert main(["reconstruct", str(missing), "-m", "ct.fbp", "-o", str(tmp_path / "o.safetensors")]) == 4
    assert capsys.readouterr().err == f"Error: {missing}: No such file or directory.\n"
    with pytest.raises(FileNotFoundError, match="No such file"):
        open_scan(missing)
