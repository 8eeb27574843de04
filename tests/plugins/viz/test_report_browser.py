"""The report in a real browser: nothing is fetched, nothing is logged, and everything moves."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wellposed_viz import Entry, Report, Section

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1100,900",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BROWSER and DRIVER), reason="no chromium with chromedriver is installed"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    truth = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    entries = [
        Entry("Blurred <input>", truth * 0.5, 20.0, 0.5, 0.001, is_input=True),
        Entry("Slow & good", truth * 0.95, 31.0, 0.9, 12.0, history=[9.0, 1.0, 0.1]),
        Entry("fast", truth * 0.8, 25.5, 0.8, 0.02),
        Entry("no time", truth * 0.7, 9.25, float("nan"), None),
    ]
    spy = Section("Careless", '<img src="https://example.org/spy.png"><img src=x onerror="document.title=1">')
    report = Report("Browser check", {"Kernel": torch.eye(5)}, truth, entries, {"seed": 0})
    hostile = Report("Hostile", {}, truth, entries, sections=[spy])
    registry = SimpleNamespace(report_sections=list)
    folder = tmp_path_factory.mktemp("report")
    return SimpleNamespace(
        good=report.save(folder / "good.html", registry=registry).as_uri(),
        hostile=hostile.save(folder / "hostile.html", registry=registry).as_uri(),
    )


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    # The driver's own path, so that selenium does not look for one to download.
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def page(browser, address):
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(address.good)
    yield browser
    assert browser.get_log("browser") == []


def requests(browser, document):
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    # The browser's own start page, still loading behind, is not the report's doing.
    return {s["request"]["url"] for s in sent if s["documentURL"] == document}


def evaluate(page, expression):
    return page.execute_script(f"return {expression}")


def methods(page):
    return evaluate(page, "[...document.querySelectorAll('#scores .pick')].map(b => b.textContent)")


def sort_by(page, column):
    page.execute_script(f"document.querySelectorAll('#scores thead button')[{column}].click()")
    return methods(page)


def split(page):
    return float(evaluate(page, "document.getElementById('stage').style.getPropertyValue('--split')"))


def test_nothing_is_fetched(page, address):
    assert {url for url in requests(page, address.good) if not url.startswith("data:")} == {address.good}


def test_all_pictures_decode(page):
    images = "[...document.querySelectorAll('#gallery img, #stage img')]"
    sizes = evaluate(page, f"{images}.map(i => [i.naturalWidth, i.naturalHeight])")
    assert len(sizes) == 5 + 4 + 2
    assert {tuple(s) for s in sizes} == {(48, 32)}


def test_the_policy_stops_what_a_careless_section_tries(browser, address):
    browser.get_log("performance")
    browser.get(address.hostile)
    assert browser.title == "Hostile"
    blocked = " ".join(entry["message"] for entry in browser.get_log("browser"))
    assert "spy.png" in blocked
    assert "Content Security Policy" in blocked


def test_the_table_sorts_and_unknown_values_come_last(page):
    original = methods(page)
    assert original == ["Blurred <input>", "Slow & good", "fast", "no time"]
    assert sort_by(page, 1) == ["Slow & good", "fast", "Blurred <input>", "no time"]
    assert sort_by(page, 1) == ["no time", "Blurred <input>", "fast", "Slow & good"]
    assert sort_by(page, 2) == ["Slow & good", "fast", "Blurred <input>", "no time"]
    assert sort_by(page, 3) == ["Blurred <input>", "fast", "Slow & good", "no time"]
    assert sort_by(page, 3) == ["Slow & good", "fast", "Blurred <input>", "no time"]
    sorts = evaluate(page, "[...document.querySelectorAll('#scores th[aria-sort]')].map(h => h.ariaSort)")
    assert sorts == ["none", "none", "none", "descending"]
    assert sort_by(page, 0) == ["Blurred <input>", "fast", "no time", "Slow & good"]


def test_the_comparison_begins_with_input_and_best(page):
    assert page.find_element("id", "left-name").text == "Blurred <input>"
    assert page.find_element("id", "right-name").text == "Slow & good"


def test_the_divider_follows_the_pointer(page):
    stage = page.find_element("id", "stage")
    width = stage.size["width"]
    mouse = webdriver.ActionChains(page)
    mouse.move_to_element(stage).click_and_hold().move_by_offset(int(width * 0.25), 0).release().perform()
    assert split(page) == pytest.approx(75, abs=1)
    clip = page.execute_script("return getComputedStyle(document.querySelector('.clipped')).clipPath")
    assert "25" in clip


def test_the_divider_follows_a_finger(page):
    box = page.find_element("id", "stage").rect
    page.execute_script("document.getElementById('stage').scrollIntoView({behavior: 'instant'})")
    top = page.execute_script("return document.getElementById('stage').getBoundingClientRect().top")
    y = top + box["height"] / 2

    def touch(kind, fraction):
        points = [] if fraction is None else [{"x": box["x"] + fraction * box["width"], "y": y}]
        page.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", 0.5)
    touch("touchMove", 0.35)
    touch("touchMove", 0.2)
    touch("touchEnd", None)
    assert split(page) == pytest.approx(20, abs=2)


def test_the_divider_follows_the_keyboard(page):
    keys = webdriver.Keys
    before = split(page)
    slider = page.find_element("id", "split")
    page.execute_script("arguments[0].focus()", slider)
    webdriver.ActionChains(page).send_keys(keys.ARROW_LEFT * 4).perform()
    assert split(page) == before - 2
    webdriver.ActionChains(page).send_keys(keys.HOME).perform()
    assert split(page) == 0
    assert slider.get_attribute("aria-valuetext") == "0 percent left picture"


def test_any_pair_can_be_chosen(page):
    select = page.find_element("id", "left")
    next(o for o in select.find_elements("tag name", "option") if o.text == "Ground truth").click()
    assert page.find_element("id", "left-name").text == "Ground truth"
    page.find_element("css selector", "[data-pick='2']").click()
    assert page.find_element("id", "right-name").text == "fast"
    same = page.execute_script(
        "return document.getElementById('right-image').src ==="
        " document.querySelectorAll('#gallery .picture')[2].src"
    )
    assert same


def place(page, index):
    return page.execute_script(
        "const r = document.querySelectorAll('#gallery .picture')[arguments[0]].getBoundingClientRect();"
        "const v = document.querySelectorAll('#gallery .view')[arguments[0]].getBoundingClientRect();"
        "return [(r.left - v.left) / v.width, (r.top - v.top) / v.height, r.width / v.width]",
        index,
    )


def test_zoom_and_pan_move_all_pictures_together(page):
    page.execute_script("document.querySelector('#zoom input[value=\"2\"]').click()")
    assert place(page, 0) == pytest.approx([-0.5, -0.5, 2], abs=0.01)
    view = page.find_elements("css selector", "#gallery .view")[1]
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", view)
    width = view.size["width"]
    webdriver.ActionChains(page).move_to_element(view).click_and_hold().move_by_offset(
        int(width * 0.25), 0
    ).release().perform()
    for index in (0, 1, 4):
        assert place(page, index) == pytest.approx([-0.25, -0.5, 2], abs=0.02)
    page.execute_script("arguments[0].focus()", view)
    webdriver.ActionChains(page).send_keys(webdriver.Keys.ARROW_LEFT * 20).perform()
    assert place(page, 3)[0] == pytest.approx(0, abs=0.01)  # stops at the border
    webdriver.ActionChains(page).send_keys("-").perform()
    assert place(page, 3) == pytest.approx([0, 0, 1], abs=0.01)


def test_errors_replace_pictures_and_bring_their_scale(page):
    assert not page.find_element("id", "scale").is_displayed()
    page.execute_script("document.querySelector('#show input[value=error]').click()")
    assert page.find_element("id", "scale").is_displayed()
    shown = page.execute_script(
        "return [...document.querySelectorAll('#gallery .error')].map(e => getComputedStyle(e).visibility)"
    )
    assert set(shown) == {"visible"}


@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_no_width_scrolls_sideways(page, width):
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_dark_pages_are_dark(page):
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        paper, ink = page.execute_script(
            "const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]"
        )
    finally:
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    assert paper == "rgb(19, 21, 23)"
    assert ink == "rgb(233, 235, 236)"


DEEP = """
<div class="windowed" data-least="0" data-most="1" data-black="0" data-white="1"><div class="row"><figure>
<img src="{plain}" alt="ramp"><img src="{deep}" alt="ramp" data-low="0" data-high="1"></figure></div></div>
"""


def test_level_and_width_of_sixteen_bits(browser, tmp_path):
    from wellposed_viz.pixels import data_uri, png

    levels = np.array([[0, 100, 32768, 65535]])
    deep = np.stack([levels >> 8, levels & 255, 0 * levels], -1) / 255.0
    section = Section("Deep", DEEP.format(plain=data_uri(png(deep[..., 0])), deep=data_uri(png(deep))))
    path = Report("Windowed", {}, None, [], sections=[section]).save(
        tmp_path / "windowed.html", registry=SimpleNamespace(report_sections=list)
    )
    browser.get_log("browser")
    browser.get(path.as_uri())

    def grey(level=None, width=None):
        return browser.execute_async_script(
            """
            const [level, width, done] = arguments;
            const ready = () => {
              const canvas = document.querySelector(".windowed canvas");
              const sliders = [...document.querySelectorAll(".windowed input")];
              if (!canvas || sliders.length < 2) return setTimeout(ready, 20);
              [level, width].forEach((value, i) => {
                if (value === null) return;
                sliders[i].value = value;
                sliders[i].dispatchEvent(new Event("input"));
              });
              const data = canvas.getContext("2d").getImageData(0, 0, 4, 1).data;
              done([0, 1, 2, 3].map((i) => data[4 * i]));
            };
            ready();
            """,
            level,
            width,
        )

    assert grey() == [0, 0, 128, 255]
    # a window of 1/100 about 0 shows 100/65535, which eight bits would not hold
    assert grey(0, 10) == [128, 166, 255, 255]
    browser.find_element("css selector", ".windowed .reset").click()
    assert grey() == [0, 0, 128, 255]
    assert browser.get_log("browser") == []
