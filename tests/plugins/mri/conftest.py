from __future__ import annotations

import pytest
import torch

from wellposed_mri import birdcage_maps, centred_fft, shepp_logan


@pytest.fixture(scope="session")
def head():
    """A 64² head seen by eight loops: image, maps, fully sampled k-space."""
    image = shepp_logan().image(64).to(torch.complex64)[None, None]
    phase = torch.linspace(-1, 1, 64)[:, None].expand(64, 64)
    image = image * torch.polar(torch.ones(64, 64), phase)
    maps = birdcage_maps(8, (64, 64))
    return image, maps, centred_fft(maps * image)
