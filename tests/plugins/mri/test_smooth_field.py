"""Water, fat and field that neighbours agree on, in a body of which everything is known."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError, UnsuitableError
from wellposed_mri import FieldMapEchoes, MultiEchoT2, SignalFit, SmoothFieldFit, WaterFatEchoes

SIZE = 64
DOWN, RIGHT = torch.meshgrid(*[torch.linspace(-1, 1, SIZE, dtype=torch.float64)] * 2, indexing="ij")
BODY = DOWN**2 + RIGHT**2 < 0.8
FATTY = BODY & ((DOWN**2 + RIGHT**2 > 0.6) | ((DOWN - 0.2) ** 2 + (RIGHT + 0.2) ** 2 < 0.05))
FIELDS = {"waves": 200 * torch.sin(2.2 * DOWN + 1) * torch.cos(1.5 * RIGHT), "ramp": 200 * RIGHT}


def noisy(y, sigma):
    generator = torch.Generator().manual_seed(0)
    return BODY * y + sigma * torch.randn(y.shape, dtype=y.dtype, generator=generator)


def torso(field):
    """A rim and an island of fat, in which there is a little water, and the reverse elsewhere."""
    turn = torch.polar(torch.ones_like(DOWN), 0.5 + DOWN)
    water, fat = (torch.view_as_real(turn * torch.where(m, 0.9, 0.05)).unbind(-1) for m in (~FATTY, FATTY))
    return torch.stack([*water, *fat, field])[None]


def swapped(maps):
    water, fat = maps[0, :2].norm(dim=0), maps[0, 2:4].norm(dim=0)
    return float(((fat > water) != FATTY)[BODY].double().mean())


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("sigma", [0.02, 0.05])
def test_water_and_fat_keep_their_places(field, sigma):
    """Three echoes at 3 T, where a pixel by itself is often mistaken."""
    model = WaterFatEchoes(torch.tensor([1.2e-3, 2.0e-3, 2.8e-3], dtype=torch.float64), 3.0)
    truth = torso(FIELDS[field])
    y = noisy(model(truth), sigma)
    assert swapped(SignalFit()(y, model)) > 0.05
    found = SmoothFieldFit()(y, model)
    assert swapped(found) == 0
    assert float((found - truth)[0, 4][BODY].abs().median()) < 400 * sigma


def test_each_pixel_is_a_minimum_of_its_own():
    """Where no pixel is ambiguous, nothing is smoothed: the fit is that of each pixel."""
    model = WaterFatEchoes(1.2e-3 + 1.1e-3 * torch.arange(6, dtype=torch.float64), 1.5)
    y = noisy(model(torso(0.3 * FIELDS["ramp"])), 0.01)
    both = [fit(y, model)[0][:, BODY] for fit in (SmoothFieldFit(fit=SignalFit(tolerance=1e-8)), SignalFit())]
    torch.testing.assert_close(*both, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("gap", [2e-3, 5e-3, 10e-3])
def test_fields_beyond_a_turn_are_followed(gap):
    """±180 Hz, up to almost two turns each way, with two echoes only."""
    field = 180 * torch.sin(2 * DOWN) * torch.cos(RIGHT)
    model = FieldMapEchoes(torch.tensor([3e-3, 3e-3 + gap], dtype=torch.float64), span=400.0)
    y = noisy(model(torch.stack([BODY.double(), 0 * field, field])[None]), 0.05)
    found = SmoothFieldFit()(y, model)[0, 2]
    assert float((found - field)[BODY].abs().max()) < 0.4 / gap
    plain = SignalFit()(y, FieldMapEchoes(model.echo_times))[0, 2]
    assert gap == 2e-3 or float((plain - field)[BODY].abs().max()) > 0.9 / gap


def test_samples_are_by_themselves_and_nothing_is_left_of_nothing():
    model = FieldMapEchoes(torch.tensor([3e-3, 5e-3], dtype=torch.float64))
    y = noisy(model(torch.stack([BODY.double(), 0 * DOWN, FIELDS["ramp"]])[None]), 0.02)
    both = SmoothFieldFit()(torch.cat([y, 7 * y.flip(-1), 0 * y]), model)
    torch.testing.assert_close(both[:1], SmoothFieldFit()(y, model))
    torch.testing.assert_close(both[1:2, 2], SmoothFieldFit()(y.flip(-1), model)[:, 2])
    assert bool(both.isfinite().all())


def test_bad_input_gets_a_sentence():
    with pytest.raises(ParameterError, match="step = 0, but it is a positive number of hertz"):
        SmoothFieldFit(step=0)
    echoes = MultiEchoT2(torch.tensor([0.01, 0.02]))
    with pytest.raises(UnsuitableError, match=r"SmoothFieldFit needs echoes with a frequency"):
        SmoothFieldFit()(torch.ones(1, 2, 4, 4), echoes)
