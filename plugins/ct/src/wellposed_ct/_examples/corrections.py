"""Constructor arguments of the corrections."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Arguments = st.SearchStrategy[dict[str, Any]]


def chain() -> Arguments:
    """Nothing, or two steps."""
    from wellposed_ct.corrections import SortingRings, Zingers

    return st.sampled_from([{}, {"steps": (Zingers(), SortingRings(5))}])


def zingers() -> Arguments:
    """Both ways to choose the threshold."""
    return st.fixed_dictionaries(
        {"threshold": st.sampled_from([None, 0.3]), "views": st.sampled_from([3, 5])}
    )


def rings_sorting() -> Arguments:
    """Draw windows."""
    return st.fixed_dictionaries({"window": st.sampled_from([3, 21])})


def rings_wavelet() -> Arguments:
    """Draw widths, levels and wavelets."""
    return st.fixed_dictionaries(
        {
            "sigma": st.sampled_from([0.5, 3.0]),
            "levels": st.integers(1, 5),
            "wavelet": st.sampled_from(["haar", "db5"]),
        }
    )


def rings_regularised() -> Arguments:
    """Draw weights."""
    return st.fixed_dictionaries({"weight": st.sampled_from([0.01, 1.0])})


def centre() -> Arguments:
    """Every method."""
    from wellposed_ct.corrections import CENTRE_METHODS

    return st.fixed_dictionaries({"method": st.sampled_from(CENTRE_METHODS)})


def beam_hardening() -> Arguments:
    """Draw short polynomials."""
    return st.fixed_dictionaries({"coefficients": st.sampled_from([(1.0,), (1.0, 0.05, 0.01)])})


def scatter() -> Arguments:
    """Draw kernels."""
    return st.fixed_dictionaries(
        {"amplitude": st.sampled_from([0.0, 0.3]), "width": st.sampled_from([2.0, 30.0])}
    )


def truncation() -> Arguments:
    """Both models."""
    return st.fixed_dictionaries(
        {"fraction": st.sampled_from([0.2, 1.0]), "model": st.sampled_from(["cosine", "water"])}
    )


def metal() -> Arguments:
    """Draw thresholds."""
    return st.fixed_dictionaries({"threshold": st.sampled_from([0.05, 0.5])})
