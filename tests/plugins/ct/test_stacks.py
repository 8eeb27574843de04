"""Stacks larger than memory: the same slices however they are cut, and after whatever kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import h5py
import numpy as np
import pydicom
import pytest
import tifffile
import torch

from wellposed.cli import main
from wellposed.errors import OutputExistsError, ParameterError
from wellposed_ct import FBP, HDF5Reader, ParallelGeometry, disc, open_scan, write_geometry
from wellposed_ct.corrections import Zingers, find_centre
from wellposed_ct.phantoms import Ellipses
from wellposed_ct.stacks import Plan, bytes_per_row, parse_bytes, reconstruct_stack, rows_at_once

ROWS, BINS, AXIS = 9, 40, 1.5
SCAN = ParallelGeometry(np.arange(60) * np.pi / 60, (BINS, BINS), BINS, axis_mm=AXIS)


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """A DXchange file of counts with flats, darks, a wrong centre and rings, and the true volume."""
    path = tmp_path_factory.mktemp("raw") / "scan.h5"
    rng = np.random.default_rng(0)
    bodies = [Ellipses([(0.02, 12, 9 + i / 3, 0, 1, 0.2), (0.01, 3, 3, -4, 2, 0)]) for i in range(ROWS)]
    y = np.stack([b.sinogram(SCAN)[0, 0].numpy() for b in bodies], 1)
    rings = np.where(rng.random((ROWS, BINS)) < 0.1, 0.15, 0.0) * np.abs(rng.standard_normal((ROWS, BINS)))
    dark, gain = 50.0, 1 + 0.2 * rng.random((ROWS, BINS))
    with h5py.File(path, "w") as file:
        file["exchange/data"] = rng.poisson(3e4 * gain * np.exp(-y - rings) + dark).astype(np.uint16)
        file["exchange/data_white"] = rng.poisson(
            np.broadcast_to(3e4 * gain + dark, (10, ROWS, BINS))
        ).astype(np.uint16)
        file["exchange/data_dark"] = np.full((3, ROWS, BINS), dark, np.uint16)
        file["exchange/theta"] = np.degrees(SCAN.angles)
    truth = np.stack([b.image(SCAN)[0, 0].numpy() for b in bodies])
    return path, truth


def arguments(raw, output, *more):
    return [
        "ct",
        "reconstruct",
        str(raw[0]),
        "-o",
        str(output),
        "--centre",
        "auto",
        "--param",
        "window=hann",
        *more,
    ]


def error(volume, truth):
    return np.linalg.norm(volume - truth) / np.linalg.norm(truth)


def test_the_budget_decides_the_chunk_and_nothing_else(tmp_path, raw):
    each = bytes_per_row(SCAN)
    assert rows_at_once(SCAN, ROWS, 4 * each) == 4
    small, large = tmp_path / "small.npy", tmp_path / "large.npy"
    assert main(arguments(raw, small, "--memory", f"{2 * each}")) == 0
    assert main(arguments(raw, large)) == 0
    np.testing.assert_array_equal(np.load(small), np.load(large))
    assert error(np.load(small), raw[1]) < 0.3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["large.npy", "small.npy"]


def test_it_is_what_the_reader_and_the_method_give(tmp_path, raw):
    reconstruct_stack(open_scan(raw[0]), Plan(FBP()), tmp_path / "a.npy", 2**30)
    found = HDF5Reader().read(raw[0])
    np.testing.assert_allclose(np.load(tmp_path / "a.npy"), FBP()(found.y, found.physics)[:, 0], atol=1e-7)


def test_centre_and_corrections_lower_the_error(tmp_path, raw):
    volumes = {}
    for name, more in {
        "nothing": ["--centre", "0"],
        "centre": [],
        "all": ["--correct", "ct.zingers", "--correct", "ct.rings_sorting:window=5"],
    }.items():
        assert main(arguments(raw, tmp_path / f"{name}.npy", *more)) == 0
        volumes[name] = error(np.load(tmp_path / f"{name}.npy"), raw[1])
    assert volumes["centre"] < 0.7 * volumes["nothing"], volumes
    assert volumes["all"] < 0.8 * volumes["centre"], volumes


KILLED = """
import os, signal, sys
from wellposed_ct.stacks import reconstruction
original = reconstruction.by_rows
def slow(scan, plan, start, stop):
    if start >= 4:
        print("ready", flush=True)
        import time
        time.sleep(60)
    return original(scan, plan, start, stop)
