"""A small pack to compose from: every way of taking parameters that a configuration meets."""

import pytest
import torch

from wellposed import Space
from wellposed.errors import ParameterError
from wellposed.plugins import Component
from wellposed.registry import Registry


class Kernel:
    """Holds a tensor, given as lists in a configuration."""

    def __init__(self, weights: "torch.Tensor", scale: float = 1.0, tags: list[str] | None = None) -> None:
        if scale < 0:
            raise ParameterError(f"scale={scale} must not be negative.")
        self.weights, self.scale, self.tags = weights, scale, tags

    def __eq__(self, other):
        same = torch.equal(self.weights, other.weights) and self.weights.dtype == other.weights.dtype
        return same and (self.scale, self.tags) == (other.scale, other.tags)

    __hash__ = None


class Chain:
    """Holds other objects, in lists and tables too."""

    def __init__(self, parts=(), table=None, space: Space | None = None, dtype=None) -> None:
        self.parts, self.table, self.space, self.dtype = parts, table, space, dtype

    def __eq__(self, other):
        mine, theirs = dict(vars(self)), dict(vars(other))
        return list(mine.pop("parts")) == list(theirs.pop("parts")) and mine == theirs

    __hash__ = None


class Forgetful:
    """Does not keep its argument."""

    def __init__(self, value) -> None:
        pass


@pytest.fixture(scope="session")
def classes():
    return {"Kernel": Kernel, "Chain": Chain, "Forgetful": Forgetful}


@pytest.fixture(scope="session")
def lab():
    registry = Registry.discover({"WELLPOSED_PLUGINS": ""}).isolated()
    for name, kind in {"kernel": Kernel, "chain": Chain, "forgetful": Forgetful}.items():
        record = Component(kind="physics", name=f"lab.{name}", target="nowhere:at_all", summary=kind.__doc__)
        registry.add(record, target=kind)
    return registry
