"""Weights and noise levels for another batch than the data's are refused in a sentence."""

import pytest
import torch

from wellposed import Identity
from wellposed.errors import SpaceError
from wellposed_optim import PnP, tv


@pytest.mark.parametrize(
    ("method", "name"), [(tv(weight=torch.ones(2)), "weight"), (PnP(noise=torch.ones(2)), "noise")]
)
def test_values_for_another_batch(method, name):
    y = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(SpaceError, match=f"{name} has 2 values, but the data are a batch of 3;"):
        method(y, Identity((1, 8, 8)))
