from __future__ import annotations

import os

import matplotlib
import numpy as np
import pytest
import torch
from PIL import Image

from wellposed.errors import OutputExistsError, ParameterError, SpaceError
from wellposed_viz import Box, Entry, convergence_figure, error_figure, panel_figure, save_figure
from wellposed_viz.convergence import wants_logarithm
from wellposed_viz.error_maps import error_map, shared_limit


@pytest.fixture
def truth():
    return torch.rand(1, 1, 24, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def entries(truth):
    return [
        Entry("Blurred input", truth * 0.5, psnr=20.0, ssim=0.5, is_input=True),
        Entry("Costs $5 & <more>", truth * 0.9, psnr=torch.tensor([31.256]), ssim=0.9123, history=[3, 2, 1]),
        Entry("_private", truth, history={"objective": [9.0, 0.01], "residual": [1.0, float("nan"), 0.5]}),
    ]


def texts(figure):
    figure.canvas.draw()  # what fails to draw must fail here
    return [t.get_text() for t in figure.texts]


def axes_named(figure, name):
    return [a for a in figure.axes if a.get_label() == name]


def test_panels_carry_names_and_scores(entries):
    shown = texts(panel_figure(entries))
    assert shown[:2] == ["Blurred input", "20.00 dB · SSIM 0.500"]
    assert shown[2:] == ["Costs $5 & <more>", "31.26 dB · SSIM 0.912", "_private"]


def test_panels_show_the_pixels_on_one_scale(entries, truth):
    figure = panel_figure(entries)
    for entry in entries:
        (axes,) = axes_named(figure, entry.method)
        image = axes.images[0]
        np.testing.assert_allclose(image.get_array(), entry.image[0, 0].numpy(), atol=1e-6)
        assert image.get_clim() == (0, 1)
        assert not axes.xaxis.get_ticklocs().size


def test_boxes_are_drawn_and_enlarged(entries, truth):
    boxes = [Box(2, 3, 8, 10), Box(10, 20, 6, 6)]
    figure = panel_figure(entries, boxes=boxes)
    (axes,) = axes_named(figure, "_private")
    frames = [(p.get_x() + 0.5, p.get_y() + 0.5, p.get_width(), p.get_height()) for p in axes.patches]
    assert frames == [(3, 2, 10, 8), (20, 10, 6, 6)]
    insets = axes_named(figure, "_private enlarged")
    for box, inset, patch in zip(boxes, insets, axes.patches, strict=True):
        np.testing.assert_allclose(inset.images[0].get_array(), truth[0, 0][box.slices].numpy(), atol=1e-6)
        assert inset.spines["top"].get_edgecolor() == patch.get_edgecolor()


def test_nothing_overlaps(entries):
    figure = panel_figure([*entries, *entries], boxes=[Box(0, 0, 8, 8)])
    figure.canvas.draw()
    spots = [a.get_position() for a in figure.axes]
    for i, a in enumerate(spots):
        assert a.x0 >= 0
        assert a.y0 >= 0
        for b in spots[i + 1 :]:
            assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0


def test_a_measurement_of_another_size_gets_no_box(truth):
    figure = panel_figure({"image": truth, "sinogram": torch.rand(1, 1, 8, 50)}, boxes=[Box(0, 0, 8, 8)])
    assert len(axes_named(figure, "image enlarged")) == 1
    assert not axes_named(figure, "sinogram enlarged")


def test_complex_and_colour_panels_draw():
    z = torch.randn(1, 1, 6, 6, dtype=torch.complex64)
    for part in ("magnitude", "phase"):
        panel_figure({"z": z}, part=part).canvas.draw()
    (axes,) = panel_figure({"colour": torch.rand(3, 6, 6)}).axes
    assert axes.images[0].get_array().shape == (6, 6, 3)


def test_impossible_panels_are_refused(truth):
    with pytest.raises(ParameterError, match="0 pictures and 0 boxes"):
        panel_figure({})
    with pytest.raises(ParameterError, match="1 pictures and 4 boxes"):
        panel_figure({"x": truth}, boxes=[Box(0, 0, 1, 1)] * 4)
    with pytest.raises(ParameterError, match="does not lie inside the image of 24 × 32"):
        panel_figure({"x": truth}, boxes=[Box(20, 0, 8, 8)])


def test_error_maps_are_absolute_differences():
    truth = torch.zeros(3, 1, 1)
    image = torch.tensor([3.0, 0.0, -4.0])[:, None, None]
    np.testing.assert_allclose(error_map(image, truth), [[5 / 3**0.5]])
    np.testing.assert_allclose(error_map(torch.tensor([[3 + 4j]]), torch.tensor([[0j]])), [[5.0]])
    with pytest.raises(SpaceError, match=r"\(2, 2\) has no error map against a reference of \(3, 3\)"):
        error_map(torch.zeros(2, 2), torch.zeros(3, 3))


def test_integer_images_do_not_wrap_around():
    low, high = torch.zeros(1, 1, dtype=torch.uint8), torch.full((1, 1), 200, dtype=torch.uint8)
    np.testing.assert_allclose(error_map(low, high), [[200.0]])


def test_error_maps_share_one_scale_and_one_bar(entries, truth):
    figure = error_figure(entries, truth)
    figure.canvas.draw()
    limits = {axes_named(figure, e.method)[0].images[0].get_clim() for e in entries}
    assert len(limits) == 1
    (low, high) = limits.pop()
    assert low == 0.0
    assert high == pytest.approx(shared_limit([error_map(e.image, truth) for e in entries]))
    (bar,) = axes_named(figure, "colour bar")
    assert bar.get_title(loc="left") == "|x̂ − x|"
    assert error_figure(entries, truth, limit=0.3).axes[0].images[0].get_clim() == (0.0, 0.3)


def test_one_diverged_method_does_not_flatten_the_others():
    fine = [np.full((4, 4), 0.1), np.full((4, 4), 0.2)]
    assert shared_limit([*fine, np.full((4, 4), 1e6)]) == pytest.approx(0.2)
    assert shared_limit([np.zeros((2, 2))]) == 1.0
    assert shared_limit([np.full((2, 2), np.nan)]) == 1.0


def test_an_error_figure_needs_a_picture(truth):
    with pytest.raises(ParameterError, match="No picture was given"):
        error_figure({}, truth)


def test_convergence_has_a_chart_per_quantity_and_a_line_per_method(entries):
    figure = convergence_figure(entries)
    assert texts(figure) == ["objective", "residual"]
    (objective,), (residual,) = axes_named(figure, "objective"), axes_named(figure, "residual")
    assert len(objective.lines) == 2
    np.testing.assert_array_equal(objective.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(objective.lines[0].get_ydata(), [3, 2, 1])
    assert objective.get_yscale() == "log"  # 9 to 0.01
    assert residual.get_yscale() == "linear"
    assert residual.lines[0].get_color() == objective.lines[1].get_color()
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["Costs $5 & <more>", "_private"]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([1, 31], True), ([1, 30], False), ([0, 1e9], False), ([-1, 5], False), ([float("inf"), 1, 2], False)],
)
def test_the_axis_is_logarithmic_where_it_helps(values, expected):
    assert wants_logarithm({"m": values}) is expected


