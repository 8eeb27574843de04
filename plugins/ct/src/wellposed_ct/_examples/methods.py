"""Small scans for the iterative and statistical methods, with the noise that they read their weights from."""

from __future__ import annotations

import math
from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing import Example

Arguments = st.SearchStrategy[dict[str, Any]]

_ORDERS = st.sampled_from(["spread", "sequential"])


def _scan(arguments: Arguments, noise: str | None = None) -> st.SearchStrategy[Example]:
    """Draw a small scan, parallel or fan, whose rays all cross the image; some have a square's symmetries."""

    def build(chosen: dict[str, Any], views: int, channels: int, fan: bool, even: bool) -> Example:
        from wellposed import ForwardModel
        from wellposed.noise import LogPoisson
        from wellposed_ct.noise import LowDose
        from wellposed_ct.projectors import FanBeam, ParallelBeam

        angles = torch.linspace(0, 3.1, views, dtype=torch.float64)
        domain = Space((channels, 8, 7), torch.float64)
        if even:
            angles = torch.arange(4, dtype=torch.float64) * math.pi / (2 if fan else 4)
            domain = Space((channels, 7, 7), torch.float64)
        if fan:
            projector: Any = FanBeam(angles, domain, 40.0, 60.0, 6, 1.2, pixel_mm=0.8)
        else:
            projector = ParallelBeam(angles, domain, 6, pixel_mm=0.8)
        noises = {"photons": LogPoisson(N0=2e3), "electronic": LowDose(N0=2e3, electronic=4.0)}
        physics = projector if noise is None else ForwardModel(projector, noises[noise])
        return Example(chosen, physics=physics)

    return st.builds(build, arguments, st.integers(5, 9), st.integers(1, 2), st.booleans(), st.booleans())


def sart() -> st.SearchStrategy[Example]:
    """View by view, and in subsets."""
    return _scan(
        st.fixed_dictionaries(
            {
                "iterations": st.integers(1, 3),
                "subsets": st.sampled_from([None, 1, 3]),
                "relaxation": st.sampled_from([0.3, 1.0]),
                "order": _ORDERS,
                "non_negative": st.booleans(),
            }
        )
    )


def lsqr() -> st.SearchStrategy[Example]:
    """Every preconditioner, with and without damping."""
    return _scan(
        st.fixed_dictionaries(
            {
                "iterations": st.integers(1, 5),
                "damping": st.sampled_from([0.0, 0.1]),
                "preconditioner": st.sampled_from(["none", "ramp", "circulant"]),
            }
        )
    )


def pwls() -> st.SearchStrategy[Example]:
    """Every penalty, by surrogates and by the primal-dual iteration."""
    chosen = st.fixed_dictionaries(
        {
            "penalty": st.sampled_from(["quadratic", "huber", "tv"]),
            "strength": st.sampled_from([0.3, 1.0]),
            "iterations": st.integers(1, 12),
            "subsets": st.sampled_from([1, 2]),
            "weights": st.sampled_from(["statistical", "none"]),
        }
    )
    return st.one_of(_scan(chosen, "photons"), _scan(chosen, "electronic"), _scan(chosen))


def mlem() -> st.SearchStrategy[Example]:
    """With subsets and background."""
    return _scan(
        st.fixed_dictionaries(
            {
                "iterations": st.integers(1, 5),
                "subsets": st.sampled_from([1, 3]),
                "background": st.sampled_from([0.0, 0.2]),
                "order": _ORDERS,
            }
        )
    )


def mltr() -> st.SearchStrategy[Example]:
    """With and without electronic noise."""
    chosen = st.fixed_dictionaries(
        {"iterations": st.integers(1, 5), "subsets": st.sampled_from([1, 3]), "order": _ORDERS}
    )
    return st.one_of(_scan(chosen, "photons"), _scan(chosen, "electronic"))


def asd_pocs() -> st.SearchStrategy[Example]:
    """Draw a few rounds."""
    return _scan(
        st.fixed_dictionaries(
            {
                "iterations": st.integers(1, 3),
                "descents": st.integers(1, 4),
                "subsets": st.sampled_from([None, 2]),
                "tolerance": st.just(1e6),  # so few rounds explain no data
            }
        )
    )


def pnp() -> st.SearchStrategy[Example]:
    """With a quick denoiser."""

    def build(chosen: dict[str, Any]) -> dict[str, Any]:
        from wellposed_optim import TVDenoiser

        return {"denoiser": TVDenoiser(), **chosen}

    return _scan(st.fixed_dictionaries({"iterations": st.integers(1, 2)}).map(build))


def low_dose() -> Arguments:
    """From starving to a low clinical dose, weak and strong read-out."""
    return st.fixed_dictionaries(
        {
            "N0": st.floats(16.0, 2048.0, width=32),
            "electronic": st.floats(0.5, 16.0, width=32),
            "mu": st.floats(0.25, 2.0, width=32),
        }
    )
