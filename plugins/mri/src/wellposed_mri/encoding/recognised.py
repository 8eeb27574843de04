"""Is this an MRI encoding? One of this pack's is; so is a stranger's for which a question has an answer."""

from __future__ import annotations

from typing import Any

from wellposed.operators import Composition, Scaled
from wellposed_mri.encoding.traits import is_grid, radius, sampled, seen, time_axis

QUESTIONS = (time_axis, is_grid, sampled, radius, seen)


def is_encoding(op: Any) -> bool:
    """Whether the report has something to say of an operator: a factor of a composition suffices."""
    if isinstance(op, Composition):
        return any(is_encoding(factor) for factor in op._operators())
    if isinstance(op, Scaled):
        return is_encoding(op.operand)
    ours = type(op).__module__.startswith("wellposed_mri.")
    return ours or any(asked.dispatch(type(op)) is not asked.dispatch(object) for asked in QUESTIONS)
