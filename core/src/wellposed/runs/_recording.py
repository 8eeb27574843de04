"""The clock of a method, and what its iterations looked like: the clock rests while they are looked at."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from wellposed import vectors
from wellposed.measurement import Measurement
from wellposed.vectors import leaves


class Stopwatch:
    """Wall-clock seconds, less those spent looking on."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self._since: float | None = None

    def __enter__(self) -> Stopwatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Go on."""
        self._wait()
        self._since = time.perf_counter()

    def stop(self) -> None:
        """Rest."""
        self._wait()
        if self._since is not None:
            self.seconds += time.perf_counter() - self._since
        self._since = None

    def _wait(self) -> None:
        # work on a GPU is only queued when a call returns
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


class Recorder:
    """The callback of a method: tells the listener, and writes down what every iteration reached.

    Quantities: the objective where the method has one, the relative change of the image, and the score by
    the first metric where the truth is known.
    """

    def __init__(
        self,
        model: Any,
        measurement: Measurement,
        watch: Stopwatch,
        tell: Callable[[int], None],
        score: tuple[str, Callable[[Tensor], float | None]] | None,
    ) -> None:
        self.model, self.measurement, self.watch, self.tell = model, measurement, watch, tell
        self.score = score
        self.history: dict[str, list[float]] = {}
        self.latest: Tensor | None = None
        self._objective = getattr(model, "objective", None)

    def __call__(self, count: int, x: Tensor) -> None:
        """Look at iteration ``count``, with the clock stopped."""
        self.watch.stop()
        self.tell(count)
        self._note("objective", self._objective_of(x))
        self._note("relative change", self._change_of(x))
        if self.score is not None:
            self._note(self.score[0], self.score[1](x))
        # a method may update its image in place
        self.latest = x.detach().clone()
        self.watch.start()

    def _note(self, quantity: str, value: float | None) -> None:
        if value is not None:
            self.history.setdefault(quantity, []).append(value)

    def _change_of(self, x: Tensor) -> float:
        if self.latest is None or self.latest.shape != x.shape:
            return math.nan  # keeps the place of the first iteration
        size = vectors.norm(x).clamp(min=1e-30)
        return float((vectors.norm(x - self.latest) / size).mean())

    def _objective_of(self, x: Tensor) -> float | None:
        if self._objective is None:
            return None
        try:
            value: Tensor = self._objective(x, self.measurement.y, self.measurement.physics)
            return float(value.mean())
        except Exception:  # a prior known by its prox alone has no value; the curve is left out
            self._objective = None
            return None


def reports_iterations(model: Any) -> bool:
    """Whether ``model`` has ``solve(y, physics, …, callback=…)``, as the algorithms of pack optim do."""
    solve = getattr(model, "solve", None)
    try:
        return solve is not None and "callback" in inspect.signature(solve).parameters
    except (TypeError, ValueError):
        return False


def warm_up(measurement: Measurement) -> None:
    """Evaluate the physics once, so that the first method does not pay for caches and FFT plans."""
    physics = measurement.physics
    adjoint: Callable[[Any], Any] | None = getattr(physics, "A_adjoint", None)
    if adjoint is not None:
        physics.A(adjoint(measurement.y))


def device_of(measurement: Measurement) -> torch.device:
    """Return where the data lie."""
    return leaves(measurement.y)[0].device
