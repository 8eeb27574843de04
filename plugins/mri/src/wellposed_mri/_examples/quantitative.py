"""Signal models and their fit, with few contrasts; times of the order of the rates that are drawn."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing import Example


def _on(arguments: dict[str, Any], maps: int) -> Example:
    return Example(arguments, domain=Space((maps, 3, 4), torch.float64))


def t2_multi_echo() -> st.SearchStrategy[Example]:
    """Draw numbers of echoes."""
    return st.integers(2, 5).map(lambda n: _on({"echo_times": 0.1 * torch.arange(1, n + 1).double()}, 2))


def t1_recovery() -> st.SearchStrategy[Example]:
    """Inversion and saturation."""
    times = torch.tensor([0.1, 0.4, 1.0], dtype=torch.float64)
    return st.sampled_from([1.0, 2.0]).map(lambda i: _on({"times": times, "inversion": i}, 2))


def t1_variable_flip_angle() -> st.SearchStrategy[Example]:
    """Large angles, at which no rate that is drawn meets a pole."""
    angles = torch.tensor([0.4, 0.8, 1.3], dtype=torch.float64)
    return st.just(_on({"angles": angles, "repetition_time": 0.005}, 2))


def field_map() -> st.SearchStrategy[Example]:
    """Two echoes and three."""
    return st.integers(2, 3).map(lambda n: _on({"echo_times": 0.02 * torch.arange(1, n + 1).double()}, 3))


def water_fat() -> st.SearchStrategy[Example]:
    """Four echoes at two field strengths."""
    times = 1.1e-3 * torch.arange(1, 5).double()
    return st.sampled_from([1.5, 3.0]).map(lambda b: _on({"echo_times": times, "field_strength": b}, 5))


def signal_fit() -> st.SearchStrategy[Example]:
    """Fit rates of the order of one, and a frequency."""
    from wellposed_mri.quantitative import FieldMapEchoes, MultiEchoT2, RecoveryT1

    times = torch.tensor([0.1, 0.5, 1.5, 4.0], dtype=torch.float64)
    models = [(MultiEchoT2(times), 2), (RecoveryT1(times), 2), (FieldMapEchoes(times / 8), 3)]
    return st.sampled_from(models).map(
        lambda m: Example({"tolerance": 1e-9}, domain=Space((m[1], 3, 4), torch.float64), physics=m[0])
    )


def smooth_field_fit() -> st.SearchStrategy[Example]:
    """Fit frequencies; neighbours differ by up to a hertz or two."""
    from wellposed_mri.quantitative import FieldMapEchoes

    times = torch.tensor([0.01, 0.05, 0.15, 0.4], dtype=torch.float64) / 8
    return st.sampled_from([5.0, 20.0]).map(
        lambda step: Example(
            {"step": step}, domain=Space((3, 3, 4), torch.float64), physics=FieldMapEchoes(times)
        )
    )
