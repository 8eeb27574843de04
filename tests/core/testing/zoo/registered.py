"""Components as a pack would register them."""

from __future__ import annotations

import torch
from hypothesis import strategies as st

from wellposed import Space
from wellposed.testing import Check, Example, KindChecks, strategies


class Scaling:
    def __init__(self, factor, adjoint_factor):
        self.factor, self.adjoint_factor = factor, adjoint_factor

    def A(self, x):
        return self.factor * x

    def A_adjoint(self, y):
        return self.adjoint_factor * y


def rightly(factor):
    return Scaling(factor, factor)


def wrongly(factor):
    return Scaling(factor, 3 * factor)


def examples():
    return strategies.examples(
        {"factor": st.sampled_from([1.0, 2.0, -0.5])}, strategies.spaces((torch.float64,))
    )


def one_example():
    return st.just(Example({"factor": 2.0}, Space((1, 2, 3), torch.float64)))


def _short(case):
    """Is one letter long."""
    assert len(case.component) == 1


LETTER = KindChecks([Check("short", _short)])
