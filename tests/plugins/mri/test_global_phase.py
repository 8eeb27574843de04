"""Every method of the pack commutes with a global phase, and says so; those that cannot are named."""

from __future__ import annotations

import cmath

import pytest
import torch

from wellposed import registry
from wellposed.operators import LinearOperator
from wellposed.structure import Symmetry
from wellposed.testing import components
from wellposed.testing.construct import examples_of
from wellposed_mri import GlobalPhase

WITHOUT_PHASE = {"mri.rss", "mri.signal_fit", "mri.smooth_field_fit"}
"""A magnitude, and fits of real parameters."""

METHODS = components(pack="mri", kind="reconstructor")


def built(name, seed=3):
    """Return the method of the registry's own first example, its physics and some data."""
    known = registry.default()
    (example, *_) = examples_of(name, seed, known, 1)
    method = known.create(name, **example.arguments)
    generator = torch.Generator().manual_seed(seed)
    x = example.physics.domain.randn(2, generator)
    return method, example.physics, example.physics(x)


@pytest.mark.parametrize("name", sorted(set(METHODS) - WITHOUT_PHASE))
def test_methods_commute_with_a_global_phase(name):
    method, physics, y = built(name)
    declared = [e for e in method.evidence() if isinstance(e, Symmetry)]
    assert any(isinstance(e.T_in, GlobalPhase) and isinstance(e.T_out, GlobalPhase) for e in declared)
    plain = method(y, physics)
    assert float(plain.abs().max()) > 0
    for angle in (0.7, -2.4):
        turn = cmath.exp(1j * angle)
        defect = (method(turn * y, physics) - turn * plain).norm() / plain.norm()
        assert float(defect) < 1e-6, (name, angle)


def test_a_magnitude_forgets_the_phase():
    method, physics, y = built("mri.rss")
    torch.testing.assert_close(method(cmath.exp(0.7j) * y, physics), method(y, physics))


@pytest.mark.parametrize("name", components(pack="mri", kind="physics"))
def test_every_linear_physics_declares_that_it_commutes_with_a_global_phase(name):
    known = registry.default()
    (example, *_) = examples_of(name, 3, known, 1)
    op = known.create(name, **example.arguments)
    if not isinstance(op, LinearOperator):
        return  # parameters of signal models are real
    declared = [e for e in op.evidence() if isinstance(e, Symmetry)]
    assert any(isinstance(e.T_in, GlobalPhase) and isinstance(e.T_out, GlobalPhase) for e in declared)
