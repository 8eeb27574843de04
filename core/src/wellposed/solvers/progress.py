"""Who is still running: the bookkeeping of per-sample stopping, shared by all methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from wellposed.solvers.rows import Rows, Scalars
from wellposed.solvers.solution import StopReason
from wellposed.spaces import Vector

Callback = Callable[[int, Vector, Tensor], Any]
"""``callback(iteration, x, residual)``; a truthy answer, or ``(B,)`` bools, stops (those samples)."""

REASONS = tuple(StopReason)
_NEVER = int(np.iinfo(np.int64).max)
_CODE = {reason: i for i, reason in enumerate(REASONS)}


def code_of(reason: StopReason) -> int:
    """Return the integer that stands for ``reason`` in arrays."""
    return _CODE[reason]


class Progress:
    """Active samples, reasons and iteration counts of one run of a method.

    ``limit`` is the number of iterations that each sample may still make, ``(B,)``.
    """

    def __init__(self, limit: Scalars) -> None:
        self.limit = limit
        self.active: Scalars = np.ones(np.shape(limit), dtype=bool)[()]
        self.code = np.zeros(np.shape(limit), dtype=np.int64)
        self.iterations = np.zeros(np.shape(limit), dtype=np.int64)
        self.next_limit = int(np.min(limit, initial=_NEVER))
        self.running = bool(np.any(self.active))
        self.partial = False

    def stop(self, who: Scalars, reason: StopReason, k: int) -> None:
        """Retire the active samples in ``who``, after ``k`` iterations."""
        who = who & self.active
        if not np.any(who):
            return
        self.code = np.where(who, _CODE[reason], self.code)
        self.iterations = np.where(who, k, self.iterations)
        self.active = self.active & ~who
        self.partial = True
        self.running = bool(np.any(self.active))
        self.next_limit = int(np.min(np.where(self.active, self.limit, _NEVER)))

    def stop_at_limit(self, k: int) -> None:
        """Retire the samples that may not go on."""
        self.stop(self.limit <= k, StopReason.ITERATION_LIMIT, k)

    def ask(self, answer: Any, k: int) -> None:
        """Retire what the callback's answer names."""
        if answer is None or answer is False:
            return
        if isinstance(answer, Tensor):
            answer = answer.detach().to("cpu", torch.bool).numpy()
        who = np.broadcast_to(np.asarray(answer, dtype=bool).squeeze(), np.shape(self.limit))[()]
        self.stop(who, StopReason.CALLBACK, k)


Report = Callable[[int, Rows, Scalars], Any]
"""What a method calls after each iteration: ``report(k, x, residual norms)``; the callback's answer."""
