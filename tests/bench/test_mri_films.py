"""The script behind docs/benchmarks/mri-films.md, on a small film."""

from __future__ import annotations

import torch
from bench.mri import films


def test_the_film_beats_and_brightens():
    shown = films.film(64, 24).abs()
    assert shown[-1].max() > shown[0].max() + 0.3
    large, small = ((shown[t] > 0.7).sum() for t in (23, 18))
    assert large > 1.5 * small
    still = (shown - shown[0]).abs().amax(0)
    assert float((still < 1e-3).float().mean()) > 0.6


def test_films_as_a_whole_beat_frames_on_their_own():
    found = {name: float(value) for _, name, value in films.rows(64, 16, (4,))}
    for name in ("k-t low rank", "locally low rank", "L + S"):
        assert found[name] > found["SENSE, frame by frame"] > found["zero-filled"]


def test_the_ratio_is_that_of_its_definition():
    reference = torch.tensor([2.0, 0.0, 0.0, 0.0])
    assert abs(films.psnr(reference + 0.2, reference) - 20.0) < 1e-4
