"""Blocks and direct convolution change speed, never results."""

import pytest
import torch

from wellposed.linalg import blocks, prox_l2
from wellposed.operators import CircularConvolution, Convolution, FourierMultiplier, direct
from wellposed.operators.convolution import fast_length

KERNELS = {"shared": (5, 4), "per channel": (3, 5, 4), "per sample": (4, 1, 5, 4), "full": (4, 3, 5, 4)}
RULES = ("zero", "circular", "replicate", "reflect", "valid")


@pytest.fixture(params=KERNELS)
def kernel(request):
    return torch.randn(KERNELS[request.param], generator=torch.Generator().manual_seed(1))


def images(*shape, seed=0, dtype=None):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def both_ways(op, x):
    y = op.A(x)
    return y, op.A_adjoint(images(*y.shape, seed=2, dtype=y.dtype))


@pytest.mark.parametrize("boundary", RULES)
def test_blocks_are_invisible(kernel, boundary, monkeypatch):
    op = Convolution(kernel.double(), (3, 17, 12), boundary)
    x = images(4, 3, 17, 12, dtype=torch.float64)
    whole = both_ways(op, x)
    monkeypatch.setattr(blocks, "BLOCK", 1)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    for a, b in zip(whole, both_ways(op, x), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("boundary", RULES)
def test_direct_is_the_same_operator(kernel, boundary, monkeypatch):
    op = Convolution(kernel, (3, 17, 12), boundary)
    x = images(4, 3, 17, 12)
    assert direct.is_faster(x, op.kernel, 2)
    directly = both_ways(op, x)
    monkeypatch.setattr(direct, "SETUP", 10**9)
    for a, b in zip(directly, both_ways(op, x), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("gamma", [0.5, torch.tensor([0.1, 1.0, 2.0, 3.0])], ids=["one", "per sample"])
def test_blocked_prox(kernel, gamma, monkeypatch):
    op = CircularConvolution(kernel.double(), (3, 9, 8))
    g = gamma.double() if isinstance(gamma, torch.Tensor) else gamma
    z, y = images(4, 3, 9, 8, dtype=torch.float64), images(4, 3, 9, 8, seed=1, dtype=torch.float64)
    whole = prox_l2(op, z, y, g)
    monkeypatch.setattr(blocks, "BLOCK", 1)
    torch.testing.assert_close(prox_l2(op, z, y, g), whole)


def test_a_batch_of_spectra_meets_one_image(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 1)
    op = FourierMultiplier(torch.fft.rfft2(images(4, 1, 6, 6, dtype=torch.float64)), (3, 6, 6))
    assert op.A(images(1, 3, 6, 6, dtype=torch.float64)).shape == (4, 3, 6, 6)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func.jvp's own
def test_derivatives_pass(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 1)
    kernel = images(5, 5).requires_grad_()
    op, x = Convolution(kernel, (3, 12, 12), "reflect"), images(4, 3, 12, 12)
    op.A(x).sum().backward()
    assert kernel.grad is not None
    fixed = Convolution(kernel.detach(), (3, 12, 12), "reflect")
    assert not direct.is_faster(x.clone().requires_grad_(), fixed.kernel, 2)
    _, tangent = torch.func.jvp(fixed.A, (x,), (x,))
    torch.testing.assert_close(tangent, fixed.A(x), rtol=1e-5, atol=2e-5)
    mapped = torch.func.vmap(lambda v: fixed.A(v[None])[0])(x)
    torch.testing.assert_close(mapped, fixed.A(x), rtol=1e-5, atol=2e-5)


def test_empty_batch():
    op = Convolution(images(3, 3), (2, 8, 8), "valid")
    assert op.A(torch.empty(0, 2, 8, 8)).shape == (0, 2, 6, 6)
    assert op.A_adjoint(torch.empty(0, 2, 6, 6)).shape == (0, 2, 8, 8)


def test_rule_for_direct_convolution():
    x, big = images(4, 3, 16, 16), images(15, 15)
    assert direct.is_faster(x, images(7, 7), 2)
    assert not direct.is_faster(x[:1], images(7, 7), 2)
    assert not direct.is_faster(x, big.repeat(2, 2), 2)
    assert not direct.is_faster(x.double(), images(7, 7).double(), 2)


@pytest.mark.parametrize(
    ("n", "length"), [(1, 1), (3, 3), (5, 8), (13, 16), (512, 512), (527, 540), (542, 560)]
)
def test_fast_length(n, length):
    assert fast_length(n) == length
