"""Methods refuse what they do not understand, in one sentence that names methods which do."""

import attrs
import pytest
import torch
from torch import nn

from wellposed import ForwardModel, Identity, Space, registry
from wellposed.errors import StructureError, UnsuitableError
from wellposed.needs import COMPLEX, LINEAR, REAL, Need, needs, suitable
from wellposed.noise import Gaussian
from wellposed.operators import NonlinearFunction
from wellposed.plugins import Component

PHOTO = Identity((1, 4, 4))
PHASE = Identity(Space((1, 4, 4), torch.complex64))


@needs(COMPLEX)
@attrs.frozen
class Back:
    gain: float = 1.0

    def __call__(self, y, physics):
        """Return A*y."""
        return self.solve(y, physics=physics)

    def solve(self, y, physics):
        return self.gain * physics.A_adjoint(y)


@needs(REAL)
class Trained(nn.Module):
    def forward(self, y, physics):
        return physics.A_adjoint(y)


class Foreign:
    """A physics by shape alone, which says nothing about spaces."""

    def A(self, x):
        return x

    def A_adjoint(self, y):
        return y


def test_refused_and_served():
    real, complex_ = torch.ones(2, 1, 4, 4), torch.ones(2, 1, 4, 4, dtype=torch.complex64)
    assert torch.equal(Back()(complex_, PHASE), complex_)
    assert torch.equal(Trained()(real, PHOTO), real)
    for method, y, physics in (
        (Back(), real, PHOTO),
        (Back(), real, ForwardModel(PHOTO, Gaussian(0.1))),
        (Back(), real, Foreign()),
        (Trained(), complex_, PHASE),
        (Trained(), complex_, Foreign()),
    ):
        word = "complex data of complex images" if isinstance(method, Back) else "real data of real images"
        with pytest.raises(
            UnsuitableError,
            match=rf"{type(method).__name__} needs {word}.*, which (Identity|Foreign) does not have; ",
        ):
            method(y, physics)
    with pytest.raises(UnsuitableError, match="Back needs complex data"):
        Back().solve(real, physics=PHOTO)
    assert issubclass(UnsuitableError, StructureError)
    assert Back.__call__.__doc__ == "Return A*y."


def test_a_pack_declares_needs_of_its_own_and_the_right_methods_are_suggested():
    still = Need("an image at rest", lambda y, physics: getattr(physics, "still", False))

    @needs(COMPLEX, still)
    class Careful(Back):
        def __call__(self, y, physics):
            return super().__call__(y, physics)

    record = {"kind": "reconstructor", "summary": "A test."}
    mine = registry.isolated()
    for name, target in (("back", Back), ("careful", Careful), ("general", lambda: PHOTO.A)):
        mine.add(Component(name=f"lab.{name}", target="x:y", **record), target)
    mine.add(Component(name="lab.broken", target="no_such_module:y", **record))
    y = torch.ones(1, 1, 4, 4, dtype=torch.complex64)

    def lab(physics, y=y):
        return [name for name in suitable(y, physics, mine) if name.startswith("lab.")]

    assert lab(PHASE) == ["lab.back", "lab.general"]
    assert lab(PHOTO, y.real) == ["lab.general"]
    with pytest.raises(UnsuitableError, match="Careful needs an image at rest, which Identity does not have"):
        Careful()(y, PHASE)
    assert mine.describe("lab.careful").needs == f"{COMPLEX.what}; an image at rest"
    assert mine.describe("lab.general").needs is None


def test_own_methods_come_first_then_the_more_specific():
    record = {"kind": "reconstructor", "summary": "A test."}
    mine = registry.isolated()
    for name, module, target in (
        ("alien.general", "alien", lambda: PHOTO.A),
        ("alien.back", "alien", Back),
        ("lab.general", "strange_name.methods", lambda: PHOTO.A),
        ("lab.back", "strange_name.methods", Back),
        ("alien.trained", "alien", Trained),
    ):
        mine.add(Component(name=name, target=f"{module}:y", **record), target)
    ours = type("Scanner", (Foreign,), {"__module__": "strange_name.scanners"})()
    y = torch.ones(1, 1, 4, 4, dtype=torch.complex64)

    def ranked(physics):
        return [name for name in suitable(y, physics, mine) if name.startswith(("lab.", "alien."))]

    assert ranked(ours) == ["lab.back", "lab.general", "alien.back", "alien.general"]
    assert ranked(ForwardModel(PHASE)) == ["alien.back", "lab.back", "alien.general", "lab.general"]
    y = y.real  # that data are real says little: the general methods stay first
    assert ranked(PHOTO) == ["alien.general", "lab.general", "alien.trained"]


def test_a_nonlinear_physics_is_told_from_a_linear_one():
    @needs(LINEAR)
    class Adjoint(Back):
        def __call__(self, y, physics):
            return physics.A_adjoint(y)

    square = NonlinearFunction(torch.square, (1, 4, 4), (1, 4, 4))
    y = torch.ones(1, 1, 4, 4)
    for physics in (square, ForwardModel(square, Gaussian(0.1))):
        with pytest.raises(UnsuitableError, match="Adjoint needs a linear physics, with an adjoint, which"):
            Adjoint()(y, physics)
    for physics in (PHOTO, Foreign(), ForwardModel(PHOTO)):
        assert torch.equal(Adjoint()(y, physics), y)


def test_gradients_and_vmap_pass_through_the_check():
    y = torch.ones(3, 2, 1, 4, 4, dtype=torch.complex64)
    assert torch.equal(torch.func.vmap(lambda y: Back(2.0)(y, PHASE))(y), 2 * y)
    slope = torch.func.grad(lambda y: Trained()(y, PHOTO).sum())(torch.ones(1, 1, 4, 4))
    assert torch.equal(slope, torch.ones(1, 1, 4, 4))
