"""The compiled loop of total variation computes what eager torch computes, for any number of threads."""

from __future__ import annotations

import pytest
import torch

from wellposed_optim import TotalVariation
from wellposed_optim.priors.tv_compiled import CODE, CompiledDual, applies
from wellposed_optim.priors.tv_prox import Dual

needs_library = pytest.mark.skipif(CODE.load().library is None, reason=CODE.load().status)
SHAPES = (
    ((2, 3, 17, 23), 2),
    ((1, 1, 1, 5), 2),
    ((1, 2, 40, 1), 2),
    ((3, 1, 2, 2), 2),
    ((1, 1, 70, 9), 2),
    ((2, 2, 6, 7, 9), 3),
    ((1, 1, 1, 4, 1), 3),
)
NORMS = ((True, False), (True, True), (False, False))


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def problem(shape, dims, dtype):
    g = torch.Generator().manual_seed(0)
    z = torch.randn(shape, generator=g, dtype=dtype)
    radius = torch.rand(shape[0], *(1,) * (len(shape) - 1), generator=g, dtype=dtype)
    return z, radius, torch.zeros(dims, *shape, dtype=dtype)


@needs_library
@pytest.mark.parametrize(("isotropic", "vectorial"), NORMS)
@pytest.mark.parametrize(("shape", "dims"), SHAPES)
@pytest.mark.parametrize(("dtype", "close"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_it_equals_eager_torch(shape, dims, dtype, close, isotropic, vectorial, threads):
    threads(3)
    z, radius, start = problem(shape, dims, dtype)
    options = {"isotropic": isotropic, "vectorial": vectorial}
    eager, compiled = Dual(z, radius, start.clone(), **options), CompiledDual(z, radius, start, **options)
    for count in (1, 12):
        eager.advance(count)
        compiled.advance(count)
        torch.testing.assert_close(compiled.p, eager.p, atol=close, rtol=0)
        torch.testing.assert_close(compiled.gap(), eager.gap().double(), atol=100 * close, rtol=0)


@needs_library
@pytest.mark.parametrize(("shape", "dims"), SHAPES)
def test_threads_change_no_bit(shape, dims, threads):
    results = []
    for count in (1, 2, 5):
        threads(count)
        z, radius, start = problem(shape, dims, torch.float32)
        dual = CompiledDual(z, radius, start, isotropic=True, vectorial=False)
        dual.advance(20)
        results.append((dual.p, dual.gap()))
    for p, gap in results[1:]:
        assert torch.equal(p, results[0][0])
        assert torch.equal(gap, results[0][1])


@needs_library
def test_a_sample_does_not_depend_on_its_batch():
    z, _, _ = problem((3, 1, 20, 20), 2, torch.float32)
    gamma = torch.tensor([0.0, 0.05, 2.0])
    prior = TotalVariation(tolerance=1e-5)
    together = prior.prox(z, gamma)
    for i in range(3):
        assert torch.equal(prior.prox(z[i : i + 1], gamma[i : i + 1])[0], together[i])


def test_without_the_library_the_result_is_the_same(monkeypatch):
    z, _, _ = problem((2, 1, 16, 16), 2, torch.float64)
    prior = TotalVariation(tolerance=1e-12, iterations=3000)
    compiled = prior.prox(z, 0.3)
    monkeypatch.setenv(CODE.switch, "0")
    assert not applies(z, 2)
    torch.testing.assert_close(prior.prox(z, 0.3), compiled, atol=1e-5, rtol=0)


def test_what_it_does_not_take_runs_in_torch():
    assert not applies(torch.zeros(1, 1, 4, dtype=torch.float32), 1)
    assert not applies(torch.zeros(1, 1, 4, 4, dtype=torch.complex64), 2)
    assert not applies(torch.zeros(1, 1, 4, 4, dtype=torch.float16), 2)
