"""Forward models: operator and noise stay apart, parameters find their owner."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from operator_catalogue import REAL, randn

from wellposed import ForwardModel, Space, norm
from wellposed.errors import ImmutableError, ParameterError, StructureError, UnknownParameterError
from wellposed.noise import Gaussian
from wellposed.operators import CircularConvolution, Mask, NonlinearFunction
from wellposed.protocols import LinearPhysics, Physics

SPACE = Space((1, 4, 5), REAL)
BLUR = CircularConvolution(randn(3, 3), SPACE)
MODEL = ForwardModel(BLUR, Gaussian(0.1))
X = randn(2, 1, 4, 5)


def seeded():
    return torch.Generator().manual_seed(0)


def test_is_a_linear_physics():
    assert isinstance(MODEL, Physics)
    assert isinstance(MODEL, LinearPhysics)
    assert (MODEL.domain, MODEL.range) == (BLUR.domain, BLUR.range)
    assert repr(MODEL) == f"ForwardModel({BLUR!r}, {MODEL.noise!r})"


def test_noise_is_added_after_the_operator():
    y = MODEL(X, generator=seeded())
    torch.testing.assert_close(y, Gaussian(0.1)(BLUR(X), seeded()))
    torch.testing.assert_close(MODEL.A(X), BLUR(X))
    torch.testing.assert_close(ForwardModel(BLUR)(X), BLUR(X))
    assert MODEL.noise_model is MODEL.noise


def test_what_is_linear_is_the_operators():
    y, v = randn(2, 1, 4, 5, seed=3), randn(2, 1, 4, 5, seed=4)
    torch.testing.assert_close(MODEL.A_adjoint(y), BLUR.A_adjoint(y))
    torch.testing.assert_close(MODEL.A_dagger(y), BLUR.A_dagger(y))
    torch.testing.assert_close(MODEL.prox_l2(X, y, 0.3), BLUR.prox_l2(X, y, 0.3))
    torch.testing.assert_close(MODEL.A_vjp(X, v), BLUR.A_adjoint(v))
    torch.testing.assert_close(MODEL.A_jvp(X, v), BLUR.A(v))
    torch.testing.assert_close(MODEL.H.A(y), BLUR.A_adjoint(y))
    torch.testing.assert_close(MODEL.gram.A(X), BLUR.gram.A(X))
    assert norm(MODEL) == norm(BLUR)
    assert [type(e) for e in MODEL.evidence()] == [type(e) for e in BLUR.evidence()]


def test_parameters_find_their_owner():
    k = randn(2, 2, seed=5)
    assert set(MODEL.parameters_xi()) == {"kernel", "sigma"}
    changed = MODEL.replace(kernel=k, sigma=0.5)
    assert float(changed.noise.sigma) == 0.5
    torch.testing.assert_close(MODEL(X, generator=seeded(), kernel=k, sigma=0.5), changed(X, seeded()))
    torch.testing.assert_close(MODEL.A(X, kernel=k), changed.A(X))
    torch.testing.assert_close(MODEL.A_adjoint(X, kernel=k), changed.A_adjoint(X))
    assert float(MODEL.noise.sigma) == 0.1
    assert MODEL.replace(noise=None)(X).equal(BLUR(X))
    inner = ForwardModel(Mask(torch.ones(4, 5, dtype=REAL), SPACE) @ BLUR, Gaussian(0.1))
    torch.testing.assert_close(inner.replace(kernel=k).A(X), changed.A(X))
    assert MODEL.replace(domain=(1, 6, 6)).domain.shape == (1, 6, 6)
    with pytest.raises(UnknownParameterError, match=r"no parameter 'sigam'.*Did you mean 'sigma'"):
        MODEL(X, sigam=1.0)


def test_a_nonlinear_operator_has_no_adjoint():
    model = ForwardModel(NonlinearFunction(torch.square, SPACE), Gaussian(0.1))
    torch.testing.assert_close(model.A(X), X**2)
    torch.testing.assert_close(model.A_vjp(X, X), 2 * X * X)
    torch.testing.assert_close(model.A_jvp(X, X), 2 * X * X)
    with pytest.raises(StructureError, match=r"is not linear.*use A_vjp and A_jvp"):
        model.A_adjoint(X)


def test_moves_copies_and_does_not_change():
    for twin in (copy.deepcopy(MODEL), pickle.loads(pickle.dumps(MODEL))):
        torch.testing.assert_close(twin(X, generator=seeded()), MODEL(X, generator=seeded()))
    single = copy.deepcopy(MODEL).to(torch.float32)
    assert single(X.float()).dtype == torch.float32
    with pytest.raises(ImmutableError, match=r"Use \.replace\(noise=…\)"):
        MODEL.noise = None


def test_parts_are_what_they_should_be():
    with pytest.raises(ParameterError, match=r"takes an operator, got ForwardModel.*as_operator"):
        ForwardModel(MODEL)
    with pytest.raises(ParameterError, match="noise is a tuple, but one noise model is expected"):
        ForwardModel(BLUR, (Gaussian(0.1), Gaussian(0.2)))
