"""Numbers known from elsewhere: the kit proves promises, these prove the meaning."""

import pytest
import torch
from wellposed import Space, compose
from wellposed.errors import ParameterError

from wellposed_template import Binning, Tikhonov


def test_binning_averages_blocks():
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    expected = torch.tensor([[[[2.5, 4.5], [10.5, 12.5]]]])
    torch.testing.assert_close(Binning(Space((1, 4, 4)), factor=2)(image), expected)


def test_binning_refuses_what_it_cannot_divide():
    with pytest.raises(ParameterError, match="factor=3 must divide the image's 4 × 4 pixels"):
        Binning(Space((1, 4, 4)), factor=3)


def test_tikhonov_of_the_identity_shrinks():
    identity = Binning(Space((1, 2, 2), torch.float32), factor=1)
    y = torch.ones(1, 1, 2, 2)
    torch.testing.assert_close(Tikhonov(gamma=3.0)(y, identity), 0.75 * y)


def test_a_configuration_reaches_both():
    problem = compose(
        {
            "camera": {"name": "template.binning", "params": {"domain": {"space": [1, 4, 4]}}},
            "method": {"name": "template.tikhonov", "params": {"gamma": 1.0}},
        }
    )
    assert problem.method(torch.ones(2, 1, 2, 2), problem.camera).shape == (2, 1, 4, 4)
