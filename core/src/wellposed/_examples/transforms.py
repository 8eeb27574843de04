"""How to build each transform of the core, and the images that it acts on."""

from __future__ import annotations

from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing.example import Example

Examples = st.SearchStrategy[Example]


def _any_size() -> st.SearchStrategy[Space]:
    return st.tuples(st.integers(1, 2), st.integers(1, 8), st.integers(1, 8)).map(Space)


def _square() -> st.SearchStrategy[Space]:
    return st.integers(1, 8).map(lambda n: Space((1, n, n)))


def _large() -> st.SearchStrategy[Space]:
    return st.sampled_from([Space((1, 32, 32)), Space((1, 33, 36))])


def flips() -> Examples:
    """Both mirrors, one, or none."""
    arguments = st.fixed_dictionaries({"horizontal": st.booleans(), "vertical": st.booleans()})
    return st.builds(Example, arguments=arguments, domain=_any_size())


def rotations90() -> Examples:
    """Square images."""
    return st.builds(Example, arguments=st.just({}), domain=_square())


def cyclic_shifts() -> Examples:
    """Any shift, or small ones."""
    arguments = st.fixed_dictionaries({"max_shift": st.none() | st.integers(1, 9)})
    return st.builds(Example, arguments=arguments, domain=_any_size())


def subpixel_shifts() -> Examples:
    """Odd and even sizes: the laws are exact for both."""
    arguments = st.fixed_dictionaries({"max_shift": st.floats(0.125, 8.0)})
    return st.builds(Example, arguments=arguments, domain=_any_size())


def gains() -> Examples:
    """Positive numbers, or of either sign."""
    arguments = st.fixed_dictionaries({"max_gain": st.floats(1.0625, 16.0), "signed": st.booleans()})
    return st.builds(Example, arguments=arguments, domain=_any_size())


def rotations() -> Examples:
    """Small angles to the whole circle."""
    arguments = st.fixed_dictionaries({"max_angle": st.floats(0.0625, 3.125)})
    return st.builds(Example, arguments=arguments, domain=_large())


def scalings() -> Examples:
    """Within the range of the declared accuracy."""
    arguments = st.fixed_dictionaries({"max_factor": st.floats(1.0625, 1.5)})
    return st.builds(Example, arguments=arguments, domain=_large())


def projective() -> Examples:
    """Within the range of the declared accuracy."""
    arguments = st.fixed_dictionaries({"max_roll": st.floats(0.0, 0.5), "max_tilt": st.floats(0.0, 0.05)})
    return st.builds(Example, arguments=arguments, domain=_large())
