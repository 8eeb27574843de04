"""Constructor arguments of the generators of trajectories."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Arguments = st.SearchStrategy[dict[str, Any]]


def radial() -> Arguments:
    """Draw numbers of spokes."""
    return st.fixed_dictionaries({"spokes": st.integers(1, 5), "samples": st.just(8), "size": st.just(7)})


def golden_radial() -> Arguments:
    """Draw golden and tiny golden angles."""
    sizes = {"spokes": st.integers(1, 5), "samples": st.just(8), "size": st.just(7)}
    return st.fixed_dictionaries({**sizes, "order": st.sampled_from([1, 7])})


def spiral() -> Arguments:
    """Draw constant and variable density."""
    spacing = st.sampled_from([(0.8, 0.8), (0.5, 1.5)])
    return st.fixed_dictionaries({"arms": st.integers(2, 4), "size": st.just(16), "spacing": spacing})


def rosette() -> Arguments:
    """Draw petals and shots."""
    return st.fixed_dictionaries(
        {
            "petals": st.integers(3, 6),
            "samples": st.just(40),
            "size": st.just(16),
            "shots": st.integers(1, 2),
        }
    )


def stack_of_stars() -> Arguments:
    """Draw odd and even numbers of partitions."""
    sizes = {"spokes": st.just(3), "samples": st.just(8), "size": st.just(8)}
    return st.fixed_dictionaries({"partitions": st.integers(2, 5), **sizes})


def kooshball() -> Arguments:
    """Draw numbers of spokes."""
    return radial()
