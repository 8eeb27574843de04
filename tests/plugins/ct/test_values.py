"""What the numbers of a scan are, and when they were taken: stated, judged, or assumed and said so."""

from __future__ import annotations

import json
import warnings

import h5py
import numpy as np
import pytest
import tifffile

from wellposed.cli import main
from wellposed.errors import FileFormatError, ParameterError
from wellposed_ct import FBP, HDF5Reader, ParallelGeometry, SinogramReader, TIFFReader, disc, open_scan
from wellposed_ct.files.values import judge

VIEWS, ROWS, BINS = 60, 3, 40
SCAN = ParallelGeometry(np.arange(VIEWS) * np.pi / VIEWS, (BINS, BINS), BINS)
NEPERS = disc(9.0, 0.05, (2.0, 0.0)).sinogram(SCAN)[0, 0].numpy()
DEGREES = np.degrees(SCAN.angles)


def pages(values):
    """Return projections (views, rows, bins) whose rows are all the same."""
    return np.ascontiguousarray(np.broadcast_to(values[:, None], (VIEWS, ROWS, BINS)))


def tiff(path, values):
    tifffile.imwrite(path, pages(values), photometric="minisblack")
    return path


def hdf5(path, values):
    with h5py.File(path, "w") as file:
        file["exchange/data"] = pages(values)
        file["exchange/theta"] = DEGREES
    return path


def npz(path, values):
    np.savez(path, sinogram=values, angles_deg=DEGREES)
    return path


FORMATS = [
    (tiff, "scan.tif", TIFFReader),
    (hdf5, "scan.h5", HDF5Reader),
    (npz, "scan.npz", SinogramReader),
]
every_format = pytest.mark.parametrize(("write", "name", "reader"), FORMATS, ids=["tiff", "hdf5", "npz"])
stated_angles = {"angles_deg": "0:180"}


@every_format
def test_transmissions_are_refused_until_they_are_called_so(tmp_path, write, name, reader):
    path = write(tmp_path / name, np.exp(-NEPERS).astype(np.float32))
    with pytest.raises(
        FileFormatError, match=r"look like transmissions \(1 at .* pass values='transmission'"
    ):
        reader(**stated_angles).read(path)
    found = reader(values="transmission", **stated_angles).read(path)
    np.testing.assert_allclose(found.y[0, 0], NEPERS, atol=1e-5)
    assert (found.meta["values"], found.meta["angles"]) == ("transmission", "0:180")
    taken = reader(values="nepers", **stated_angles).read(path)
    np.testing.assert_allclose(taken.y[0, 0], np.exp(-NEPERS), atol=1e-6)


@every_format
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_counts_without_flats_need_a_blank(tmp_path, write, name, reader, dtype):
    path = write(tmp_path / name, np.rint(40000 * np.exp(-NEPERS)).astype(dtype))
    with pytest.raises(FileFormatError, match=r"values look like counts .* blank=…"):
        reader(**stated_angles).read(path)
    with pytest.raises(FileFormatError, match=r"no flat field to divide them by; .* \(blank=…, --blank …\)"):
        reader(values="counts", **stated_angles).read(path)
    found = reader(blank=40000, **stated_angles).read(path)
    np.testing.assert_allclose(found.y[0, 0], NEPERS, atol=2e-4)
    with pytest.raises(FileFormatError, match=r"said to be transmissions, and are .* in the median"):
        reader(values="transmission", **stated_angles).read(path)


@every_format
def test_nepers_are_nepers(tmp_path, write, name, reader):
    values = NEPERS.astype(np.float32) + np.random.default_rng(0).normal(0, 0.02, NEPERS.shape).astype("f4")
    found = reader(**stated_angles).read(write(tmp_path / name, values))
    np.testing.assert_allclose(found.y[0, 0], values)


def test_a_truncated_transmission_is_doubted(tmp_path):
    wide = disc(40.0, 0.02).sinogram(SCAN)[0, 0].numpy()
    with pytest.warns(UserWarning, match="higher at the detector's ends than inside .* as light"):
        open_scan(npz(tmp_path / "a.npz", np.exp(-wide))).nepers(0, 1)
    open_scan(npz(tmp_path / "b.npz", wide)).nepers(0, 1)


