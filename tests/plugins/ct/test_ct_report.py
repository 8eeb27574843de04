"""The report of a CT run: what its sections hold, against numbers computed here."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch

from wellposed import registry
from wellposed.measurement import Measurement
from wellposed.operators import Identity
from wellposed.runs import Method, Run, execute
from wellposed_ct import FBP, SIRT, ParallelBeam, ParallelGeometry, report, shepp_logan

Image = pytest.importorskip("PIL.Image", reason="Pillow reads the pictures back")

SCAN = ParallelGeometry(np.arange(30) * np.pi / 30, (24, 20), 32)
DEEP = re.compile(
    r'<img src="data:image/png;base64,([^"]*)" alt="[^"]*" data-low="([^"]*)" data-high="([^"]*)"'
)
HEAD = shepp_logan(9).scaled(1, 0.02)


def carried_out(reference=True):
    physics = ParallelBeam.from_geometry(SCAN)
    truth = HEAD.image(SCAN).float() if reference else None
    found = Measurement(HEAD.sinogram(SCAN).float(), physics, reference=truth)
    methods = (Method("ct.fbp", FBP()), Method("<b>sirt</b>", SIRT(iterations=5)))
    return execute(Run("a scan", found, methods), history=False)


def deep_values(html):
    """Return the values that the deep pictures hold, decoded as the page does."""
    for data, low, high in DEEP.findall(html):
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))), np.int64)
        levels = 256 * pixels[..., 0] + pixels[..., 1]
        yield float(low) + levels * (float(high) - float(low)) / 65535


def test_slices_hold_the_reconstructions_to_sixteen_bits():
    run = carried_out()
    html = report.slices(run)
    images = [o.image[0, 0].numpy() for o in run.outcomes[1:]] + [run.reference[0, 0].numpy()]
    found = list(deep_values(html))
    assert len(found) == 3
    span = max(i.max() for i in images) - min(i.min() for i in images)
    for values, image in zip(found, images, strict=True):
        np.testing.assert_allclose(values, image, atol=2e-5 * span)
    assert "Ground truth" in html
    assert "<b>sirt</b></b>" not in html
    assert "&lt;b&gt;sirt&lt;/b&gt;" in html


def test_sinogram_and_residuals():
    run = carried_out(reference=False)
    html = report.sinograms(run)
    measured, first, _ = deep_values(html)
    y, physics = run.measurement.y, run.measurement.physics
    np.testing.assert_allclose(measured, y[0, 0], atol=1e-4)
    residual = y - physics.A(run.outcomes[1].image)
    np.testing.assert_allclose(first, residual[0, 0], atol=1e-4)
    share = 100 * float(residual.norm() / y.norm())
    assert f"residual, {share:.3g} % of the data" in html


@pytest.mark.parametrize(
    ("views", "bins", "factor", "words"),
    [
        (6, 60, 5, "each view drawn 5 rows high"),
        (60, 6, 5, "each bin drawn 5 columns wide"),
        (20, 30, 1, None),
    ],
)
def test_thin_strips_are_drawn_higher_and_it_is_said(views, bins, factor, words):
    scan = ParallelGeometry(np.arange(views) * np.pi / views, (8, 8), bins)
    physics = ParallelBeam.from_geometry(scan)
    y = torch.rand(1, 1, views, bins, generator=torch.Generator().manual_seed(0))
    run = execute(Run("few", Measurement(y, physics), (Method("ct.fbp", FBP()),)), history=False)
    html = report.sinograms(run)
    measured, residual = deep_values(html)
    expected = y[0, 0].numpy().repeat(factor, 0 if bins > views else 1)
    np.testing.assert_allclose(measured, expected, atol=1e-4)
    assert residual.shape == expected.shape
    assert ("drawn" in html) is (words is not None)
    assert words is None or html.count(words) == 2


def test_profiles_are_the_middle_row_and_column():
    html = report.profiles(carried_out())
    assert html.count("<svg") == 2
    assert html.count("<polyline") == 6
    assert "mm along the middle row" in html


def test_other_physics_and_failures_say_nothing():
    x = torch.rand(1, 1, 4, 4)
    run = execute(Run("no scan", Measurement(x, Identity((1, 4, 4))), ()), history=False)
    empty = Run("nothing yet", Measurement(HEAD.sinogram(SCAN).float(), ParallelBeam.from_geometry(SCAN)), ())
    for section in (report.slices, report.sinograms, report.profiles):
        assert section(run) == ""
        assert section(empty) == ""
        assert section(object()) == ""


def test_volumes_show_their_middle():
    from wellposed_ct import ConeBeam, ConeGeometry

    scan = ConeGeometry(np.arange(8) * np.pi / 4, (5, 12, 10), 100, 150, (6, 14), 1.5)
    physics = ConeBeam.from_geometry(scan)
    x = torch.rand(1, 1, 5, 12, 10, generator=torch.Generator().manual_seed(0))
    found = Measurement(physics.A(x), physics)
    run = execute(Run("cone", found, (Method("same", lambda y, physics: x),)), history=False)
    np.testing.assert_allclose(next(deep_values(report.slices(run))), x[0, 0, 2], atol=2e-5)
    assert "residual, 0 % of the data" in report.sinograms(run)


def test_the_page_has_all_three_and_a_fair_input(tmp_path):
    viz = pytest.importorskip("wellposed_viz", reason="pack viz draws the page")
    from wellposed_viz.run_report import HtmlReport

    assert viz.Report
    run = carried_out(reference=False)
    page = HtmlReport(details=0)(run, tmp_path)[0].read_text()
    for title in ("Slices, with level and width", "Sinogram and residuals", "Profiles"):
        assert f"<h2>{title}</h2>" in page
    assert "failed:" not in page
    assert "Back-projected input" in page
    # the back-projection is in units of the image: half the reconstruction's size, not a hundred times
    back, fbp = run.outcomes[0].image, run.outcomes[1].image
    assert 0.2 < float(back.max() / fbp.max()) < 1.5
    names = [s.name for s in registry.default().report_sections()]
    assert {"ct.slices", "ct.sinograms", "ct.profiles"} <= set(names)
