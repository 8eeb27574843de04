"""The report of a run, and the photographs that demonstrations use."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from wellposed import Identity, Measurement, Space
from wellposed.operators import Convolution
from wellposed.runs import Method, Outcome, Run, RunFolder, write_reports
from wellposed_viz.photographs import FILES, Photograph
from wellposed_viz.run_report import HtmlReport


@pytest.fixture
def run():
    truth = torch.rand(1, 3, 30, 32, generator=torch.Generator().manual_seed(0))
    physics = Convolution(torch.full((3, 3), 1 / 9), (3, 30, 32))
    return Run(
        "Three <ways>",
        Measurement(physics(truth), physics, truth, {"source": "me.png"}),
        [Method("good", None), Method("bad & broken", None)],
        {},
        (
            Outcome("input", physics(truth), {"psnr": 20.0, "ssim": 0.5}),
            Outcome("good", truth * 0.9, {"psnr": 30.0}, 1.5, {"objective": [3.0, 1.0]}, {"weight": 2}),
            Outcome("bad & broken", error="it <exploded>"),
        ),
        seed=5,
    )


def test_everything_of_a_run_is_in_its_report(run, tmp_path):
    written = HtmlReport()(run, tmp_path)
    assert [p.name for p in written] == ["report.html", "comparison.png", "errors.png", "convergence.png"]
    page = written[0].read_text()
    for text in (
        "Three &lt;ways&gt;",
        "Measured input",
        "good",
        "weight = 2",
        "me.png",
        "the 28 × 30 pixels that were measured, of 30 × 32 reconstructed",
        "Methods that failed",
        "<strong>bad &amp; broken</strong>: it &lt;exploded&gt;",
        "10.00 dB above",
    ):
        assert text in page
    for path in written[1:]:
        with Image.open(path) as picture:
            picture.load()
    with pytest.raises(FileExistsError):
        HtmlReport()(run, tmp_path)
    HtmlReport(details=0)(run, tmp_path, overwrite=True)


def test_without_truth_or_history_there_is_less(run, tmp_path):
    bare = run.replace(measurement=run.measurement.replace(reference=None), outcomes=run.outcomes[:1])
    assert [p.name for p in HtmlReport()(bare, tmp_path)] == ["report.html", "comparison.png"]


def test_sections_of_packs_are_asked_about_the_run(run, tmp_path, monkeypatch):
    from wellposed import registry
    from wellposed.plugins import ReportSection, hookimpl

    class Pack:
        @hookimpl
        def report_sections(self):
            yield ReportSection("lab.seed", "tests_lab_sections:seed", "The seed")

    known = registry.isolated().add_pack("lab", Pack())
    monkeypatch.setattr(registry, "_default", known)
    monkeypatch.setattr(
        "wellposed_viz.report.sections._resolve", lambda target: lambda r: f"<p>seed {r.seed}</p>"
    )
    assert "<p>seed 5</p>" in HtmlReport()(run, tmp_path)[0].read_text()


@pytest.mark.parametrize("name", FILES)
def test_photographs(name):
    image = Photograph(name, size=32)[0]
    assert max(image.shape[1:]) == 32
    assert image.shape[0] in (1, 3)
    assert 0 <= float(image.min()) < float(image.max()) <= 1
    assert Photograph(name, size=32, grey=True)[0].shape[0] == 1


def test_a_photograph_is_scikit_images_own():
    skimage = pytest.importorskip("skimage.data")
    image = Photograph("camera")[0]
    assert torch.equal((image[0] * 255).round().to(torch.uint8), torch.from_numpy(skimage.camera()))
    assert len(Photograph()) == 1
    with pytest.raises(IndexError, match=r"the photograph 'camera' is number 0, and there is no 1"):
        Photograph("camera")[1]
    with pytest.raises(ValueError, match="'name' must be in"):
        Photograph("lena")


def scan(shape, dtype=torch.complex64, **changes):
    """Faint images with a few bright pixels, as MR images have them."""
    truth = (0.02 * torch.rand(shape, generator=torch.Generator().manual_seed(0))).to(dtype)
    truth[..., 0, 0] = 1.0
    physics = Identity(Space(shape[1:], dtype))
    outcomes = (Outcome("input", truth), Outcome("faint", 0.9 * truth, {"psnr": None}, 1.0))
    measurement = Measurement(truth, physics, **changes)
    return Run("Scan", measurement, [Method("faint", None)], {"psnr": None}, outcomes)


@pytest.mark.parametrize("shape", [(1, 1, 30, 32), (1, 1, 7, 30, 32), (1, 2, 30, 32)])
def test_complex_images_volumes_and_several_sets_become_pictures_that_one_can_see(shape, tmp_path):
    run = scan(shape)
    folder = RunFolder.open(tmp_path / "out")
    pages = write_reports(run, folder)
    text = pages[0].read_text()
    assert "Grey levels: black is 0 and white 0.01" in text
    assert "PSNR" not in text.partition("<script>")[0]
    assert "Back-projected input" in text
    with Image.open(tmp_path / "out" / "pictures" / "faint.png") as picture:
        assert picture.size == (32, 30)
        levels = torch.frombuffer(bytearray(picture.convert("L").tobytes()), dtype=torch.uint8).double()
    assert 100 < float(levels.median()) < 160
    low, high = json.loads((tmp_path / "out" / "results.json").read_text())["greys"]
    assert low == 0
    assert high == pytest.approx(0.018, rel=0.05)


def test_photographs_keep_their_scale_and_the_truth_sets_it(run):
    assert run.greys == (0.0, 1.0)
    bright = scan((1, 1, 30, 32), torch.float32).replace(outcomes=())
    truth = 300 * torch.rand(1, 1, 30, 32, generator=torch.Generator().manual_seed(1))
    known = bright.replace(measurement=bright.measurement.replace(reference=truth))
    assert known.greys[1] == pytest.approx(float(truth.flatten().quantile(0.995)), rel=1e-2)
