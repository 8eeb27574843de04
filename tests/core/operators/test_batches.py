"""Parameters for another batch than the data's are refused in a sentence; torch's own errors stay."""

import pytest
import torch

from wellposed import ForwardModel, Identity, LinearOperator, Space
from wellposed.errors import SpaceError
from wellposed.noise import Gaussian
from wellposed.operators import CircularConvolution, Convolution, Mask, Matrix, Multiply

X = torch.ones(3, 1, 8, 8)
OPERATORS = {
    "kernel": CircularConvolution(torch.rand(2, 1, 3, 3), (1, 8, 8)),
    "kernel at borders": Convolution(torch.rand(2, 1, 3, 3), (1, 8, 8), "valid"),
    "mask": Mask(torch.ones(2, 1, 8, 8), (1, 8, 8)),
    "weights": Multiply(torch.rand(2, 1, 8, 8), (1, 8, 8)),
    "matrix": Matrix(torch.rand(2, 64, 64), (1, 8, 8)),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_every_use_of_a_parameter_of_another_batch(name):
    op = OPERATORS[name]
    y = op.range.randn(3)
    wanted = rf"the data are a batch of 3, but {name.split()[0]} of shape \(2, .*\) is for a batch of 2; "
    for use in (
        lambda: op(X),
        lambda: op.A_adjoint(y),
        lambda: op.A_dagger(y),
        lambda: op.prox_l2(X, y, 1.0),
        lambda: ForwardModel(op, Gaussian(0.1))(X),
        lambda: (2 * op)(X),
    ):
        with pytest.raises(SpaceError, match=wanted + "give one for all, or one per sample"):
            use()
    assert op(X[:2]).shape[0] == op(X[:1]).shape[0] == 2


def test_noise_of_another_batch():
    with pytest.raises(SpaceError, match=r"sigma has shape \(2,\) but the data has shape \(3, 1, 8, 8\)"):
        ForwardModel(Identity((1, 8, 8)), Gaussian(torch.ones(2)))(X)


def test_an_error_of_another_kind_stays_what_it_is():
    class Wrong(LinearOperator):
        def __init__(self, weights, say):
            space = Space((1, 8, 8))
            super().__init__(space, space)
            self.register_value("weights", weights)
            self.say = say

        def _forward(self, x):
            if self.say:
                raise RuntimeError(self.say)
            return x @ self.weights

        def _adjoint(self, y):
            return y

    with pytest.raises(RuntimeError, match="out of memory"):
        Wrong(torch.ones(2, 8, 8), "out of memory")(X)
    with pytest.raises(RuntimeError, match="Expected size") as caught:
        Wrong(torch.ones(2, 7, 7), "")(X)
    assert not isinstance(caught.value, SpaceError)
