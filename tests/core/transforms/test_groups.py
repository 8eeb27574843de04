"""Group laws, exact or to the declared accuracy, and what every transform shares."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed import transforms as T
from wellposed.errors import ParameterError, SpaceError, UnknownParameterError
from wellposed.protocols import Transform

EXACT = [
    T.Flips(),
    T.Flips(vertical=False),
    T.Rotations90(),
    T.CyclicShifts(),
    T.CyclicShifts(2),
    T.SubpixelShifts(3.3),
]
NEAR = [T.Rotations(), T.Scalings(1.5), T.Projective()]
exact = pytest.mark.parametrize("group", EXACT, ids=str)
near = pytest.mark.parametrize("group", NEAR, ids=str)
each = pytest.mark.parametrize("group", EXACT + NEAR, ids=str)
SIZES = [(5, 5), (6, 6), (1, 1), (6, 5), (3, 8)]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def shape_for(group, n, size=(7, 7)):
    return (n, 2, *((32, 32) if group.smallest_size > 1 else size))


def worst(a, b):
    return float(((a - b).flatten(1).norm(dim=1) / b.flatten(1).norm(dim=1)).max())


@exact
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.complex128])
def test_laws_are_exact(group, size, dtype):
    if isinstance(group, T.Rotations90) and size[0] != size[1]:
        size = (size[0], size[0])
    x = group.probe((4, 2, *size), seeded(), dtype)
    g, h, k = (group.sample(seeded(i), 4) for i in (1, 2, 3))
    eps = 200 * torch.finfo(dtype).eps if isinstance(group, T.SubpixelShifts) else 0.0
    assert group.accuracy == 0.0
    assert worst(group.act(x, group.identity()), x) <= eps
    assert worst(group.act(group.act(x, g), group.inverse(g)), x) <= eps
    assert worst(group.act(group.act(x, h), g), group.act(x, group.compose(g, h))) <= eps
    left, right = group.compose(group.compose(g, h), k), group.compose(g, group.compose(h, k))
    assert worst(group.act(x, left), group.act(x, right)) <= eps
    assert worst(group.act(x, g).abs().square().sum((-1, -2)), x.abs().square().sum((-1, -2))) <= max(
        eps, 200 * torch.finfo(dtype).eps
    )


@near
@pytest.mark.parametrize("size", [(32, 32), (33, 40)], ids=str)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex64])
def test_laws_hold_to_the_declared_accuracy(group, size, dtype):
    x = group.probe((20, 1, *size), seeded(), dtype)
    g, h = group.sample(seeded(1), 20), group.sample(seeded(2), 20)
    assert 0 < group.accuracy <= 0.02
    assert worst(group.act(x, group.identity()), x) <= 50 * torch.finfo(dtype).eps
    assert worst(group.act(group.act(x, g), group.inverse(g)), x) <= group.accuracy
    assert worst(group.act(group.act(x, h), g), group.act(x, group.compose(g, h))) <= group.accuracy


@near
def test_accuracy_improves_with_the_fourth_power_of_the_size(group):
    errors = []
    for n in (48, 96):
        x, g = group.probe((8, 1, n, n), seeded()), group.sample(seeded(1), 8)
        errors.append(worst(group.act(group.act(x, g), group.inverse(g)), x))
    assert errors[1] < errors[0] / 10


@each
def test_parameters_have_their_own_streams(group):
    x = group.probe(shape_for(group, 5), seeded())
    five, two = group.act(x, group.sample(seeded(1), 5)), group.act(x[:2], group.sample(seeded(1), 2))
    assert torch.equal(five[:2], two)


@each
def test_one_parameter_serves_the_whole_batch(group):
    x, g = group.probe(shape_for(group, 3), seeded()), group.sample(seeded(1))
    together = group.act(x, g)
    apart = torch.cat([group.act(x[i : i + 1], g) for i in range(3)])
    torch.testing.assert_close(together, apart)
    assert together.shape == x.shape
    assert together.dtype == x.dtype


@each
def test_acts_linearly_and_differentiably(group):
    x = group.probe(shape_for(group, 2), seeded()).requires_grad_()
    g = group.sample(seeded(1), 2)
    v = torch.randn(x.shape, generator=seeded(2), dtype=x.dtype)
    (vjp,) = torch.autograd.grad(group.act(x, g), x, v)
    u = torch.randn(x.shape, generator=seeded(3), dtype=x.dtype)
    torch.testing.assert_close((group.act(u, g) * v).sum(), (u * vjp).sum())


@each
def test_leaves_the_input_and_the_global_generator_alone(group):
    x = group.probe(shape_for(group, 2), seeded())
    kept, state = x.clone(), torch.random.get_rng_state()
    group.act(x, group.sample(seeded(1), 2))
    assert torch.equal(x, kept)
    assert torch.equal(torch.random.get_rng_state(), state)


@each
def test_is_a_transform_and_a_frozen_value(group):
    assert isinstance(group, Transform)
    assert group.replace() == group
    with pytest.raises(AttributeError):
        group.anything = 1
    with pytest.raises(
        UnknownParameterError, match=f"{type(group).__name__} has no parameter wrong; it has: "
    ):
        group.replace(wrong=1)


@each
def test_wrong_batches(group):
    x = group.probe(shape_for(group, 3), seeded())
    with pytest.raises(SpaceError, match="2 parameters cannot act on a batch of 3; draw it with n=1 or n=3"):
        group.act(x, group.sample(seeded(), 2))
    with pytest.raises(SpaceError, match=r"acts on images \(B, "):
        group.act(x[0, 0], group.sample(seeded()))


@pytest.mark.parametrize(
    ("group", "count"),
    [(T.Flips(), 4), (T.Flips(horizontal=False), 2), (T.Rotations90(), 4), (T.CyclicShifts(), 9)],
)
def test_elements_are_all_and_different(group, count):
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    images = [group.act(x, g) for g in group.elements(x.shape)]
    assert len({tuple(i.flatten().tolist()) for i in images}) == count == len(images)
    assert torch.equal(images[0], x)


@pytest.mark.parametrize("group", [T.SubpixelShifts(), *NEAR], ids=str)
def test_infinite_groups_have_no_list(group):
    with pytest.raises(ParameterError, match=r"infinite group; draw elements with sample\(generator\)"):
        list(group.elements())


def test_cyclic_shifts_need_a_shape_to_be_listed():
    with pytest.raises(ParameterError, match="needs the image shape"):
        list(T.CyclicShifts().elements())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: T.CyclicShifts(0), "max_shift=0 leaves nothing to draw"),
        (lambda: T.SubpixelShifts(-1.0), "max_shift=-1.0 must be finite and > 0; give it in pixels"),
        (lambda: T.Rotations(0.0), "max_angle=0.0 must be finite and > 0; give it in radians"),
        (lambda: T.Scalings(0.5), "max_factor=0.5 must be finite and > 1"),
        (lambda: T.Projective(max_tilt=-0.1), "max_tilt=-0.1 must be finite and ≥ 0"),
        (lambda: T.Projective(max_roll=math.inf), "max_roll=inf must be finite"),
        (lambda: T.Projective(focal_length=0.0), "focal_length=0.0 must be finite and > 0"),
    ],
)
def test_impossible_arguments(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
