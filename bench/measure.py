"""Timing in turns, and peak memory, of two callables in this process."""

from __future__ import annotations

import ctypes
import gc
import statistics
import time
from pathlib import Path

import attrs

from bench.case import Call, Sides

SAMPLE = 1e-3
"""Seconds that one sample lasts at least; shorter calls are repeated within it."""
LEAST = 5
"""Pairs of samples that a median needs."""
UNDISTURBED = 0.95
"""Share of a sample's time during which this process had a processor, for the sample to count."""


@attrs.frozen
class _Sample:
    """Seconds of one call, and the processor time per second of it."""

    seconds: float
    share: float


@attrs.frozen
class Timing:
    """Medians and interquartile ranges in ms per unit of work, and MiB."""

    ours_ms: float
    peer_ms: float
    ours_spread: float
    peer_spread: float
    ours_mib: float | None
    peer_mib: float | None
    rounds: int


def compare(sides: Sides, seconds: float, external: bool = False) -> Timing:
    """Measure both sides in turns (A B, B A, …) for about ``seconds``."""
    if external:
        return _compare_external(sides, seconds)
    calls = sides.ours, sides.peer
    repeats = [_repeats(f) for f in calls]
    pairs: list[tuple[_Sample, _Sample]] = []
    end = time.perf_counter() + seconds
    while len(pairs) < LEAST or (time.perf_counter() < end and len(pairs) < 400):
        order = (0, 1) if len(pairs) % 2 == 0 else (1, 0)
        taken = {side: _sample(calls[side], repeats[side]) for side in order}
        pairs.append((taken[0], taken[1]))
    kept = _undisturbed(pairs)
    ours, peer = ([p[side].seconds * 1e3 / sides.per_call for p in kept] for side in (0, 1))
    return _summary((ours, peer), [peak_mib(f) for f in calls])


def _undisturbed(pairs: list[tuple[_Sample, _Sample]]) -> list[tuple[_Sample, _Sample]]:
    """Return the pairs during which no other program took the processor, or the least disturbed ones."""
    ranked = sorted(pairs, key=lambda p: min(p[0].share, p[1].share), reverse=True)
    clean = [p for p in ranked if min(p[0].share, p[1].share) >= UNDISTURBED]
    return clean if len(clean) >= LEAST else ranked[:LEAST]


def _compare_external(sides: Sides, seconds: float) -> Timing:
    samples: tuple[list[float], list[float]] = [], []
    memory: list[list[float]] = [[], []]
    end = time.perf_counter() + seconds
    sides.ours(), sides.peer()  # the disk cache is warm afterwards
    while len(samples[0]) < 3 or time.perf_counter() < end:
        for side, f in enumerate((sides.ours, sides.peer)):
            took, mib = f()
            samples[side].append(took * 1e3)
            memory[side].append(mib)
    return _summary(samples, [statistics.median(m) for m in memory])


def _summary(samples: tuple[list[float], list[float]], memory: list[float | None]) -> Timing:
    ours, peer = samples
    return Timing(
        statistics.median(ours), statistics.median(peer), _spread(ours), _spread(peer),
        memory[0], memory[1], len(ours),
    )  # fmt: skip


def _spread(values: list[float]) -> float:
    quarters = statistics.quantiles(values, n=4)
    return quarters[2] - quarters[0]


def _repeats(f: Call) -> int:
    for _ in range(3):
        took = _sample(f, 1).seconds
    return max(1, min(10_000, int(SAMPLE / max(took, 1e-7))))


def _sample(f: Call, repeats: int) -> _Sample:
    turns = range(repeats)
    gc.disable()
    start, cpu = time.perf_counter(), time.process_time()
    for _ in turns:
        f()
    took, worked = time.perf_counter() - start, time.process_time() - cpu
    gc.enable()
    return _Sample(took / repeats, worked / took)


def peak_mib(f: Call) -> float | None:
    """Return how far one call raises resident memory, its result included; ``None`` where unknown."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what earlier calls left must not hide this one's need
        Path("/proc/self/clear_refs").write_text("5")
        before = resident_mib("VmRSS")
        f()
        return max(0.0, round(resident_mib("VmHWM") - before, 2))
    except (OSError, AttributeError, StopIteration):
        return None


def resident_mib(field: str) -> float:
    """Return ``VmRSS`` (now) or ``VmHWM`` (peak) of this process in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith(field)).split()[1]) / 1024
