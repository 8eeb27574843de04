"""Corrections undo the fault that they are for, measurably, and leave clean data alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
import scipy.ndimage
import torch

from wellposed import registry
from wellposed.errors import ParameterError, SpaceError, StructureError
from wellposed.operators import Identity
from wellposed_ct import FBP, FanBeam, FanGeometry, ParallelBeam, ParallelGeometry, disc, shepp_logan
from wellposed_ct import corrections as c
from wellposed_ct.phantoms import Ellipses

SCAN = ParallelGeometry(np.arange(180) * np.pi / 180, (96, 96), 128)
HEAD = shepp_logan(42).scaled(1, 0.02)
HEAD = Ellipses(HEAD.rows + torch.tensor([0, 0, 0, 4.0, -3.0, 0.0], dtype=torch.float64))
CLEAN = HEAD.sinogram(SCAN).float()
PHYSICS = ParallelBeam.from_geometry(SCAN)
RNG = np.random.default_rng(0)


def gauss(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def error(y, truth=CLEAN):
    return float((y - truth).norm() / truth.norm())


# --- counts ----------------------------------------------------------------------------------------------


def counts(photons=2e4):
    gain = 1 + 0.3 * RNG.random(128)
    dark = 40 + 20 * RNG.random(128)
    expected = photons * gain * np.exp(-CLEAN[0, 0].numpy()) + dark
    flats = np.stack([RNG.poisson(photons * gain + dark) for _ in range(20)])
    darks = np.stack([RNG.poisson(dark) for _ in range(20)])
    return [torch.from_numpy(a.astype(np.int32)) for a in (RNG.poisson(expected), flats, darks)]


def test_flats_and_darks_give_line_integrals():
    raw, flats, darks = counts()
    y, physics = c.FlatDark(flats, darks)(raw[None, None], PHYSICS)
    assert physics is PHYSICS
    # what Poisson noise leaves: √(1/n + 1/20n₀) nepers
    assert float((y - CLEAN).std()) < 1.3 * math.sqrt(1 / (2e4 * math.exp(-float(CLEAN.max()))))
    assert float((y - CLEAN).mean()) == pytest.approx(0, abs=2e-3)


def test_bins_that_do_not_respond_are_filled_with_a_warning():
    raw, flats, darks = counts()
    raw[:, 60], flats[:, 60], darks[:, 60] = 7, 7, 7
    with pytest.warns(UserWarning, match="1 of 128 detector bins do not respond"):
        passed = c.transmission(raw, flats, darks)
    np.testing.assert_allclose(passed[:, 60], (passed[:, 59] + passed[:, 61]) / 2, rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        (lambda r, f, d: (r, f[:, :100], d), SpaceError, "flats have 100 bins, but the counts have 128"),
        (lambda r, f, d: (r, f, d[:, :-1]), SpaceError, "darks have 127 bins"),
        (lambda r, f, d: (r - 10**6, f, d), ParameterError, "counts are negative .* photons are not"),
        (lambda r, f, d: (r * math.nan, f, d), ParameterError, "23040 of 23040 counts are NaN"),
        (lambda r, f, d: (r, d, f), ParameterError, "are flats and darks swapped"),
    ],
)
def test_bad_counts_get_a_sentence(change, kind, message):
    with pytest.raises(kind, match=message):
        c.transmission(*change(*counts()))


# --- zingers ---------------------------------------------------------------------------------------------


def test_zingers_are_replaced_and_nothing_else():
    noisy = CLEAN + 0.01 * gauss(*CLEAN.shape)
    hit = torch.rand(CLEAN.shape, generator=torch.Generator().manual_seed(1)) < 0.005
    found = c.remove_zingers(torch.where(hit, noisy - 1.5, noisy))
    assert error(found, noisy) < 0.05 * error(torch.where(hit, noisy - 1.5, noisy), noisy)
    assert bool((found == noisy)[~hit].float().mean() > 0.999)
    assert error(c.remove_zingers(CLEAN)) < 0.01


# --- rings -----------------------------------------------------------------------------------------------

RINGS = {
    "sorting": (c.SortingRings(), 0.4, 0.05),
    "wavelet": (c.WaveletRings(), 0.7, 0.11),
    "regularised": (c.RegularisedRings(), 0.65, 0.07),
}


def striped():
    hit = torch.rand(128, generator=torch.Generator().manual_seed(3)) < 0.2
    return CLEAN + torch.where(hit, 0.06 * gauss(128, seed=4), 0.0)


@pytest.mark.parametrize("name", RINGS)
def test_rings_are_reduced_and_clean_sinograms_kept(name):
    correction, left, harm = RINGS[name]
    fixed, physics = correction(striped(), PHYSICS)
    assert physics is PHYSICS
    truth, rings, image = (FBP("hann")(y, PHYSICS) for y in (CLEAN, striped(), fixed))
    assert error(image, truth) < left * error(rings, truth), (error(image, truth), error(rings, truth))
    assert error(FBP("hann")(correction(CLEAN, PHYSICS)[0], PHYSICS), truth) < harm


def test_sorting_equals_its_definition_in_numpy():
    y = striped()[0, 0].numpy()
    order = y.argsort(0, kind="stable")
    smooth = scipy.ndimage.median_filter(np.take_along_axis(y, order, 0), (1, 21), mode="nearest")
    expected = np.empty_like(y)
    np.put_along_axis(expected, order, smooth, 0)
    np.testing.assert_allclose(c.remove_rings_sorting(torch.from_numpy(y), 21), expected, atol=1e-6)


def test_regularised_rings_minimise_their_objective():
    y = striped()[0, 0].double()
    n = y.shape[-1]
    d = np.diff(np.eye(n), axis=0)
    mean = y.mean(0).numpy()
    h = np.linalg.solve(d.T @ d + np.eye(n), d.T @ d @ mean)
    np.testing.assert_allclose(y - c.remove_rings_regularised(y), np.broadcast_to(h, y.shape), atol=1e-10)


def test_samples_and_shapes_are_independent():
    y = torch.stack([striped()[0], CLEAN[0], 2 * striped()[0]])[..., :101]
    for correction in (*[r[0] for r in RINGS.values()], c.Zingers()):
        alone = torch.cat([correction(sample[None], PHYSICS)[0] for sample in y])
        torch.testing.assert_close(correction(y, PHYSICS)[0], alone)


# --- centre ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [3.37, -7.2])
@pytest.mark.parametrize("method", ["auto", "mass", "opposite", "fourier", "negativity"])
def test_the_centre_is_found(axis, method):
    y = HEAD.sinogram(SCAN.replace(axis_mm=axis))
    y = y + 0.005 * gauss(*y.shape)
    physics = ParallelBeam.from_geometry(SCAN, dtype=torch.float64)
    assert float(c.find_centre(y, physics, method)) == pytest.approx(axis, abs=0.2)
    same, moved = c.Centre(method)(y, physics)
    assert same is y
    assert float(moved.axis_mm) == pytest.approx(axis, abs=0.2)


@pytest.mark.parametrize("method", ["fourier", "negativity"])
def test_the_centre_of_many_bins_that_do_not_divide(method):
    fine = ParallelGeometry(np.arange(120) * np.pi / 120, (301, 301), 301, 0.3)
    y = HEAD.sinogram(fine.replace(axis_mm=-2.1))
    found = c.find_centre(y, ParallelBeam.from_geometry(fine, dtype=torch.float64), method)
    assert float(found) == pytest.approx(-2.1, abs=0.15)


def test_the_centre_of_a_truncated_scan_and_of_a_fan():
    wide = HEAD.sinogram(SCAN.replace(axis_mm=3.0))[..., 20:108]
    inner = ParallelBeam.from_geometry(SCAN.replace(detectors=88), dtype=torch.float64)
    assert float(c.find_centre(wide, inner)) == pytest.approx(3.0, abs=0.2)
    fan = FanGeometry(np.arange(180) * np.pi / 90, (96, 96), 300, 450, 128, 1.5, axis_mm=2.3)
    physics = FanBeam.from_geometry(fan.replace(axis_mm=0.0), dtype=torch.float64)
    assert float(c.find_centre(HEAD.sinogram(fan), physics)) == pytest.approx(2.3, abs=0.4)


def test_a_centre_that_cannot_be_found_is_told():
    few = PHYSICS.from_geometry(SCAN.subset([0, 30, 60]))
    y = CLEAN[..., [0, 30, 60], :]
    with pytest.raises(ParameterError, match="needs half a turn of views in even steps, and these are 3"):
        c.find_centre(y, few, "fourier")
    with pytest.raises(ParameterError, match="no two views are half a turn apart"):
        c.find_centre(y, few, "opposite")
    with pytest.raises(ParameterError, match="must be one of auto, mass"):
        c.find_centre(y, few, "magic")
    with pytest.raises(StructureError, match=r"found of ct\.parallel and ct\.fan, not of Identity"):
        c.find_centre(y, Identity((1, 3, 128)))


# --- beam hardening, scatter -----------------------------------------------------------------------------


def two_energies(thickness_mm):
    """Nepers of water by half soft, half hard photons."""
    t = torch.as_tensor(thickness_mm)
    return -torch.log(0.5 * torch.exp(-0.035 * t) + 0.5 * torch.exp(-0.018 * t))


def test_a_wedge_straightens_a_hardened_beam():
    wedge = torch.linspace(1, 90, 40, dtype=torch.float64)
    correction = c.fit_beam_hardening(two_energies(wedge), 0.0265 * wedge, degree=4)
    y = disc(40.0).sinogram(SCAN)
    hardened = two_energies(y).float()
    fixed, _ = correction(hardened, PHYSICS)
    cup, flat = (FBP("hann")(v, PHYSICS)[0, 0, 48, 12:84] for v in (hardened, fixed))
    assert float(cup.max() - cup.min()) > 0.0015
    assert float((flat - 0.0265).abs().max()) < 0.0003
    with pytest.raises(ParameterError, match="needs at least as many different values, and there are 2"):
        c.fit_beam_hardening(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0]))
    with pytest.raises(ParameterError, match="ideal"):
        c.fit_beam_hardening(torch.zeros(3), torch.zeros(4))


def test_scatter_of_a_known_kernel_is_removed():
    primary = np.exp(-CLEAN[0, 0].double().numpy())
    blurred = scipy.ndimage.gaussian_filter1d(primary, 9.0, axis=-1, mode="reflect", truncate=8)
    measured = torch.from_numpy(-np.log((primary + 0.2 * blurred) / 1.2))[None, None]
    fixed, _ = c.Scatter(0.2, 9.0)(measured, PHYSICS)
    assert error(fixed, CLEAN.double()) < 0.01 * error(measured, CLEAN.double())
    both = scipy.ndimage.gaussian_filter(primary, 5.0, mode="reflect", truncate=8)
    found = c.remove_scatter(torch.from_numpy(primary + 0.2 * both), 0.2, 5.0, planar=True)
    np.testing.assert_allclose(found, primary, atol=1e-4)


# --- truncation, metal -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("model", "left"), [("cosine", 0.85), ("water", 0.5)])
def test_truncated_views_are_continued(model, left):
    body = Ellipses([(0.02, 60, 50, 0, 0, 0), (0.01, 10, 8, 5, 5, 0.3), (-0.01, 6, 9, -12, -8, 0.0)])
    inner = SCAN.replace(detectors=72, size=(48, 48))
    y, truth = body.sinogram(inner).float(), body.image(inner).float()
    physics = ParallelBeam.from_geometry(inner)
    wide, wider = c.Truncation(1.0, model)(y, physics)
    assert wide.shape == (1, 1, 180, 72 + 2 * 72)
    assert wider.range.shape == wide.shape[1:]
    before, after = (error(FBP("hann")(v, p), truth) for v, p in ((y, physics), (wide, wider)))
    assert after < left * before, (before, after)


def test_nothing_is_added_beside_a_scan_that_sees_everything():
    for model in ("cosine", "water"):
        assert float(c.extend(CLEAN, 10, model)[..., :10].abs().max()) < 1e-6
        torch.testing.assert_close(c.extend(CLEAN, 10, model)[..., 10:-10], CLEAN)


def test_metal_is_inpainted():
    body = [(0.02, 42, 36, 0, 0, 0), (0.004, 9, 9, -15, 10, 0)]
    metal = [(0.5, 3, 3, 14, -4, 0), (0.5, 3, 3, -12, -12, 0)]
    truth = Ellipses(body).image(SCAN).float()
    # photons run out behind metal
    y = -torch.log(torch.exp(-Ellipses(body + metal).sinogram(SCAN).float()).clamp(min=0.02))
    fixed, _ = c.MetalInpainting(0.1)(y, PHYSICS)
    far = Ellipses(metal).image(SCAN) == 0
    before, after = (error(FBP("hann")(v, PHYSICS)[far], truth[far]) for v in (y, fixed))
    assert after < 0.5 * before, (before, after)
    assert torch.equal(c.MetalInpainting(0.1)(CLEAN, PHYSICS)[0], CLEAN)


def test_inpainting_is_linear_interpolation():
    y = torch.tensor([[0.0, 9, 9, 3, 9, 9], [9, 4, 9, 6, 9, 8], [9, 9, 9, 9, 9, 9]])
    missing = y == 9
    expected = torch.tensor([[0.0, 1, 2, 3, 3, 3], [4, 4, 5, 6, 7, 8], [9, 9, 9, 9, 9, 9]])
    torch.testing.assert_close(c.inpaint(y, missing), expected)
    with pytest.raises(SpaceError, match="bool"):
        c.inpaint(y, missing[:1])


# --- together --------------------------------------------------------------------------------------------


def test_a_list_of_names_is_a_preprocessing():
    known = registry.default()
    names = ["ct.zingers", "ct.rings_sorting", "ct.centre"]
    chain = c.Chain([known.create(name) for name in names])
    y, physics = chain(HEAD.sinogram(SCAN.replace(axis_mm=4.0)).float(), PHYSICS)
    assert float(physics.axis_mm) == pytest.approx(4.0, abs=0.3)
    assert y.shape == CLEAN.shape
    with pytest.raises(ParameterError, match="is no correction; one is called as"):
        c.Chain([3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: c.remove_zingers(CLEAN, views=4), "views = 4 must be odd"),
        (lambda: c.remove_rings_sorting(CLEAN, 2), "window = 2 must be odd"),
        (lambda: c.remove_rings_wavelet(CLEAN, levels=0), "levels = 0 from 1 to 10"),
        (lambda: c.remove_rings_regularised(CLEAN, -1.0), "weight = -1.0 must be"),
        (lambda: c.remove_scatter(CLEAN, 1.0, 3.0), r"amplitude = 1.0 must be in \[0, 1\)"),
        (lambda: c.BeamHardening(()), "must be one or more finite numbers"),
        (lambda: c.Truncation(0.0), "fraction = 0.0 must be in"),
        (lambda: c.extend(CLEAN, 0), "bins = 0 must be at least 1"),
        (lambda: c.line_integrals(CLEAN, 0.0), r"floor = 0.0 must be in \(0, 1\)"),
        (lambda: c.metal_trace(CLEAN, PHYSICS, 0.0), "threshold = 0.0 must be"),
    ],
)
def test_impossible_values_are_told(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_the_kit_sees_a_correction_that_is_wrong():
    from wellposed.testing import check

    class Spoils:
        def __call__(self, y, physics):
            return y.mul_(2), physics

    class Mixes:
        def __call__(self, y, physics):
            return y - y.mean(0), physics

    class Narrows:
        def __call__(self, y, physics):
            return y[..., 1:], physics

    assert check(c.Zingers(), kind="correction").ok
    for wrong, text in (
        (Spoils(), "changes its input in place"),
        (Mixes(), "samples of a batch influence each other"),
        (Narrows(), r"returns torch.float64 (2, 1, 24, 19) with a physics of torch.float64 (2, 1, 24, 20)"),
    ):
        report = check(wrong, kind="correction")
        assert not report.ok
        assert text in str(report)
