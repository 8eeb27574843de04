"""Derivatives and transformations: vjp, jvp, autograd and vmap agree with the operator itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from wellposed.structure import AdjointAccuracy
from wellposed.testing.case import Check, Failure, Skip, clone, detach, need
from wellposed.testing.diagnose import mismatch
from wellposed.testing.operator_case import OperatorCase
from wellposed.testing.probes import with_precision
from wellposed.vectors import leaves, map_vector

STEP = 1e-5
"""Step of central differences, for operators that autograd cannot look into."""


def vjp(case: OperatorCase) -> None:
    """Return J(x)*v from ``A_vjp``: the adjoint for linear operators, the derivative's for others."""
    need(case.component, "A_vjp")
    x, v = case.draw(case.domain, 7), case.draw(case.range, 8)
    got = detach(case.component.A_vjp(clone(x), clone(v)))
    if case.linear:
        _agree("A_vjp(x, v)", got, "A_adjoint(v)", case.adjoint(v), case.tolerance)
        return
    u = case.draw(case.domain, 9)
    left, right = case.inner(_difference(case, x, u), v), case.inner(u, got)
    gap = (left.real - right.real).abs().max() / (left.abs() + right.abs()).max().clamp_min(1e-300)
    if float(gap) > 1e-5:
        raise Failure(
            f"⟨J u, v⟩ by differences and ⟨u, A_vjp(x, v)⟩ disagree by {float(gap):.1e} of their size"
        )


def jvp(case: OperatorCase) -> None:
    """Return J(x)u from ``A_jvp``: A itself for linear operators, the derivative for others."""
    need(case.component, "A_jvp")
    x, u = case.draw(case.domain, 7), case.draw(case.domain, 8)
    got = detach(case.component.A_jvp(clone(x), clone(u)))
    if case.linear:
        _agree("A_jvp(x, u)", got, "A(u)", case.A(u), case.tolerance)
    else:
        _agree("A_jvp(x, u)", got, "the difference quotient of A", _difference(case, x, u), 1e-5)


def autograd(case: OperatorCase) -> None:
    """Let gradients flow: backward through A is the adjoint, and through A_adjoint is A."""
    if not case.linear:
        _flows(case.component.A, case.draw(case.domain, 7), "A")
        return
    declared = case.evidence(AdjointAccuracy)
    tolerance = 10 * case.tolerance if declared is None else max(10 * declared.accuracy, case.tolerance)
    x, y = case.draw(case.domain, 7), case.draw(case.range, 8)
    back = _pullback(case.component.A, x, y, "A")
    _agree("backward through A", back, "A_adjoint", case.adjoint(y), tolerance)
    back = _pullback(case.component.A_adjoint, y, x, "A_adjoint")
    _agree("backward through A_adjoint", back, "A", case.A(x), tolerance)


def vmap(case: OperatorCase) -> None:
    """Work under ``torch.func.vmap``, sample by sample."""
    if case.batch:
        raise Skip("its parameters are per sample")
    for face in case.faces():

        def single(x: Any, face: Any = face) -> Any:
            y = face.call(case.component, map_vector(lambda t: t[None], x))
            return map_vector(lambda t: t[0], y)

        try:
            got = detach(torch.func.vmap(single, randomness="same")(clone(face.inputs[0])))
        except Exception as error:
            first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            hint = (
                " Write out of place: cat, pad, where, scatter."
                if "inplace" in first or "in-place" in first
                else ""
            )
            raise Failure(
                f"{face.label} fails under torch.func.vmap: {type(error).__name__}: {first}{hint}"
            ) from error
        _agree(f"vmap of {face.label}", got, face.label, case.call(face), case.tolerance)


def device(case: OperatorCase) -> None:
    """Compute where its input lives: the same result on an accelerator, without hidden moves."""
    if not torch.cuda.is_available():
        raise Skip("no accelerator on this machine")
    if not hasattr(case.component, "to"):
        raise Skip("it has no .to()")
    moved = case.fresh().to("cuda")
    for face in case.faces():
        x = map_vector(lambda t: t.cuda(), clone(face.inputs[0]))
        got = face.call(moved, x)
        if any(not t.is_cuda for t in leaves(got)):
            raise Failure(f"{face.label} moved its result off the device of its input")
        home = map_vector(lambda t: t.cpu(), detach(got))
        _agree(f"{face.label} on cuda", home, "the same on the CPU", case.call(face), 10 * case.tolerance)


def _agree(what: str, got: Any, other: str, want: Any, tolerance: float) -> None:
    if (text := mismatch(got, want, tolerance, dtype=False)) is not None:
        raise Failure(f"{what} is not {other}: {text}")


def _difference(case: OperatorCase, x: Any, u: Any) -> Any:
    step = STEP if with_precision(case.domain, True) == case.domain else 30 * STEP
    ahead = case.A(map_vector(lambda s, t: s + step * t, x, u))
    behind = case.A(map_vector(lambda s, t: s - step * t, x, u))
    return map_vector(lambda s, t: (s - t) / (2 * step), ahead, behind)


def _flows(f: Callable[[Any], Any], x: Any, label: str) -> Any:
    inputs = map_vector(lambda t: t.clone().requires_grad_(), x)
    try:
        output = f(inputs)
    except Exception as error:
        raise Failure(
            f"{label} fails on input that requires gradients: {type(error).__name__}: {error}"
        ) from error
    if not any(t.requires_grad for t in leaves(output)):
        raise Failure(f"{label} cuts the gradient: look for .detach(), .data, torch.no_grad() or NumPy")
    return inputs, output


def _pullback(f: Callable[[Any], Any], x: Any, v: Any, label: str) -> Any:
    """Return the gradient of Re⟨v, f(x)⟩, which is J*v in torch's convention."""
    inputs, output = _flows(f, x, label)
    gradients = torch.autograd.grad(leaves(output), leaves(inputs), leaves(v), allow_unused=True)
    found = iter(
        [torch.zeros_like(t) if g is None else g for g, t in zip(gradients, leaves(inputs), strict=True)]
    )
    return map_vector(lambda _: next(found), inputs)


CHECKS = (
    Check("vjp", vjp, after=("adjoint",)),
    Check("jvp", jvp, after=("linearity",)),
    Check("autograd", autograd, after=("adjoint", "layout")),
    Check(
        "vmap", vmap, after=("evaluates", "mutation", "determinism", "history", "batch", "layout", "autograd")
    ),
    Check("device", device, after=("evaluates", "determinism", "history")),
)