@pytest.mark.parametrize("radius", [3.0, 9.0, 17.0, 30.0])
@pytest.mark.parametrize("attenuation", [0.002, 0.02, 0.2])
@pytest.mark.parametrize("beside", [0.0, 6.0])
def test_looks_tell_light_from_its_logarithm(tmp_path, radius, attenuation, beside):
    y = disc(radius, attenuation, (beside, 0.0)).sinogram(SCAN)[0, 0].numpy()
    noise = np.random.default_rng(0).normal(0, 0.01, y.shape)
    judge("a", y + noise)  # neither refused nor warned of
    judge("a", 60 * y + noise)  # line integrals in another unit, such as pixels
    for light in (np.exp(-y) * (1 + noise), 5000 * np.exp(-y) * (1 + noise)):
        assert doubted(light)


def doubted(values):
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        try:
            judge("a", values)
        except FileFormatError:
            return True
    return bool(heard)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"values": "photons"}, "values = 'photons' must be one of counts, transmission, nepers"),
        ({"blank": 0.0}, "blank = 0.0 must be > 0"),
        ({"values": "nepers", "blank": 3.0}, "values are said to be nepers; omit one"),
    ],
)
def test_impossible_statements_are_refused(words, message):
    for reader in (TIFFReader, HDF5Reader, SinogramReader):
        with pytest.raises(ParameterError, match=message):
            reader(**words)


def test_flats_may_lie_beside_a_sinogram(tmp_path):
    gain = 1 + 0.2 * np.random.default_rng(0).random(BINS)
    np.savez(
        tmp_path / "a.npz", sinogram=3e4 * gain * np.exp(-NEPERS) + 50, angles_deg=DEGREES,
        flats=np.tile(3e4 * gain + 50, (4, 1)), darks=np.full(BINS, 50.0),
    )  # fmt: skip
    np.testing.assert_allclose(SinogramReader().read(tmp_path / "a.npz").y[0, 0], NEPERS, atol=1e-4)
    np.savez(tmp_path / "b.npz", sinogram=NEPERS, flats=np.ones((2, BINS - 1)), angles_deg=DEGREES)
    with pytest.raises(FileFormatError, match=r"flats have shape \(2, 39\) and the sinogram \(1, 60, 40\)"):
        SinogramReader().read(tmp_path / "b.npz")


# --- angles ----------------------------------------------------------------------------------------------


