"""Sections of the report: there for MRI runs of every kind, silent for others; pictures are right."""

from __future__ import annotations

import base64
import io
import math
import re

import numpy as np
import pytest
import torch
from imageio.v3 import imread

from wellposed.measurement import Measurement
from wellposed.operators import Identity
from wellposed.runs import Method, Run, execute
from wellposed.spaces import Space
from wellposed_mri import (
    CartesianMRI,
    MultiCoilMRI,
    NonCartesianMRI,
    birdcage_maps,
    brain,
    radial,
    spin_echo,
)
from wellposed_mri.coils import g_factor
from wellposed_mri.report import coils, images, png, sampling

SOURCE = re.compile(r'src="data:image/png;base64,([^"]+)" alt="([^"]*)"')


def pictures(html):
    return {alt: imread(io.BytesIO(base64.b64decode(data))) for data, alt in SOURCE.findall(html)}


def decoded(address):
    return imread(io.BytesIO(base64.b64decode(address.partition(",")[2])))


def run_of(physics, image, reference=True):
    measurement = Measurement(physics(image), physics, reference=image if reference else None)
    return execute(Run("Test", measurement, [Method.of("mri.zero_filled")]))


@pytest.fixture(scope="module")
def image():
    return brain(spin_echo(600, 15)).image(32).to(torch.complex64)[None, None]


def test_pictures_are_what_they_say():
    values = torch.linspace(0, 2, 6).reshape(2, 3)
    shown = decoded(png.grey(values, 0, 1))
    np.testing.assert_array_equal(shown, [[0, 102, 204], [255, 255, 255]])
    phase = torch.tensor([[0.0, 2 * math.pi / 3, 4 * math.pi / 3, 0.0]])
    light = torch.tensor([[1.0, 1, 1, 0]])
    wheel = decoded(png.wheel(phase, light))
    assert wheel[0, :3].argmax(-1).tolist() == [0, 1, 2]
    assert wheel[0, 3].tolist() == [0, 0, 0]
    heat = imread(
        io.BytesIO(base64.b64decode(png.heat(torch.tensor([[0.0, 1 / 3, 1.0]]), 0, 1).partition(",")[2]))
    )
    assert heat[0].tolist() == [[0, 0, 0], [255, 0, 0], [255, 255, 255]]


def test_a_cartesian_run_has_all_pictures(image):
    mask = (torch.arange(32) % 2 == 0).float()
    done = run_of(MultiCoilMRI(birdcage_maps(5, (32, 32)), mask), image)
    found = pictures(images(done))
    assert {"Reference: magnitude", "mri.zero_filled: magnitude", "mri.zero_filled: phase"} <= set(found)
    assert any("error, 0 to" in name for name in found)
    pattern = next(v for k, v in pictures(sampling(done)).items() if "acceleration 2" in k)
    np.testing.assert_array_equal(pattern, np.broadcast_to(255 * mask.numpy(), (32, 32)))
    kspace = next(v for k, v in pictures(sampling(done)).items() if "k-space" in k)
    assert kspace[16, 16] == 255
    assert (kspace[:, 1::2] == 0).all()
    montage = pictures(coils(done))
    assert {name: p.shape for name, p in montage.items()} == {
        "Coil images: 5 coils": (64, 96, 3),
        "Coil maps: 5 coils": (64, 96, 3),
    }


def test_a_regular_pattern_shows_its_g_factor(image):
    mask = (torch.arange(32) % 2 == 0).float()
    maps = birdcage_maps(5, (32, 32))
    done = run_of(MultiCoilMRI(maps, mask), image)
    name, shown = next((k, v) for k, v in pictures(images(done)).items() if "g-factor" in k)
    wanted = g_factor(MultiCoilMRI(maps, mask))[0, 0]
    assert f"1 to {float(wanted.quantile(0.98)):.3g}" in name
    assert shown[tuple(divmod(int(wanted.argmax()), 32))].tolist() == [255, 255, 255]
    mask[14:18] = 1  # with calibration lines too
    scan = MultiCoilMRI(maps, mask)
    name, shown = next((k, v) for k, v in pictures(images(run_of(scan, image))).items() if "g-factor" in k)
    assert f"1 to {float(g_factor(scan).quantile(0.98)):.3g}" in name
    assert shown.shape == (32, 32, 3)
    assert "g-factor" not in images(run_of(MultiCoilMRI(maps), image))
    dots = (torch.rand(32, 32, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    assert "g-factor" not in images(run_of(MultiCoilMRI(maps, dots), image))


def test_a_page_shows_every_nth_line_of_the_g_factor(image):
    maps = birdcage_maps(4, (192, 24))
    mask = ((torch.arange(24) % 3 == 0) | ((torch.arange(24) - 12).abs() < 2)).float()
    scan = MultiCoilMRI(maps, mask)
    wide = torch.ones(1, 1, 192, 24, dtype=torch.complex64)
    name, shown = next((k, v) for k, v in pictures(images(run_of(scan, wide))).items() if "g-factor" in k)
    assert shown.shape == (192, 24, 3)
    assert f"1 to {float(g_factor(scan)[..., ::3, :].quantile(0.98)):.3g}" in name


def test_trajectories_volumes_and_g_factors(image):
    spokes = radial(9, 32, 32)
    done = run_of(NonCartesianMRI(birdcage_maps(2, (32, 32)), spokes), image, reference=False)
    assert any("9 × 32 samples, to ±16 cycles/FOV" in name for name in pictures(sampling(done)))
    assert not any("error" in name for name in pictures(images(done)))
    volume = image[:, :, None].repeat(1, 1, 3, 1, 1)
    mask = torch.zeros(3, 32, 1)
    mask[1] = 1
    solid = run_of(MultiCoilMRI(birdcage_maps(2, (3, 32, 32)), mask, dims=3), volume)
    pattern = next(v for k, v in pictures(sampling(solid)).items() if "partitions × rows" in k)
    np.testing.assert_array_equal(pattern, np.repeat([[0], [255], [0]], 32, 1))
    assert pictures(coils(solid))
    single = run_of(CartesianMRI(torch.ones(32, 32)), image)
    assert coils(single) == ""
    given = Measurement(
        single.measurement.y, single.measurement.physics, meta={"g_factor": torch.ones(32, 32)}
    )
    assert "g-factor" in images(execute(Run("g", given, [Method.of("mri.zero_filled")])))


def test_other_runs_are_left_alone(image):
    physics = Identity(Space((1, 32, 32)))
    measurement = Measurement(image.real, physics)
    done = Run("Other", measurement, ())
    assert images(done) == sampling(done) == coils(done) == ""


def test_the_page_shows_them(image):
    viz = pytest.importorskip("wellposed_viz", reason="writes the page")
    done = run_of(MultiCoilMRI(birdcage_maps(4, (32, 32))), image)
    page = viz.Report("MRI", {}, None, [], subject=done).html()
    for title in ("Magnitude, phase and error", "Sampling and k-space", "Coils"):
        assert f"<h2>{title}</h2>" in page
    assert "failed" not in page.partition("<main>")[2]
