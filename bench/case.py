"""What a benchmark is: two sides, a proof that they agree, and the ratio asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs

Call = Callable[[], Any]


@attrs.frozen
class Sides:
    """Both sides of a case, ready to be timed.

    Attributes
    ----------
    ours, peer
        Called without arguments.
    accuracy
        Relative difference of the two results (or another defect, named in the case's note).
    per_call
        Units of work in one call, e.g. the iterations of a loop: times are reported per unit.
    """

    ours: Call
    peer: Call
    accuracy: float
    per_call: int = 1


@attrs.frozen
class Case:
    """One row to be.

    Attributes
    ----------
    name
        ``section: what is done``; unique in its group.
    ours, peer
        What runs on each side, in words; the peer with its version.
    prepare
        Builds both sides; imports happen here.
    target
        Largest ratio ours / peer asked for, or ``None``.
    excess_target_ms
        Largest difference ours − peer asked for, in ms, or ``None``.
    tolerance
        Largest difference of the two results with which the comparison is fair; more stops the run.
    threads
        For ``torch.set_num_threads``.
    note
        What a reader has to know to read the numbers.
    curve, x
        Rows of one ``curve`` are drawn as one line over ``x``.
    external
        The sides return their own measurement ``(seconds, MiB)``, made in a process of their own.
    """

    name: str
    ours: str
    peer: str
    prepare: Callable[[], Sides]
    target: float | None = None
    excess_target_ms: float | None = None
    tolerance: float = 1e-4
    threads: int = 1
    note: str = ""
    curve: str | None = None
    x: int | None = None
    external: bool = False
