"""Cone beams on the command line: any method, in memory or out of core, resumed after a kill."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch

from wellposed.cli import main
from wellposed.errors import FileFormatError, ParameterError
from wellposed_ct import FDK, SIRT, TV, ConeBeam, ConeGeometry, FanBeam, ball, open_scan, write_geometry
from wellposed_ct.files.scan import as_panel, central_plane
from wellposed_ct.large import sirt_slabs
from wellposed_ct.methods import FBP
from wellposed_ct.stacks import Plan, reconstruct_stack

CONE = ConeGeometry(np.arange(24) * np.pi / 12, (20, 18, 16), 100.0, 150.0, (24, 26), 1.5)


def folder(path, cone=CONE, bodies=None):
    """Write a folder of TIFF projections in nepers with their geometry; return it with the panel data."""
    path.mkdir()
    y = (
        (ball(6.0, 0.03, (1.0, 2.0, 3.0)) if bodies is None else bodies)
        .projections(cone)[0, 0]
        .float()
        .numpy()
    )
    for i, view in enumerate(y):
        tifffile.imwrite(path / f"v{i:03d}.tif", view[::-1])
    write_geometry(path / "geometry.toml", cone)
    return path, torch.from_numpy(y)[None, None]


@pytest.fixture(scope="module")
def views(tmp_path_factory):
    return folder(tmp_path_factory.mktemp("cone") / "views")


def command(views, output, *more):
    return ["ct", "reconstruct", str(views[0]), "-o", str(output), *more]


@pytest.mark.parametrize(
    ("words", "method"),
    [
        ([], FDK()),
        (["-m", "ct.sirt", "--param", "iterations=4"], SIRT(4)),
        (["-m", "ct.sirt", "--param", "iterations=4", "--memory", "400kB"], SIRT(4)),
        (["-m", "ct.tv", "--param", "iterations=5"], TV(iterations=5)),
    ],
    ids=["fdk", "sirt", "sirt out of core", "tv"],
)
def test_a_cone_beam_is_what_the_method_gives(tmp_path, views, words, method):
    assert main(command(views, tmp_path / "v.npy", *words)) == 0
    expected = method(views[1], ConeBeam.from_geometry(CONE))[0, 0]
    np.testing.assert_allclose(np.load(tmp_path / "v.npy"), expected, atol=2e-6)
    assert [p.name for p in tmp_path.iterdir()] == ["v.npy"]


def test_some_slices_of_a_whole_volume(tmp_path, views):
    words = ["-m", "ct.sirt", "--param", "iterations=2"]
    assert main(command(views, tmp_path / "all.npy", *words)) == 0
    assert main(command(views, tmp_path / "some.npy", *words, "--rows", "5:9")) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "some.npy"), np.load(tmp_path / "all.npy")[5:9])


def test_what_does_not_fit_is_refused_before_the_work(tmp_path, views, capsys):
    assert main(command(views, tmp_path / "v.npy", "-m", "ct.tv", "--memory", "400kB")) == 2
    text = " ".join(capsys.readouterr().err.split())
    assert "TV needs the whole cone beam in memory, about 0.000" in text
    assert "or use ct.fdk or ct.sirt, which go slab by slab" in text
    assert not list(tmp_path.iterdir())


KILLED = """
import sys, time
from wellposed_ct.large import sirt
original = sirt._Sweep.update
def slow(self, y, relaxation, non_negative, number):
    original(self, y, relaxation, non_negative, number)
    if number == 3:  # the new volume is there, and not yet noted
        print("ready", flush=True)
        time.sleep(60)
sirt._Sweep.update = slow
from wellposed.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_killed_iterations_go_on(tmp_path, views, monkeypatch):
    words = ["-m", "ct.sirt", "--param", "iterations=6", "--memory", "400kB"]
    assert main(command(views, tmp_path / "whole.npy", *words)) == 0
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, *command(views, tmp_path / "v.npy", *words)],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert json.loads((tmp_path / ".v.npy.work" / "sirt.json").read_text())["done"] == 3
    from wellposed_ct.large import sirt

    counted, original = [], sirt._Sweep.update
    monkeypatch.setattr(sirt._Sweep, "update", lambda *a: (counted.append(a[-1]), original(*a)))
    assert main(command(views, tmp_path / "v.npy", *words, "--resume")) == 0
    assert counted == [3, 4, 5]
    np.testing.assert_array_equal(np.load(tmp_path / "v.npy"), np.load(tmp_path / "whole.npy"))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.npy", "whole.npy"]