def test_convergence_needs_a_history(truth):
    with pytest.raises(ParameterError, match="No history was given"):
        convergence_figure([Entry("x", truth)])
    with pytest.raises(ParameterError, match="No history was given"):
        convergence_figure({"x": [float("nan")]})


def test_a_mapping_of_plain_sequences_is_the_objective():
    assert texts(convergence_figure({"a": [2.0, 1.0], "b": {"objective": [1.0]}})) == ["objective"]


def test_global_settings_are_left_alone(entries, truth):
    before = dict(matplotlib.rcParams)
    panel_figure(entries).canvas.draw()
    error_figure(entries, truth).canvas.draw()
    convergence_figure(entries).canvas.draw()
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_saving_is_reproducible_and_atomic(tmp_path, entries, suffix):
    files = [save_figure(panel_figure(entries[:1]), tmp_path / f"{i}.{suffix}", dpi=40) for i in range(2)]
    if suffix != "svg":  # matplotlib draws random identifiers there unless it is given a salt
        assert files[0].read_bytes() == files[1].read_bytes()
    assert sorted(os.listdir(tmp_path)) == [f"0.{suffix}", f"1.{suffix}"]


def test_an_existing_file_is_kept_unless_asked(tmp_path, entries):
    path = tmp_path / "panels.png"
    path.write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="exists already"):
        save_figure(panel_figure(entries[:1]), path)
    assert path.read_bytes() == b"precious"
    save_figure(panel_figure(entries[:1]), path, overwrite=True, dpi=40)
    with Image.open(path) as picture:
        assert picture.format == "PNG"


def test_a_failing_save_leaves_nothing(tmp_path, entries, monkeypatch):
    figure = panel_figure(entries[:1])

    def fail(path, **_):
        path.write_bytes(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="disk full"):
        save_figure(figure, tmp_path / "x.png")
    assert os.listdir(tmp_path) == []
