"""Parameters ξ: an override in a call is ``replace`` for that call, and nothing more."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from wellposed.operators import Operator
from wellposed.testing.case import Check, Failure, Skip
from wellposed.testing.diagnose import mismatch
from wellposed.testing.operator_case import OperatorCase

NONSENSE = "no_such_parameter"


def override(case: OperatorCase) -> None:
    """Evaluate with overridden ξ exactly as the replaced operator does; ξ has an effect."""
    if not callable(getattr(case.component, "replace", None)):
        raise Skip("no replace")
    tried = [name for name in parameters(case.component) if _compare(case, name)]
    if not tried:
        raise Skip("no parameter for which another valid value could be guessed")


def override_pure(case: OperatorCase) -> None:
    """Forget an override after the call; ``replace`` leaves the original alone."""
    tried = False
    for name in parameters(case.component):
        for value in _others(getattr(case.component, name)):
            op = case.fresh()
            before, state = op.A(case.x), getattr(op, name).clone()
            try:
                op.A(case.x, **{name: value})
                if case.linear:
                    op.A_adjoint(case.y, **{name: value})
                if callable(getattr(op, "replace", None)):
                    op.replace(**{name: value})
            except Exception:  # this guess is no valid value of this parameter
                continue
            tried = True
            text = mismatch(op.A(case.x), before, case.tolerance)
            if text is None:
                text = mismatch(getattr(op, name), state, 0.0)
            if text is not None:
                raise Failure(
                    f"an override of {name!r} stays after the call: {text}. Evaluate with the value, "
                    "do not store it; replace() is for keeping."
                )
            break
    if not tried:
        raise Skip("no parameter can be overridden")


def unknown_override(case: OperatorCase) -> None:
    """Refuse parameters that it does not have, so that a typo is not silently ignored."""
    calls = [("A", case.component.A, case.x)]
    if case.linear:
        calls.append(("A_adjoint", case.component.A_adjoint, case.y))
    for label, method, argument in calls:
        try:
            method(argument, **{NONSENSE: torch.ones(1)})
        except (TypeError, ValueError, KeyError, AttributeError):
            continue
        if not isinstance(case.component, Operator) and not parameters(case.component):
            raise Skip("it has no parameters that could be misspelt, and what its **kwargs mean is its own")
        raise Failure(
            f"{label}(…, {NONSENSE}=…) is accepted: a misspelt parameter would be ignored silently. "
            "Raise UnknownParameterError (a TypeError) for names that are no parameter."
        )


def parameters(component: Any) -> list[str]:
    """Return the names of the tensors ξ that a call may override."""
    if callable(getattr(component, "parameters_xi", None)):
        return [n for n in component.parameters_xi() if isinstance(getattr(component, n, None), Tensor)]
    names = [p.name for p in inspect.signature(component.A).parameters.values()][1:]
    if isinstance(component, nn.Module):
        names += [
            n
            for n, _ in (*component.named_buffers(recurse=False), *component.named_parameters(recurse=False))
        ]
    return [n for n in dict.fromkeys(names) if isinstance(getattr(component, n, None), Tensor)]


def _compare(case: OperatorCase, name: str) -> bool:
    """Compare override and replacement for one parameter; ``False`` when no other value was accepted."""
    accepted = False
    for value in _others(getattr(case.component, name)):
        op = case.fresh()
        try:
            other = op.replace(**{name: value})
            want = other.A(case.x)
        except Exception:  # this guess is no valid value of this parameter
            continue
        accepted = True
        _same(case, name, "A", case.fresh().A(case.x, **{name: value}), want)
        if case.linear:
            back = case.fresh().A_adjoint(case.y, **{name: value})
            _same(case, name, "A_adjoint", back, other.A_adjoint(case.y))
        if mismatch(want, case.A(case.x), case.tolerance) is not None:
            return True
    if accepted:
        raise Failure(
            f"the parameter {name!r} has no effect: A is the same for every other value that was tried"
        )
    return False


def _same(case: OperatorCase, name: str, label: str, got: Any, want: Any) -> None:
    if (text := mismatch(got, want, case.tolerance)) is not None:
        raise Failure(f"{label}(…, {name}=v) is not replace({name}=v).{label}(…): {text}")


def _others(value: Tensor) -> Iterator[Tensor]:
    """Guess other valid values: rearranged (keeps sums and masks valid), then erased, inverted, rescaled."""
    value = value.detach()
    guesses = [value.flatten().roll(1).reshape(value.shape), value.flip(tuple(range(value.ndim)))]
    if value.dtype == torch.bool:
        guesses.append(~value)
    elif value.is_floating_point() or value.is_complex():
        half = value.clone().flatten()
        half[::2] = 0
        guesses += [half.reshape(value.shape), 1 - value, 0.75 * value, value + 0.5]
    yield from (guess for guess in guesses if not torch.equal(guess, value))


CHECKS = (
    Check("override", override, after=("evaluates", "mutation", "determinism", "history", "batch")),
    Check("override_pure", override_pure, after=("evaluates", "mutation", "determinism", "history", "batch")),
    Check("unknown_override", unknown_override, after=("evaluates",)),
)
