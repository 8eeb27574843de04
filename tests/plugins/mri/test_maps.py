from __future__ import annotations

import pytest
import torch

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed_mri import ESPIRiT, RSSMaps, Walsh, birdcage_maps, centred_fft, shepp_logan
from wellposed_mri.maps.calibration import calibration_region


def agreement(found, truth, inside):
    """Return |⟨found, truth⟩| per pixel: 1 where maps are equal up to a phase."""
    return (found.conj() * truth).sum(-1 - inside.ndim).abs()[..., inside]


@pytest.mark.parametrize(
    ("method", "least"),
    [(ESPIRiT(), 0.998), (Walsh(), 0.97), (RSSMaps(), 0.97)],
    ids=["espirit", "walsh", "rss"],
)
def test_true_maps_are_found_up_to_a_phase(head, method, least):
    image, maps, kspace = head
    inside = image[0, 0].abs() > 0.05
    found = method(kspace)
    assert found.shape == (1, 8, 64, 64)
    assert float(agreement(found[0], maps, inside).min()) > least
    energy = found.abs().square().sum(1)
    assert bool(((energy - 1).abs() < 1e-4).logical_or(energy == 0).all())


def test_espirit_is_exactly_zero_outside(head):
    _, _, kspace = head
    maps, values = ESPIRiT().solve(kspace)
    assert bool((maps[0].abs().sum(0)[values[0, 0] < 0.8] == 0).all())
    assert float(maps[0, :, :2, :2].abs().max()) == 0
    assert float(values.max()) <= 1 + 1e-4


def test_espirit_agrees_with_sigpy(head):
    mri = pytest.importorskip("sigpy.mri", reason="sigpy is a peer, installed for comparisons")
    _, _, kspace = head
    app = mri.app.EspiritCalib(
        kspace[0].numpy(), calib_width=24, thresh=0.02, kernel_width=6, crop=0.8, show_pbar=False
    )
    want = torch.from_numpy(app.run())
    found = ESPIRiT()(kspace)[0]
    support, theirs = found.abs().sum(0) > 0, want.abs().sum(0) > 0
    assert float((support != theirs).float().mean()) < 0.01
    assert float(agreement(found, want, support & theirs).mean()) > 0.995


def test_maps_do_not_see_the_phase_of_the_image_nor_its_scale(head):
    _, _, kspace = head
    turned = kspace * torch.polar(torch.tensor(3e-5), torch.tensor(1.1))
    for method in (ESPIRiT(), Walsh()):
        torch.testing.assert_close(method(turned), method(kspace), rtol=1e-3, atol=1e-3)


def test_undersampled_kspace_uses_its_complete_centre(head):
    _, _, kspace = head
    mask = torch.zeros(64)
    mask[::4], mask[64 // 2 - 10 : 64 // 2 + 10] = 1, 1
    torch.testing.assert_close(ESPIRiT(calibration=20)(kspace), ESPIRiT(calibration=20)(kspace * mask))
    columns = calibration_region((kspace * mask)[0], 24, 6, dims=2)
    assert columns.shape == (8, 24, 20)


def test_two_sets_explain_a_folded_object():
    """An object twice as wide as the field of view: one map per pixel cannot explain both layers."""
    image = shepp_logan().image(64).to(torch.complex64)
    maps = birdcage_maps(8, (64, 64))
    folded = (maps * image).reshape(8, 2, 32, 64).sum(1)
    found = ESPIRiT(sets=2, crop=0.0)(centred_fft(folded)[None])
    both = (image.reshape(2, 32, 64).abs() > 0.05).all(0)
    for layer in maps.reshape(8, 2, 32, 64).unbind(1):  # each lies in the plane that the two maps span
        inside = (found[0].conj() * layer).sum(1).abs().square().sum(0).sqrt()
        assert float(inside[both].quantile(0.05)) > 0.99


def test_volumes():
    image = shepp_logan().image(16).to(torch.complex64).expand(6, 16, 16)
    maps = birdcage_maps(4, (6, 16, 16))
    kspace = centred_fft(maps * image, (-3, -2, -1))[None]
    found = ESPIRiT(dims=3, calibration=12, kernel=4, crop=0.5)(kspace)[0]
    inside = (image.abs() > 0.15) & (found.abs().sum(0) > 0)
    assert float(agreement(found, maps, inside).mean()) > 0.99


def test_bad_calibration_data_get_a_sentence(head):
    _, _, kspace = head
    with pytest.raises(ParameterError, match=r"no calibration region.*center_fraction"):
        ESPIRiT()(kspace * (torch.arange(64) % 2))
    with pytest.raises(ParameterError, match="NaN or infinite"):
        ESPIRiT()(torch.full_like(kspace, float("nan")))
    with pytest.raises(ParameterError, match="zero everywhere"):
        Walsh()(torch.zeros_like(kspace))
    with pytest.raises(DtypeError, match="view_as_complex"):
        RSSMaps()(kspace.real)
    with pytest.raises(SpaceError, match=r"kspace\[None\]"):
        ESPIRiT()(kspace[0])
    with pytest.raises(SpaceError, match=r"movedim\(-1, 1\)"):
        ESPIRiT()(kspace.movedim(1, -1))
    with pytest.raises(ParameterError, match="exceed the number of coils"):
        ESPIRiT(sets=9)(kspace)
    for wrong in ({"kernel": 1}, {"crop": 2.0}, {"threshold": 0.0}):
        with pytest.raises(ParameterError):
            ESPIRiT(**wrong)
    with pytest.raises(ParameterError, match="odd"):
        Walsh(window=4)