reconstruction.by_rows = slow
from wellposed.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_killed_run_resumes(tmp_path, raw):
    whole, output = tmp_path / "whole.npy", tmp_path / "volume.npy"
    budget = ["--memory", str(2 * bytes_per_row(SCAN))]
    assert main(arguments(raw, whole, *budget)) == 0
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *arguments(raw, output, *budget)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not output.exists()
    note = json.loads((tmp_path / ".volume.npy.work.json").read_text())
    assert note["done"] == 4
    # what is finished is not done again: it is marked, and the mark survives
    work = np.lib.format.open_memmap(tmp_path / ".volume.npy.work.npy", mode="r+")
    work[0] = 7
    work.flush()
    del work
    assert main(arguments(raw, output, "--resume", *budget)) == 0
    found, expected = np.load(output), np.load(whole).copy()
    expected[0] = 7
    np.testing.assert_array_equal(found, expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["volume.npy", "whole.npy"]


def test_an_unfinished_run_is_not_lost_by_mistake(tmp_path, raw, capsys):
    scan, output = open_scan(raw[0]), tmp_path / "volume.npy"

    def broken(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconstruct_stack(scan, Plan(FBP(), name="a"), output, bytes_per_row(SCAN), progress=broken)
    with pytest.raises(OutputExistsError, match=r"an unfinished reconstruction lies in .* --resume"):
        reconstruct_stack(scan, Plan(FBP()), output, 2**30)
    with pytest.raises(ParameterError, match="has plan = a, and now it is b; resume with the same settings"):
        reconstruct_stack(scan, Plan(FBP(), name="b"), output, 2**30, resume=True)
    (tmp_path / ".volume.npy.work.json").write_text("{")
    assert main(arguments(raw, output, "--resume")) == 4
    assert "what the last run left is damaged" in capsys.readouterr().err
    reconstruct_stack(scan, Plan(FBP()), output, 2**30, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["volume.npy"]


def test_every_format_holds_the_same(tmp_path, raw):
    for name in ("v.npy", "v.h5", "v.tif", "v.dcm", "folder"):
        assert (
            main(arguments(raw, tmp_path / name, "--water", "0.02", "--rows", "2:5", "--pixel-mm", "0.9"))
            == 0
        )
    expected = np.load(tmp_path / "v.npy")
    assert expected.shape == (3, BINS, BINS)
    with h5py.File(tmp_path / "v.h5") as file:
        np.testing.assert_array_equal(file["volume"][()], expected)
        assert (file["volume"].attrs["pixel_mm"], file["volume"].attrs["units"]) == (0.9, "1/mm")
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "v.tif"), expected)
    parts = sorted((tmp_path / "folder").iterdir())
    np.testing.assert_array_equal(np.stack([tifffile.imread(p) for p in parts]), expected)
    series = [pydicom.dcmread(p) for p in sorted((tmp_path / "v.dcm").iterdir())]
    hu = np.stack([s.pixel_array for s in series])
    np.testing.assert_allclose(hu, 1000 * (expected / 0.02 - 1), atol=0.5001)
    assert series[0].PixelSpacing == [0.9, 0.9]
    assert series[2].ImagePositionPatient[2] - series[0].ImagePositionPatient[2] == 2.0


def test_the_preview_comes_first(tmp_path, raw):
    from wellposed_ct.stacks import reconstruction

    seen = []
    reconstruct_stack(
        open_scan(raw[0]), Plan(FBP()), tmp_path / "v.npy", 2**30,
        preview=lambda image: seen.append(image), progress=lambda done, total: seen.append(done),
    )  # fmt: skip
    np.testing.assert_allclose(seen[0], np.load(tmp_path / "v.npy")[ROWS // 2], atol=1e-7)
    assert seen[1:] == [8, ROWS]
    assert reconstruction.CENTRE_ROWS % 2 == 1
    assert main(arguments(raw, tmp_path / "w.npy", "--preview", str(tmp_path / "p.tif"))) == 0
    np.testing.assert_allclose(tifffile.imread(tmp_path / "p.tif"), np.load(tmp_path / "w.npy")[4], atol=1e-7)
    assert main(arguments(raw, tmp_path / "x.npy", "--preview", str(tmp_path / "p.png"))) == 0
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (["--memory", "1KiB"], 2, "one slice takes .* MiB and the budget is 0.000977 MiB"),
        (["--memory", "lots"], 2, "'lots' is no amount of memory"),
        (["--rows", "5:99"], 2, "rows 5:99 are asked for, and the scan has 0:9"),
        (["--rows", "5"], 2, "two numbers with a colon are expected"),
        (["--centre", "left"], 2, "a number of millimetres, or one of auto, mass"),
        (
            ["--correct", "ct.fbp"],
            2,
            "ct.fbp is a reconstructor, and a correction is expected: ct.beam_hardening",
        ),
        (["--correct", "ct.zingers:views"], 2, "key=value is expected"),
        (["--correct", "ct.rings_sorting:window=4"], 2, "window = 4 must be odd"),
        (["--centre", "nan"], 2, "a finite number of millimetres"),
        (["-m", "ct.ringss"], 3, "ct.ringss"),
    ],
)
def test_wrong_words_get_a_sentence(tmp_path, raw, capsys, more, code, message):
    assert main(arguments(raw, tmp_path / "v.npy", *more)) == code
    import re

    text = capsys.readouterr().err
    assert re.search(message, " ".join(text.split())), text
    assert not (tmp_path / "v.npy").exists()


def test_amounts_of_memory():
    assert [parse_bytes(t) for t in ("2GiB", "500 MB", "1.5k", "7")] == [2**31, 5 * 10**8, 1536, 7]


# --- info ------------------------------------------------------------------------------------------------


def facts(capsys, *arguments):
    assert main(["ct", "info", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_of_counts(raw, capsys):
    found = facts(capsys, raw[0])
    assert (found["format"], found["views"], found["rows"], found["bins"]) == ("DXchange", 60, ROWS, BINS)
    assert (found["flats"], found["darks"], found["beam"]) == ("yes", "yes", "parallel")
    assert found["values"].startswith("counts, ")
    assert found["MiB per slice"] == pytest.approx(bytes_per_row(SCAN) / 2**20, abs=0.06)
    assert found["warnings"] == []
    assert main(["ct", "info", str(raw[0])]) == 0
    assert "slice            40 × 40" in capsys.readouterr().out


def test_info_warns(tmp_path, capsys):
    y = disc(30.0, 0.02).sinogram(SCAN)[0, 0].numpy()
    angles = np.array(SCAN.angles)
    np.savez(tmp_path / "a.npz", sinogram=y, angles=np.degrees(angles))
    np.savez(tmp_path / "b.npz", sinogram=y[:30], angles=angles[[*range(10), 9, *range(11, 30)]])
    text = " ".join(facts(capsys, tmp_path / "a.npz")["warnings"])
    assert "are degrees given as radians" in text
    assert "the object is wider (--correct ct.truncation)" in text
    text = " ".join(facts(capsys, tmp_path / "b.npz")["warnings"])
    assert "angles are not monotone: 1 of 29 steps" in text
    assert "of the half turn that is needed" in text
    np.savez(tmp_path / "c.npz", sinogram=np.full((60, BINS), 3e4), angles=angles)
    assert "values look like counts (3e+04 in the median" in " ".join(
        facts(capsys, tmp_path / "c.npz")["warnings"]
    )
    with h5py.File(tmp_path / "d.h5", "w") as file:
        file["exchange/data"] = np.full((60, 2, BINS), -3.0)
        file["exchange/data_white"] = np.full((1, 2, BINS), 9.0)
        file["exchange/theta"] = np.degrees(angles)
    assert "counts are negative" in " ".join(facts(capsys, tmp_path / "d.h5")["warnings"])


def test_info_takes_another_geometry(tmp_path, capsys):
    np.savez(tmp_path / "a.npz", sinogram=np.zeros((60, BINS)))
    write_geometry(tmp_path / "g.toml", SCAN.replace(detector_mm=0.25))
    assert facts(capsys, tmp_path / "a.npz", "--geometry", tmp_path / "g.toml")["bin mm"] == 0.25
    write_geometry(tmp_path / "h.toml", SCAN.subset([0]))
    assert main(["ct", "info", str(tmp_path / "a.npz"), "--geometry", str(tmp_path / "h.toml")]) == 4
    assert "has 1 views of 40 bins" in capsys.readouterr().err


@pytest.fixture
def folder(tmp_path):
    """A folder of TIFF views in nepers, and a function that begins a run and breaks it off."""
    views = tmp_path / "views"
    views.mkdir()
    y = disc(9.0, 0.02).sinogram(SCAN)[0, 0].numpy().astype(np.float32)
    for i, row in enumerate(y):
        tifffile.imwrite(views / f"v{i}.tif", np.broadcast_to(row, (4, BINS)))
    write_geometry(views / "geometry.toml", SCAN)
    out = tmp_path / "out.npy"

    def broken(done, total):
        raise KeyboardInterrupt

    memory = 2 * bytes_per_row(SCAN)
    with pytest.raises(KeyboardInterrupt):
        reconstruct_stack(open_scan(views), Plan(FBP()), out, memory, progress=broken)
    return views, lambda scan: reconstruct_stack(scan, Plan(FBP()), out, memory, resume=True)


def test_a_folder_that_is_the_same_resumes(folder):
    views, resume = folder
    resume(open_scan(views))


def test_angles_of_the_same_span_are_another_scan(folder, tmp_path):
    views, resume = folder
    write_geometry(tmp_path / "turned.toml", SCAN.replace(angles=SCAN.angles[::-1]))
    with pytest.raises(ParameterError, match=r"geometry = Parallel.*resume with the same settings"):
        resume(open_scan(views, tmp_path / "turned.toml"))


def test_a_picture_that_changed_in_its_folder_is_another_scan(folder):
    views, resume = folder
    with open(views / "v3.tif", "r+b") as stream:
        stream.seek(-4, 2)
        stream.write(b"\0\0\0\0")
    with pytest.raises(ParameterError, match=r"files = 60 of .* bytes"):
        resume(open_scan(views))


def test_the_preview_is_another_file(tmp_path, raw, capsys):
    assert main(arguments(raw, tmp_path / "v.npy", "--preview", str(tmp_path / "v.npy"))) == 2
    assert "give the preview another name" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "v.npy").exists()


def test_a_report_of_a_stack_is_of_its_middle_row(tmp_path, raw, capsys):
    report, output = tmp_path / "report", tmp_path / "v.npy"
    more = ["--rows", "2:7", "--correct", "ct.zingers", "--report", str(report)]
    assert main(arguments(raw, output, *more)) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(report / "report.html")
    page = (report / "report.html").read_text()
    assert "scan.h5, row in the middle" in page
    results = json.loads((report / "results.json").read_text())
    assert "correct ct.zingers centre auto of scan.h5; values counts" in results["config"]["made by"]
    found = open_scan(raw[0])
    axis = float(
        find_centre(Zingers()(found.nepers(2, 7), found.physics())[0], found.physics(), "auto").median()
    )
    y, physics = Zingers()(found.nepers(4, 5), found.physics(SCAN.replace(axis_mm=axis)))
    left = y - physics.A(torch.from_numpy(np.load(output)[2])[None, None])
    assert f"residual, {100 * float(left.norm() / y.norm()):.3g} % of the data" in page