def test_assumed_angles_are_said(tmp_path, capsys):
    path = tiff(tmp_path / "a.tif", NEPERS.astype(np.float32))
    with pytest.warns(UserWarning, match="tells no angles; half a turn .* 0° to 177° for 60 views"):
        found = TIFFReader().read(path)
    assert found.meta["angles"] == "assumed: half a turn in even steps"
    assert main(["ct", "reconstruct", str(path), "-o", str(tmp_path / "v.npy"), "--json"]) == 0
    said = capsys.readouterr()
    assert "Warning: " in said.err
    assert "half a turn in even steps is assumed" in said.err
    assert json.loads(said.out)["angles"].startswith("assumed")
    assert main(["ct", "info", str(path), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["angles deg"] == "0 to 177, assumed"
    assert "half a turn in even steps is assumed" in " ".join(facts["warnings"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("angles.txt", "angle in degrees\n{}\n"),
        ("theta.txt", "# θ\n\n{}\n"),
        ("a.tlt", "{}\n"),
        ("angles.npy", None),
    ],
)
def test_files_of_angles_beside_a_stack(tmp_path, name, text):
    turned = DEGREES * 2 - 30
    path = tiff(tmp_path / "a.tif", NEPERS.astype(np.float32))
    if text is None:
        np.save(tmp_path / name, turned)
    else:
        (tmp_path / name).write_text(text.format("\n".join(map(str, turned))), "utf-8")
    found = TIFFReader().read(path)
    np.testing.assert_allclose(np.degrees(found.physics.geometry.angles), turned, atol=1e-9)
    assert found.meta["angles"] == name
    again = open_scan(path, angles_deg=tmp_path / name)
    assert again.geometry == found.physics.geometry


def test_stated_angles_come_first(tmp_path):
    path = tiff(tmp_path / "a.tif", NEPERS.astype(np.float32))
    (tmp_path / "angles.txt").write_text("0\n1\n")  # of another scan
    with pytest.raises(FileFormatError, match=r"angles\.txt: 2 angles for 60 views"):
        open_scan(path)
    for told in ("10:190", "10:190:60", list(10 + DEGREES)):
        found = open_scan(path, angles_deg=told)
        np.testing.assert_allclose(np.degrees(found.geometry.angles), 10 + DEGREES, atol=1e-9)
    assert HDF5Reader(angles_deg="0:360").read(
        hdf5(tmp_path / "a.h5", NEPERS)
    ).physics.geometry.angles == pytest.approx(2 * np.array(SCAN.angles))


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        ("0:180:61", ParameterError, "'0:180:61' are 61, and there are 60 views"),
        ("0:180:1.5", ParameterError, "START:STOP:N or START:STOP is expected, in degrees"),
        ("0:left", ParameterError, "START:STOP:N or START:STOP is expected"),
        ("", ParameterError, "START:STOP:N or START:STOP is expected"),
        ("missing.txt", FileNotFoundError, "No such file"),
        ([0.0, 1.0], FileFormatError, "2 angles for 60 views"),
    ],
)
def test_wrong_angles_get_a_sentence(tmp_path, told, error, message):
    with pytest.raises(error, match=message):
        open_scan(tiff(tmp_path / "a.tif", NEPERS.astype(np.float32)), angles_deg=told)


def test_files_that_are_no_angles(tmp_path):
    path = tiff(tmp_path / "a.tif", NEPERS.astype(np.float32))
    (tmp_path / "a.txt").write_text("0\n1 2\n")
    with pytest.raises(FileFormatError, match="line 2 is '1 2'; one angle in degrees a line"):
        open_scan(path, angles_deg=tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("\n".join(map(str, SCAN.angles)))
    with pytest.warns(UserWarning, match=r"60 angles span only 3\.089°; if they are radians"):
        open_scan(path, angles_deg=tmp_path / "b.txt")


def test_the_commands_take_both(tmp_path, capsys):
    path = tiff(tmp_path / "a.tif", np.exp(-NEPERS).astype(np.float32))
    output = tmp_path / "v.npy"
    assert main(["ct", "reconstruct", str(path), "-o", str(output), "--angles", "0:180"]) == 4
    assert "values look like transmissions" in capsys.readouterr().err
    words = ["--angles", "0:180", "--values", "transmission"]
    assert main(["ct", "reconstruct", str(path), "-o", str(output), *words]) == 0
    assert capsys.readouterr().err == ""
    expected = FBP()(*measured(path))
    np.testing.assert_allclose(np.load(output), expected[:, 0], atol=1e-6)
    assert main(["ct", "info", str(path), "--json", *words]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["values"].startswith("transmission, ")
    assert facts["warnings"] == []


def measured(path):
    found = TIFFReader(values="transmission", angles_deg="0:180").read(path)
    return found.y, found.physics


def test_core_says_warnings_in_a_sentence(tmp_path):
    import subprocess
    import sys

    path = tiff(tmp_path / "a.tif", NEPERS[:, :].astype(np.float32))
    words = ["reconstruct", str(path), "--reader", "ct.tiff_reader", "-m", "ct.fbp", "-o"]
    code = "import sys; from wellposed.cli import main; sys.exit(main(sys.argv[1:]))"
    found = subprocess.run(
        [sys.executable, "-c", code, *words, str(tmp_path / "x.safetensors")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0
    assert found.stderr.startswith(f"Warning: {path}: tells no angles; half a turn")
    assert "UserWarning" not in found.stderr
