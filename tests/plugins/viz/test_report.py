from __future__ import annotations

import hashlib
import io
import os
import re
from base64 import b64decode, b64encode
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from wellposed.errors import OutputExistsError
from wellposed_viz import Entry, Report, Section
from wellposed_viz.scores import caption, decibels, seconds, similarity

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\"'&{{7*7}}$\\frac$-->"
VOID = {"meta", "link", "img", "input", "br", "hr", "wbr"}
NOBODY = SimpleNamespace(report_sections=list)


class Page(HTMLParser):
    """Elements with their attributes, and the text of each; raises on tags that do not nest."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "script") and data.strip():
            self.texts.append(" ".join(data.split()))

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def truth():
    return torch.rand(1, 1, 16, 20, generator=torch.Generator().manual_seed(0))


def make(truth, name="Wiener", **changes):
    entries = [
        Entry("Blurred input", truth * 0.5, psnr=20.0, ssim=0.95, seconds=1e-9, is_input=True),
        Entry(name, truth * 0.9, 28.0, 0.8, 2.5, history=[3.0, 1.0], settings={name: name}),
        Entry("Slow", truth, float("inf"), None, 75.0),
    ]
    arguments = {
        "title": "Camera shake",
        "problem": {"Noise": "Gaussian", "Kernel": torch.eye(5)},
        "reference": truth,
        "entries": entries,
        "provenance": {"seed": 0, "config": {"noise": {"level": 0.02}}},
    }
    return Report(**{**arguments, **changes})


def test_the_page_parses_and_says_everything(truth):
    page = Page(make(truth).html(registry=NOBODY))
    said = page.texts
    for text in ("Camera shake", "Gaussian", "Wiener", "28.00", "0.800", "2.50", "75.00", "∞"):
        assert text in said
    assert said[said.index("config.noise.level") :][:2] == ["config.noise.level", "0.02"]
    assert "Slow comes closest to the truth: ∞ dB, ∞ dB above the measured input." in said


def test_the_page_needs_no_network(truth):
    text = make(truth).html(registry=NOBODY)
    assert "http:" not in text
    assert "https:" not in text
    page = Page(text)
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "data", "action", "poster"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#"))
    assert "url(" not in re.sub(r"url\(#", "", text)
    assert "@import" not in text


def test_the_content_policy_allows_this_script_only(truth):
    text = make(truth).html(registry=NOBODY)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = next(a["content"] for a in Page(text).all("meta") if "http-equiv" in a)
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_pictures_are_inlined_once_and_are_the_images(truth):
    text = make(truth).html(registry=NOBODY)
    sources = [a["src"] for a in Page(text).all("img") if a.get("class") == "picture"]
    assert len(sources) == 4  # three methods and the truth
    assert all(text.count(source) == 1 for source in sources[:2])
    blurred = np.asarray(Image.open(io.BytesIO(b64decode(sources[0].partition(",")[2])))) / 255
    np.testing.assert_allclose(blurred, 0.5 * truth[0, 0].numpy(), atol=0.6 / 255)


def test_error_maps_need_a_reference_of_the_same_shape(truth):
    def errors(report):
        return [a for a in Page(report.html(registry=NOBODY)).all("img") if a.get("class") == "error"]

    assert len(errors(make(truth))) == 3
    assert not errors(make(truth, reference=None))
    mixed = [Entry("sinogram", torch.rand(1, 1, 4, 4), is_input=True), Entry("FBP", truth * 0.9)]
    assert len(errors(make(truth, entries=mixed))) == 1


def test_what_says_nothing_is_left_out(truth):
    text = make(truth).html(registry=NOBODY)
    assert "Settings" in Page(text).texts
    assert 'class="badge"' not in text  # "Blurred input" says so itself
    entries = [Entry("Camera", truth, is_input=True), Entry("a", truth, history=[3.0, 1.0])]
    text = make(truth, entries=entries).html(registry=NOBODY)
    assert "Settings" not in Page(text).texts
    assert 'class="badge"' in text


@pytest.mark.parametrize(
    ("objective", "told"), [([3.0, 1.0], False), ([3.0, 1.0, 1.0001], False), ([1, 2], True)]
)
def test_an_objective_that_rises_is_explained(truth, objective, told):
    text = make(truth, entries=[Entry("a", truth, history=objective)]).html(registry=NOBODY)
    assert ("cycle spinning" in text) is told


def test_lines_end_after_an_equals_sign_and_not_within_a_number(truth):
    text = make(truth, name="a.b_c", problem={"Noise": "Gaussian(sigma=0.01)<"}).html(registry=NOBODY)
    assert "<span>Gaussian(sigma=<wbr>0.01)&lt;</span>" in text
    assert ">a.<wbr>b_<wbr>c</button>" in text


def test_long_facts_have_room(truth):
    text = make(truth, problem={"Physics": "x" * 41, "Noise": "Gaussian"}).html(registry=NOBODY)
    assert [a.get("class") for a in Page(text).all("div")[:2]] == ["long", None]


def test_the_input_is_marked_and_never_best(truth):
    text = make(truth).html(registry=NOBODY)
    rows = re.findall(r"<tr.*?</tr>", text, re.DOTALL)
    blurred = next(r for r in rows if "Blurred input" in r)
    wiener = next(r for r in rows if ">Wiener<" in r)
    assert 'class="input"' in blurred
    assert "best" not in blurred  # though it has the best SSIM and time
    assert len(re.findall(r'class="number best"', wiener)) == 2  # SSIM, time


def test_hostile_text_stays_text(truth):
    report = make(
        truth,
        HOSTILE,
        title=HOSTILE,
        problem={HOSTILE: HOSTILE},
        provenance={HOSTILE: {HOSTILE: HOSTILE}},
    )
    text = report.html(registry=NOBODY)
    page = Page(text)
    assert len(page.all("script")) == 1
    assert not [a for _, a in page.elements if "onerror" in a]
    assert "<script>alert" not in text
    assert HOSTILE in page.texts
    assert "49" not in page.texts
    assert any(a.get("alt") == HOSTILE for a in page.all("img"))


@pytest.mark.parametrize("quantity", [HOSTILE, "a --> b", "_x", "$\\undefined$", "]]>"])
def test_hostile_curve_names_stay_text(truth, quantity):
    entry = Entry("m", truth, history={quantity: [1.0, 2.0]})
    page = Page(make(truth, entries=[entry]).html(registry=NOBODY))
    assert len(page.all("script")) == 1
    assert any(t.startswith(quantity[:20]) for t in page.texts)


def test_sections_of_the_caller_and_of_packs_appear_in_order(truth):
    records = [
        SimpleNamespace(name="a.good", summary="Good", target=f"{__name__}:say"),
        SimpleNamespace(name="a.silent", summary="Silent", target=f"{__name__}:nothing"),
        SimpleNamespace(name="a.bad", summary="Bad", target=f"{__name__}:fail"),
        SimpleNamespace(name="a.gone", summary="Gone", target="wellposed_nowhere.at:all"),
    ]
    registry = SimpleNamespace(report_sections=lambda: records)
    report = make(truth, sections=[Section("Mine", "<p>own words</p>")])
    said = Page(report.html(registry=registry)).texts
    assert said.index("own words") < said.index("3 entries seen")
    assert "Silent" not in said
    assert "a.bad failed: ValueError: <b>no</b>" in said
    assert any(t.startswith("a.gone failed: ModuleNotFoundError") for t in said)


def say(report):
    return f"<p>{len(report.entries)} entries seen</p>"


def nothing(report):
    return ""


def fail(report):
    raise ValueError("<b>no</b>")


def test_the_process_registry_is_asked_by_default(truth):
    assert Page(make(truth).html()).texts


def test_the_lead_can_be_given_and_may_be_missing(truth):
    assert "Mine." in Page(make(truth, lead="Mine.").html(registry=NOBODY)).texts
    bare = make(truth, entries=[Entry("x", truth)])
    assert not [t for t in Page(bare.html(registry=NOBODY)).texts if "closest" in t]
    alone = make(truth, entries=[Entry("x", truth, psnr=30.0)])
    assert "x comes closest to the truth: 30.00 dB." in Page(alone.html(registry=NOBODY)).texts


def test_an_empty_report_is_still_a_page(truth):
    page = Page(Report("Nothing", {}, None, []).html(registry=NOBODY))
    assert "Nothing" in page.texts
    assert not page.all("table")


def test_colour_and_complex_images_are_shown():
    for image in (torch.rand(1, 3, 8, 8), torch.randn(1, 1, 8, 8, dtype=torch.complex64)):
        page = Page(make(image).html(registry=NOBODY))
        assert len([a for a in page.all("img") if a.get("class") == "picture"]) == 4


def test_two_runs_give_the_same_page(truth):
    assert make(truth).html(registry=NOBODY) == make(truth).html(registry=NOBODY)


def test_saving_is_atomic_and_keeps_what_is_there(tmp_path, truth, monkeypatch):
    path = make(truth).save(tmp_path / "report.html", registry=NOBODY)
    old = path.read_bytes()
    assert old.startswith(b"<!doctype html>")
    with pytest.raises(OutputExistsError, match="exists already"):
        make(truth).save(path, registry=NOBODY)
    monkeypatch.setattr(os, "fsync", lambda fd: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        make(truth, title="New").save(path, overwrite=True, registry=NOBODY)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_notebook_shows_the_page_in_a_frame(truth):
    page = Page(make(truth)._repr_html_())
    assert [name for name, _ in page.elements] == ["iframe"]
    assert page.all("iframe")[0]["srcdoc"].startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (-1.5, "−1.50 dB"), (float("inf"), "∞ dB"), (float("-inf"), "−∞ dB")],
)
def test_decibels(value, text):
    assert decibels(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0004, "< 0.01 s"),
        (0.0999, "0.10 s"),
        (0.1, "0.10 s"),
        (59.0, "59.00 s"),
        (185.2, "185.20 s"),
    ],
)
def test_seconds(value, text):
    assert seconds(value) == text


def test_captions_leave_out_what_is_unknown():
    assert similarity(0.84567) == "0.846"
    assert caption(27.0, None) == "27.00 dB"
    assert caption(None, 0.5) == "SSIM 0.500"
    assert caption(None, None) == ""


def test_scores_that_nothing_has_get_no_column(truth):
    blind = [Entry("A", truth, seconds=1.0), Entry("B", truth, seconds=2.0)]
    texts = Page(make(truth, reference=None, entries=blind).html(registry=NOBODY)).texts
    assert "Time" in texts
    assert not {"PSNR", "SSIM"} & set(texts)
    assert not any("Higher PSNR" in text for text in texts)
    assert {"PSNR", "SSIM", "Time"} <= set(Page(make(truth).html(registry=NOBODY)).texts)


def test_a_scale_other_than_that_of_photographs_is_told(truth):
    page = make(truth, window=(0.0, 0.0321)).html(registry=NOBODY)
    assert "Grey levels: black is 0 and white 0.0321 in all pictures" in page
    assert 'id="greys"' not in make(truth).html(registry=NOBODY)


def test_large_pictures_are_reduced_and_the_page_says_where_they_are_whole():
    image = torch.rand(1, 3, 1500, 2100, generator=torch.Generator().manual_seed(0))
    report = make(image, entries=[Entry("Large", image * 0.9)], full_size="pictures")
    text = report.html(registry=NOBODY)
    page = Page(text)
    assert "Pictures of 2100 × 1500 pixels are reduced to 700 × 500 here" in text
    assert "the folder <i>pictures</i> beside this page has them in full" in text
    shown = [a for a in page.all("img") if a.get("class") == "picture"]
    assert [(a["width"], a["height"]) for a in shown] == [("700", "500")] * 2
    pixels = np.asarray(Image.open(io.BytesIO(b64decode(shown[0]["src"].partition(",")[2]))))
    expected = torch.nn.functional.avg_pool2d(image * 0.9, 3)[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(pixels / 255, expected, atol=0.6 / 255)
    assert len(text) < 6e6
    thin = make(image[..., :2, :], entries=[]).html(registry=NOBODY)
    assert "Pictures of 2100 × 2 pixels are reduced to 700 × 1 here" in thin
