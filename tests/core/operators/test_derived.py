"""A derived tensor is computed once for its sources, and again as soon as any of them is another."""

from __future__ import annotations

import copy
import pickle

import torch

from wellposed.operators.derived import Derived


class Counted:
    """The sum of the sources, counting how often it is asked for."""

    def __init__(self):
        self.calls = 0

    def __call__(self, *sources):
        self.calls += 1
        return sum(sources)


def test_computed_once_for_several_sources():
    counted, a, b = Counted(), torch.ones(2), torch.zeros(2)
    derived = Derived(counted)
    assert derived(a, b) is derived(a, b)
    assert counted.calls == 1
    assert torch.equal(derived(a, b + 1), torch.full((2,), 2.0))
    assert torch.equal(derived(a), a)
    assert counted.calls == 3


def test_a_source_written_in_place_is_another_one():
    counted, a, b = Counted(), torch.ones(2), torch.zeros(2)
    derived = Derived(counted)
    derived(a, b)
    b += 3
    assert torch.equal(derived(a, b), torch.full((2,), 4.0))
    assert counted.calls == 2


def test_nothing_is_kept_for_gradients():
    counted, a = Counted(), torch.ones(2)
    derived, b = Derived(counted), torch.zeros(2, requires_grad=True)
    for _ in range(2):
        derived(a, b).sum().backward()
    assert counted.calls == 2
    assert torch.equal(b.grad, torch.full((2,), 2.0))


def test_copies_and_pickles_hold_no_tensors():
    derived = Derived(torch.add)
    derived(torch.ones(1000), torch.ones(1000))
    assert len(pickle.dumps(derived)) < 500
    assert torch.equal(copy.deepcopy(derived)(torch.ones(1), torch.ones(1)), torch.full((1,), 2.0))
