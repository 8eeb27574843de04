"""What one method gave: the unit that pictures, error maps, curves and reports are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import attrs

History: TypeAlias = Mapping[str, Sequence[float]]


def _history(value: History | Sequence[float] | None) -> dict[str, list[float]]:
    if value is None:
        return {}
    curves = value if isinstance(value, Mapping) else {"objective": value}
    return {str(name): [float(v) for v in values] for name, values in curves.items()}


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


@attrs.frozen(eq=False)
class Entry:
    """One method's picture and numbers.

    Parameters
    ----------
    method
        The name shown. Any text: it is escaped wherever it appears.
    image
        ``(B, C, H, W)``, ``(C, H, W)`` or ``(H, W)``; the first sample is shown.
    psnr, ssim, seconds
        Numbers, one-element tensors, or ``None`` where unknown. PSNR is in decibels.
    history
        ``{quantity: value per iteration}``; a bare sequence is taken as the objective.
    settings
        The method's parameters, shown as text.
    is_input
        Marks the measured input, which is shown for comparison and never counts as best.
    """

    method: str = attrs.field(converter=str)
    image: Any = attrs.field(repr=False)
    psnr: float | None = attrs.field(default=None, converter=_number)
    ssim: float | None = attrs.field(default=None, converter=_number)
    seconds: float | None = attrs.field(default=None, converter=_number)
    history: dict[str, list[float]] = attrs.field(default=None, converter=_history, repr=False)
    settings: Mapping[str, Any] = attrs.field(factory=dict)
    is_input: bool = False


Pictures: TypeAlias = Mapping[str, Any] | Sequence[Entry]
"""What the figures take: ``{title: image}``, or entries, whose scores are then written below their names."""


def as_entries(pictures: Pictures) -> list[Entry]:
    """Return entries for either form of :data:`Pictures`."""
    if isinstance(pictures, Mapping):
        return [Entry(name, image) for name, image in pictures.items()]
    return list(pictures)
