"""Constructor arguments that the conformance kit tests every component of this pack with."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing.example import Example

Arguments = st.SearchStrategy[dict[str, Any]]

_SCALES = st.sampled_from([1.0, 255.0, 0.5])


def _plain() -> Arguments:
    return st.just({})


def supervised_l1() -> Arguments:
    """Draw no argument."""
    return _plain()


def supervised_l2() -> Arguments:
    """Draw no argument."""
    return _plain()


def measurement_consistency() -> Arguments:
    """Draw no argument."""
    return _plain()


def sure() -> Arguments:
    """Draw noise levels from none to strong."""
    return st.fixed_dictionaries(
        {"sigma": st.sampled_from([0.0, 0.05, 0.5])}, optional={"tau": st.sampled_from([1e-3, 0.1])}
    )


def equivariant_imaging() -> Arguments:
    """Draw from the exact groups of the core."""
    from wellposed import transforms

    return st.fixed_dictionaries(
        {"transform": st.sampled_from([transforms.Flips(), transforms.CyclicShifts()])},
        optional={"detach": st.booleans()},
    )


def splitting() -> Arguments:
    """Draw shares from one half to almost all."""
    return st.fixed_dictionaries(
        {"ratio": st.sampled_from([0.5, 0.6, 0.9])},
        optional={"pixelwise": st.booleans(), "samples": st.integers(1, 3)},
    )


def psnr() -> Arguments:
    """Draw fixed scales, and the reference's own."""
    return st.fixed_dictionaries({}, optional={"max_value": st.one_of(_SCALES, st.none())})


def ssim() -> st.SearchStrategy[Example]:
    """Draw both windows, on images just larger than they are."""
    gaussian = st.fixed_dictionaries({"window": st.just("gaussian"), "sigma": st.sampled_from([1.0, 1.5])})
    uniform = st.fixed_dictionaries(
        {"window": st.just("uniform"), "size": st.sampled_from([3, 7]), "sample_covariance": st.booleans()}
    )
    shapes = st.tuples(st.integers(1, 3), st.integers(11, 14), st.integers(11, 14))
    return st.builds(
        lambda arguments, scale, shape: Example(
            arguments | {"data_range": scale}, domain=Space(shape, torch.float64)
        ),
        st.one_of(gaussian, uniform),
        _SCALES,
        shapes,
    )


def mae() -> Arguments:
    """Draw no argument."""
    return _plain()


def mse() -> Arguments:
    """Draw no argument."""
    return _plain()


def nmse() -> Arguments:
    """Draw no argument."""
    return _plain()


def nrmse() -> Arguments:
    """Draw no argument."""
    return _plain()
