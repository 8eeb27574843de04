"""How to build each noise model of the core: strategies of constructor arguments, edge values included."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Arguments = st.SearchStrategy[dict[str, Any]]


def _between(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False, width=32)


def gaussian() -> Arguments:
    """Any positive strength."""
    return st.fixed_dictionaries({"sigma": _between(2**-6, 1.0)})


def poisson() -> Arguments:
    """From a fraction of a photon to thousands at white."""
    return st.fixed_dictionaries({"gain": _between(2**-10, 2.0)})


def poisson_gaussian() -> Arguments:
    """Few and many photons, weak and strong read-out."""
    return st.fixed_dictionaries({"gain": _between(2**-8, 1.0), "sigma": _between(2**-5, 0.5)})


def uniform() -> Arguments:
    """Any positive width."""
    return st.fixed_dictionaries({"half_width": _between(2**-6, 1.0)})


def salt_and_pepper() -> Arguments:
    """Chances from none to all, with the usual and with other extremes."""
    impulses = {"salt": _between(0.0, 0.5), "pepper": _between(0.0, 0.5)}
    return st.fixed_dictionaries(impulses, optional={"low": _between(-1.0, 0.0), "high": _between(0.5, 2.0)})


def laplace() -> Arguments:
    """Any positive scale."""
    return st.fixed_dictionaries({"scale": _between(2**-6, 1.0)})


def gamma() -> Arguments:
    """From fully developed speckle to nearly none."""
    return st.fixed_dictionaries({"looks": _between(1.0, 64.0)})


def log_poisson() -> Arguments:
    """From starving to a low clinical dose."""
    return st.fixed_dictionaries({"N0": _between(16.0, 4096.0), "mu": _between(0.25, 2.0)})


def rician() -> Arguments:
    """Any positive strength."""
    return st.fixed_dictionaries({"sigma": _between(2**-5, 1.0)})


def quantisation() -> Arguments:
    """One to eight bits, with and without noise before."""
    return st.fixed_dictionaries({"step": _between(2**-8, 0.5)}, optional={"sigma": _between(2**-5, 0.25)})
