"""Iterates that run away are an error and not a picture."""

from __future__ import annotations

import pytest
import torch

from wellposed.errors import ConvergenceError
from wellposed.operators import Matrix
from wellposed.spaces import Space
from wellposed_ct import SART, SIRT


def test_negative_entries_whose_sums_are_positive_make_it_diverge() -> None:
    matrix = torch.tensor([[3.0, -2.9], [-2.9, 3.0]], dtype=torch.float64)
    space = Space((1, 1, 2), torch.float64)
    op = Matrix(matrix, space, space)
    y = torch.tensor([1.0, 0.5], dtype=torch.float64).reshape(1, 1, 1, 2)
    with pytest.raises(ConvergenceError, match=r"SIRT diverges: .* that of an empty picture is 1.12"):
        SIRT(20, non_negative=False)(y, op)
    with pytest.raises(ConvergenceError, match=r"SART diverges: .* that of an empty picture is 1.12"):
        SART(20, subsets=1, non_negative=False)(y, op)
    assert SIRT(3)(0 * y, op).abs().max() == 0