def test_another_run_is_not_gone_on_with(tmp_path, views):
    y = views[1][0, 0].numpy()

    def broken(done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sirt_slabs(y, CONE, tmp_path / "x.npy", 3, folder=tmp_path / "own", progress=broken)
    with pytest.raises(ParameterError, match=r"unfinished run of .* relaxation 1.0 .* this one .* 0.5"):
        sirt_slabs(y, CONE, tmp_path / "x.npy", 3, relaxation=0.5, folder=tmp_path / "own")
    seen = []
    sirt_slabs(y, CONE, tmp_path / "x.npy", 3, folder=tmp_path / "own", progress=lambda *a: seen.append(a))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    want = SIRT(3)(views[1], ConeBeam.from_geometry(CONE))[0, 0]
    np.testing.assert_allclose(np.load(tmp_path / "x.npy"), want, atol=1e-6)
    assert not list((tmp_path / "own").iterdir())


def test_the_glance_is_fdk_and_a_helix_waits(tmp_path, views):
    seen = []
    reconstruct_stack(
        open_scan(views[0]), Plan(SIRT(2)), tmp_path / "v.npy", 2**30, preview=seen.append,
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    fdk = FDK()(views[1], ConeBeam.from_geometry(CONE))[0, 0, 10]
    np.testing.assert_allclose(seen[0], fdk, atol=2e-6)
    assert seen[1:] == [(0, 2), (1, 2), (2, 2)]
    path, _ = folder(tmp_path / "helix", CONE.replace(pitch_mm=5.0))
    seen.clear()
    reconstruct_stack(open_scan(path), Plan(SIRT(2)), tmp_path / "h.npy", 2**30, preview=seen.append)
    np.testing.assert_array_equal(seen[0], np.load(tmp_path / "h.npy")[10])


@pytest.mark.parametrize(("rows", "plane_mm"), [(24, 0.0), (25, 0.0), (24, 4.2), (25, -3.0)])
def test_the_middle_slice_lies_in_the_plane_of_the_source(tmp_path, rows, plane_mm):
    cone = CONE.replace(detector=(rows, 26), plane_mm=plane_mm)
    body = ball(6.0, 0.03, (1.0, 2.0, 0.0))
    path, _ = folder(tmp_path / "v", cone, body)
    one = open_scan(path).middle()
    assert (one.rows, one.cone) == (1, None)
    flat = central_plane(cone)
    exact = body.projections(cone.replace(detector=(1, 26), plane_mm=0.0))[0, 0, :, 0]
    off = (one.nepers(0, 1)[0, 0] - exact).abs()
    # between two rows of a ball, interpolation errs at its rim
    assert off.mean().item() < 1e-3
    assert off.max().item() < 0.02
    image = FBP()(one.nepers(0, 1), FanBeam.from_geometry(flat))
    assert torch.isfinite(image).all()


def test_no_row_in_the_plane(tmp_path):
    path, _ = folder(tmp_path / "v", CONE.replace(plane_mm=40.0))
    with pytest.raises(FileFormatError, match="no row of the panel lies in the plane of the source"):
        open_scan(path).middle()


def test_rows_run_from_the_top(views):
    found = open_scan(views[0])
    torch.testing.assert_close(as_panel(found.nepers(0, found.rows)), views[1])


@pytest.mark.parametrize("words", [[], ["-m", "ct.sirt", "--param", "iterations=8"]])
def test_the_report_is_of_the_slice_in_the_plane_of_the_source(tmp_path, views, words, capsys):
    report = tmp_path / "report"
    assert main(command(views, tmp_path / "v.npy", *words, "--report", str(report), "--json")) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["report"] == str(report / "report.html")
    page = (report / "report.html").read_text()
    for title in ("Slices, with level and width", "Sinogram and residuals", "Profiles"):
        assert f"<h2>{title}</h2>" in page
    # the residual is that of the slice, the mean of the two around the plane, in the fan of that plane
    volume = np.load(tmp_path / "v.npy")
    flat = FanBeam.from_geometry(central_plane(CONE))
    y = open_scan(views[0]).middle().nepers(0, 1)
    left = y - flat.A(torch.from_numpy(volume[9:11].mean(0))[None, None])
    share = 100 * float(left.norm() / y.norm())
    assert f"residual, {share:.3g} % of the data" in page
    assert main(command(views, tmp_path / "w.npy", *words, "--report", str(report))) == 4
    assert not (tmp_path / "w.npy").exists()


def test_a_report_needs_the_middle(tmp_path, views, capsys):
    words = ["--rows", "0:5", "--report", str(tmp_path / "r")]
    assert main(command(views, tmp_path / "v.npy", *words)) == 2
    assert "--report shows the slice in the plane of the source" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("words", [[], ["-m", "ct.sirt", "--param", "iterations=30"]])
def test_truncated_cone_beams_are_continued(tmp_path, words):
    narrow = CONE.replace(detector=(24, 16), centre_mm=(0, 0, 0))
    body = ball(7.5, 0.03)
    path, _ = folder(tmp_path / "v", narrow, body)
    volumes = {}
    for name, more in {"cut": [], "continued": ["--correct", "ct.truncation"]}.items():
        assert main(command((path,), tmp_path / f"{name}.npy", *words, *more)) == 0
        volumes[name] = np.load(tmp_path / f"{name}.npy")
    inside = (slice(8, 12), slice(6, 12), slice(5, 11))
    # no detector sees the rim of the ball; its continuation must not lose to a cliff
    off = {name: abs(volume[inside].mean() - 0.03) for name, volume in volumes.items()}
    assert volumes["continued"].shape == volumes["cut"].shape
    assert off["continued"] < off["cut"], off
    assert off["continued"] < 0.006


def test_corrections_that_move_the_axis_of_some_rows_are_refused(tmp_path, views, capsys):
    for words in ([], ["-m", "ct.sirt"]):
        assert main(command(views, tmp_path / "v.npy", *words, "--correct", "ct.centre")) == 2
        assert "find it by --centre" in " ".join(capsys.readouterr().err.split())


def test_a_refused_run_leaves_nothing(tmp_path, views):
    flat = tmp_path / "a.npz"
    np.savez(flat, sinogram=np.zeros((12, 10)), angles=np.arange(12) / 4)
    assert main(command((flat,), tmp_path / "v.npy", "-m", "ct.fdk")) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["a.npz"]
