"""Flat fan detectors that are tilted: against lines, ASTRA's vectors, finite differences, and exact discs."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import torch

from wellposed.errors import FileFormatError, ParameterError
from wellposed.spaces import Space
from wellposed.structure import Symmetry
from wellposed_ct import FBP, FanBeam, FanGeometry, disc, shepp_logan
from wellposed_ct.files import read_geometry, write_geometry
from wellposed_ct.geometry import from_astra, to_astra
from wellposed_ct.geometry.fan_vectors import circle_of, fan_vectors

F64 = torch.float64
TURN = np.arange(360) * 2 * np.pi / 360
TILTED = FanGeometry([0.1, 0.9, 2.3, 4.4], (24, 20), 60.0, 100.0, 51, 1.1, 0.8, 1.7, (0.4, -0.9), tilt=0.3)


def disc_values(g: FanGeometry, at: tuple[float, float] = (6.0, -4.0)) -> torch.Tensor:
    """Return what FBP makes of a disc of value 1, well inside it."""
    image = FBP()(disc(12.0, 1.0, at).sinogram(g), FanBeam.from_geometry(g, dtype=F64))[0, 0]
    rows, columns = g.size
    x = (torch.arange(columns) - (columns - 1) / 2) * g.pixel_mm - at[0]
    y = ((rows - 1) / 2 - torch.arange(rows)) * g.pixel_mm - at[1]
    return image[torch.hypot(x, y[:, None]) < 9.0]


def test_rays_run_from_the_source_to_the_bins():
    g = TILTED
    phi, s = g.lines()
    for view, angle in enumerate(g.angles):
        source = g.source_axis_mm * np.array([math.sin(angle), -math.cos(angle)])
        hub = source + g.source_detector_mm * np.array([-math.sin(angle), math.cos(angle)])
        along = np.array([math.cos(angle + 0.3), math.sin(angle + 0.3)])
        for k in (0, 17, 50):
            bin_k = hub + ((k - 25) * 1.1 - 1.7) * along
            for point in (source, bin_k):
                normal = np.array([math.cos(phi[view, k]), math.sin(phi[view, k])])
                assert point @ normal == pytest.approx(s[view, k], abs=1e-9)


@pytest.mark.parametrize("backend", ["auto", "avx2", "portable", "torch"])
@pytest.mark.parametrize("tilt", [-0.9, 0.3, 1.2])
def test_the_projector_has_josephs_weights_along_these_lines(tilt, backend):
    g = TILTED.replace(tilt=tilt)
    op = FanBeam.from_geometry(g, dtype=F64).replace(backend=backend)
    (rows, columns), p, (cx, cy) = g.size, g.pixel_mm, g.centre_mm
    x = (np.arange(columns) - (columns - 1) / 2) * p + cx
    y = ((rows - 1) / 2 - np.arange(rows)[:, None]) * p + cy
    phi, s = (a[..., None, None] for a in g.lines())
    cos, sin = np.cos(phi), np.sin(phi)
    across = np.clip(1 - np.abs(x - (s - y * sin) / cos) / p, 0, None) * p / np.abs(cos)
    along = np.clip(1 - np.abs(y - (s - x * cos) / sin) / p, 0, None) * p / np.abs(sin)
    want = np.where(np.abs(cos) >= np.abs(sin), across, along).reshape(g.views * g.detectors, -1)
    np.testing.assert_allclose(op.to_matrix().numpy(), want, atol=1e-10)
    data = op.range.randn(3, torch.Generator().manual_seed(0))
    np.testing.assert_allclose(
        op.A_adjoint(data).reshape(3, -1), data.reshape(3, -1).numpy() @ want, atol=1e-10
    )


@pytest.mark.parametrize("model", ["joseph", "strip"])
def test_tilt_has_a_gradient(model):
    op = FanBeam([0.13, 0.9, 2.2], Space((1, 6, 5), F64), 20.0, 30.0, 9, 1.1, axis_mm=0.21, model=model)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    tilt = torch.tensor(0.17, dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: (op.A(x, tilt=t), op.A_adjoint(y, tilt=t)), (tilt,))
    tilts = torch.tensor([0.0, 0.1, -0.2], dtype=F64)
    many = torch.func.vmap(lambda t: op.A(x, tilt=t))(tilts)
    for one, t in zip(many, tilts, strict=True):
        torch.testing.assert_close(one, op.A(x, tilt=t))


def test_a_tilt_is_found_by_gradient_descent():
    g = FanGeometry(TURN[::20], (32, 32), 100.0, 150.0, 96, 1.0, 0.8, tilt=0.2)
    y = shepp_logan(11.0).sinogram(g)
    op = FanBeam.from_geometry(g.replace(tilt=0.0), dtype=F64)
    x = shepp_logan(11.0).image(g)
    tilt = torch.zeros((), dtype=F64, requires_grad=True)
    optimiser = torch.optim.LBFGS([tilt], max_iter=15, line_search_fn="strong_wolfe")

    def misfit():
        optimiser.zero_grad()
        loss = (op.A(x, tilt=tilt) - y).square().mean()
        loss.backward()
        return loss

    optimiser.step(misfit)
    assert tilt.item() == pytest.approx(0.2, abs=0.01)


@pytest.mark.parametrize(
    ("tilt", "axis_mm", "angles"),
    [(0.1, 0.0, TURN), (0.4, 3.0, TURN), (-0.7, -2.0, TURN), (0.25, 0.0, TURN[:260]), (0.15, 40.0, TURN)],
    ids=["tilted", "and off the axis", "strongly", "a short scan", "displaced"],
)
def test_filtered_back_projection_is_quantitative(tilt, axis_mm, angles):
    bins = 480 if axis_mm < 40 else 160
    g = FanGeometry(angles, (64, 64), 200.0, 400.0, bins, 0.8, 0.8, axis_mm, tilt=tilt)
    values = disc_values(g)
    assert float((values.mean() - 1).abs()) < 5e-3
    assert float((values - 1).abs().max()) < 2e-2


@pytest.mark.parametrize("backend", ["avx2", "portable", "torch"])
def test_every_backend_reconstructs_alike(backend):
    op = FanBeam.from_geometry(TILTED, dtype=F64)
    y = op.range.randn(2, torch.Generator().manual_seed(0))
    torch.testing.assert_close(FBP()(y, op.replace(backend=backend)), FBP()(y, op), atol=1e-10, rtol=0)


def test_a_tilted_detector_keeps_quarter_turns_but_no_mirror():
    straight = FanBeam(TURN[15::30].tolist(), Space((1, 16, 16), F64), 60.0, 100.0, 40, 0.7)
    tilted = straight.replace(tilt=0.2)
    declared = [sum(isinstance(e, Symmetry) for e in op.evidence()) for op in (straight, tilted)]
    assert declared == [2, 1]
    x = straight.domain.randn(1, torch.Generator().manual_seed(0))
    for op in (straight, tilted):
        torch.testing.assert_close(op.A(x.rot90(1, (-2, -1))), op.A(x).roll(3, -2))


def test_vectors_there_and_back():
    projections, volume = to_astra(TILTED)
    assert projections["type"] == "fanflat_vec"
    back = from_astra(projections, volume)
    assert back.angles == pytest.approx(TILTED.angles)
    for name in ("source_axis_mm", "source_detector_mm", "detector_mm", "pixel_mm", "axis_mm", "tilt"):
        assert getattr(back, name) == pytest.approx(getattr(TILTED, name), abs=1e-9), name
    assert (back.size, back.detectors, back.detector) == (TILTED.size, TILTED.detectors, "flat")


def test_astra_projects_these_vectors_alike():
    astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")
    g = FanGeometry(TURN[::30], (60, 50), 200.0, 320.0, 120, 1.0, 0.8, 2.3, (1.0, -2.0), tilt=0.35)
    x = shepp_logan(18.0).image(g)
    projections, volume = to_astra(g)
    made = astra.create_proj_geom("fanflat_vec", g.detectors, fan_vectors(g))
    assert from_astra(made, volume).tilt == pytest.approx(0.35)
    run = astra.create_projector("line_fanflat", projections, volume)
    theirs = astra.create_sino(x[0, 0].numpy().astype(np.float32), run)[1]
    exact = FanBeam.from_geometry(g, dtype=F64).replace(model="siddon")  # ASTRA's line model
    ours, untilted = (op.A(x)[0, 0].numpy() for op in (exact, exact.replace(tilt=0.0)))
    assert np.linalg.norm(theirs - ours) / np.linalg.norm(theirs) < 1e-5
    assert np.linalg.norm(theirs - untilted) / np.linalg.norm(theirs) > 0.02


def test_astras_own_vectors_of_an_untilted_fan_are_understood():
    astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")
    plain = astra.create_proj_geom("fanflat", 1.5, 33, TURN[:7], 100.0, 60.0)
    found = from_astra(astra.geom_2vec(plain), astra.create_vol_geom(20, 30))
    assert found.angles == pytest.approx(tuple(TURN[:7]))
    assert (found.source_axis_mm, found.source_detector_mm) == pytest.approx((100, 160))
    assert found.detector_mm == pytest.approx(1.5)
    assert (found.axis_mm, found.tilt) == pytest.approx((0.0, 0.0), abs=1e-9)


def test_vectors_of_no_circle_get_a_sentence():
    table = fan_vectors(TILTED)
    moved = table.copy()
    moved[2, :2] *= 1.1
    with pytest.raises(ParameterError, match=r"source to axis changes from 60 to 66.*one slice"):
        circle_of(moved)
    with pytest.raises(ParameterError, match="bins run against the direction of the angles; reverse"):
        circle_of(np.concatenate([table[:, :4], -table[:, 4:]], 1))
    with pytest.raises(ParameterError, match=r"shape \(4, 5\), but must be \(views, 6\)"):
        circle_of(table[:, :5])
    table[1, :2] = 0
    with pytest.raises(ParameterError, match="lies on the rotation axis"):
        circle_of(table)


def test_impossible_tilts_get_a_sentence():
    with pytest.raises(ParameterError, match=r"tilt = 20.0 must lie between .* numpy.deg2rad"):
        TILTED.replace(tilt=20.0)
    with pytest.raises(ParameterError, match="tilt = nan must lie between"):
        TILTED.replace(tilt=math.nan)
    with pytest.raises(ParameterError, match=r"only a flat detector is tilted.*axis_mm"):
        TILTED.replace(detector="curved")
    with pytest.raises(ParameterError, match=r"puts an end .* -\d+.* mm ahead of the source.* tilt less"):
        TILTED.replace(detectors=251, tilt=1.3)
    with pytest.raises(ParameterError, match=r"tilt has shape \(2,\), but must be one number"):
        FanBeam.from_geometry(TILTED).replace(tilt=torch.zeros(2))


def test_files_and_drawings_keep_it(tmp_path):
    write_geometry(tmp_path / "scan.toml", TILTED)
    assert read_geometry(tmp_path / "scan.toml") == TILTED
    assert "tilted by 17.19°" in repr(TILTED)
    assert FanBeam.from_geometry(TILTED).geometry == TILTED
    text = (tmp_path / "scan.toml").read_text().replace("tilt = 0.3", "tilt = 3.0")
    (tmp_path / "wrong.toml").write_text(text)
    with pytest.raises(FileFormatError, match=r"tilt = 3.0 must lie between"):
        read_geometry(tmp_path / "wrong.toml")


@pytest.mark.parametrize("changes", [{}, {"tilt": 0.0}, {"tilt": 0.0, "detector": "curved"}])
def test_the_drawing_shows_the_panel_where_it_is(changes):
    g = TILTED.replace(angles=[0.0], **changes)
    root = ET.fromstring(g.svg())
    panel = next(e for e in root.iter() if e.get("stroke") == "#117733").get("d")
    points = np.array([[float(n) for n in pair.split(",")] for pair in panel[1:].split("L")])
    run = points[-1] - points[0]
    assert math.atan2(-run[1], run[0]) == pytest.approx(g.tilt, abs=0.05)
    assert len(points) == 2 if g.detector == "flat" else len(points) > 10
    assert "<svg" in g._repr_html_()
    assert repr(g) in g._repr_html_()
