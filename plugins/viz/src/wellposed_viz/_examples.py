"""Constructor arguments by which the conformance kit tests this pack's components."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st


def photo_reader() -> st.SearchStrategy[dict[str, Any]]:
    """Draw limits on the size of an image."""
    return st.fixed_dictionaries({"max_pixels": st.integers(1, 2**27)})


def photo_writer() -> st.SearchStrategy[dict[str, Any]]:
    """Draw bit depths and qualities."""
    return st.fixed_dictionaries(
        {"bits": st.sampled_from([None, 8, 16]), "quality": st.integers(1, 95), "overwrite": st.booleans()}
    )


def photograph() -> st.SearchStrategy[dict[str, Any]]:
    """Draw small versions of two photographs."""
    return st.fixed_dictionaries(
        {"name": st.sampled_from(["camera", "cat"]), "size": st.sampled_from([16, 17]), "grey": st.booleans()}
    )


def html_report() -> st.SearchStrategy[dict[str, Any]]:
    """Draw numbers of details."""
    return st.fixed_dictionaries({"details": st.integers(0, 3)})


def card() -> st.SearchStrategy[dict[str, Any]]:
    """Draw nothing: a card takes no arguments."""
    return st.just({})
