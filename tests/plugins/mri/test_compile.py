"""A compiled function may encode: torch's compiler goes around what it cannot trace, without a warning."""

from __future__ import annotations

import warnings

import pytest
import torch

from wellposed import registry
from wellposed.operators import LinearOperator
from wellposed.testing import components
from wellposed.testing.construct import examples_of

pytestmark = pytest.mark.slow  # the compiler takes seconds


def quietly(f, *inputs):
    torch._dynamo.reset()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = torch.compile(f, backend="eager")(*inputs)
    assert not [str(w.message) for w in caught]
    return result


@pytest.mark.parametrize("name", components(pack="mri", kind="physics"))
def test_encodings(name):
    known = registry.default()
    (example, *_) = examples_of(name, 3, known, 1)
    op = known.create(name, **example.arguments)
    if not isinstance(op, LinearOperator):
        return  # signal models have a test of their own

    def f(x):
        return 2 * op.A_adjoint(op.A(x + 1)) + x

    def normal(x):
        return gram.A(2 * x) + x

    x = op.domain.randn(2, torch.Generator().manual_seed(0)).requires_grad_()
    gram = op.gram
    for run in (f, normal):
        got, want = quietly(run, x), run(x)
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)
        slopes = [torch.autograd.grad(y.abs().square().sum(), x)[0] for y in (got, want)]
        torch.testing.assert_close(*slopes, rtol=1e-4, atol=1e-4 * float(slopes[1].abs().max()))
