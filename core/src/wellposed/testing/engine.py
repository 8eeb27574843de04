"""Run checks on one case: from cause to echo, every exception a result, every random state restored."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from wellposed.errors import ParameterError
from wellposed.nearest import did_you_mean
from wellposed.testing.case import Case, Check, Failure, Skip
from wellposed.testing.report import Result


def run(case: Case, checks: Sequence[Check], wanted: Collection[str] | None = None) -> list[Result]:
    """Run ``checks`` in order, those of ``wanted`` and what they rest on; skip echoes of failures."""
    chosen = closure(checks, wanted)
    results: list[Result] = []
    blocked: dict[str, str] = {}
    with _random_state_restored():
        for check in checks:
            if check.name not in chosen:
                continue
            cause = next((blocked[name] for name in check.after if name in blocked), None)
            if cause is not None:
                blocked[check.name] = cause
                results.append(Result(check.name, "skipped", f"not run, since {cause} failed"))
                continue
            results.append(result := _run_one(check, case))
            if result.status == "failed":
                blocked[check.name] = check.name
    return [r for r in results if wanted is None or r.check in wanted or r.status == "failed"]


def expect(results: Sequence[Result], expected: Mapping[str, str]) -> list[Result]:
    """Turn declared failures into known ones, and a declared failure that does not happen into a failure."""
    known = [r.check for r in results]
    for name in expected:
        if name not in known:
            hint = did_you_mean(name, known)
            raise ParameterError(f"expected_failures names {name!r}, which is no check that was run.{hint}")
    return [_expect(r, expected.get(r.check)) for r in results]


def _expect(result: Result, reason: str | None) -> Result:
    if reason is None:
        return result
    if not reason.strip():
        message = "it is declared as a known failure without a reason; give one"
        return Result(result.check, "failed", message, seconds=result.seconds)
    if result.status == "failed":
        return Result(result.check, "expected", f"{reason} [{result.message}]", seconds=result.seconds)
    if result.status == "skipped" and "not run, since" in result.message:
        return result
    message = f"it is declared as a known failure ({reason}), but it is {result.status}; drop the declaration"
    return Result(result.check, "failed", message, seconds=result.seconds)


def _run_one(check: Check, case: Case) -> Result:
    start = time.perf_counter()
    torch.manual_seed(case.seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a warning is for the user of a component, not a defect of it
            check.run(case)
    except Skip as reason:
        return Result(check.name, "skipped", str(reason), seconds=time.perf_counter() - start)
    except Failure as failure:
        return Result(check.name, "failed", str(failure), seconds=time.perf_counter() - start)
    except Exception as error:  # whatever a stranger's component raises is a finding about it
        message = f"it raises {type(error).__name__}: {error}"
        return Result(check.name, "failed", message, seconds=time.perf_counter() - start)
    return Result(check.name, "passed", seconds=time.perf_counter() - start)


def closure(checks: Sequence[Check], wanted: Collection[str] | None) -> set[str]:
    """Return the names of ``wanted`` and of the checks they rest on; all of them for ``None``."""
    names = {check.name: check for check in checks}
    if wanted is None:
        return set(names)
    for name in wanted:
        if name not in names:
            raise ParameterError(
                f"there is no check {name!r}; checks: {', '.join(names)}.{did_you_mean(name, names)}"
            )
    chosen: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in names and name not in chosen:
            chosen.add(name)
            waiting.extend(names[name].after)
    return chosen


@contextlib.contextmanager
def _random_state_restored() -> Iterator[None]:
    """Leave torch's and NumPy's global random states as they were: a check must not change a notebook."""
    state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        torch.set_rng_state(state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def merge(runs: Sequence[tuple[str, Sequence[Result]]]) -> list[Result]:
    """Merge the results of several examples, check by check: the first failure, else a pass, else a skip."""
    order = list(dict.fromkeys(r.check for _, results in runs for r in results))
    return [_merge(name, runs) for name in order]


def _merge(name: str, runs: Sequence[tuple[str, Sequence[Result]]]) -> Result:
    found = [(label, r) for label, results in runs for r in results if r.check == name]
    seconds = sum(r.seconds for _, r in found)
    for status in ("failed", "expected", "passed", "skipped"):
        for label, r in found:
            if r.status == status:
                suffix = f" [with {label}]" if status == "failed" and label else ""
                return Result(name, r.status, r.message + suffix, r.reproduce, seconds)
    raise AssertionError(name)


def describe(value: Any) -> str:
    """Write an argument briefly: tensors by shape."""
    if isinstance(value, torch.Tensor):
        return f"tensor{tuple(value.shape)}" if value.numel() > 4 else f"tensor({value.tolist()})"
    if isinstance(value, Mapping):
        return ", ".join(f"{k}={describe(v)}" for k, v in value.items())
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
