"""``explain(op)``: what an operator knows, and the way each solve with it will take."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import attrs

from wellposed.brief import brief
from wellposed.linalg.base import LinearOperator
from wellposed.linalg.evidence import find
from wellposed.linalg.foreign import as_operator
from wellposed.linalg.functions import gram
from wellposed.linalg.routes import pinv_route, prox_route
from wellposed.structure import Evidence, NormBound


@attrs.frozen
class Explanation:
    """The answer of :func:`explain`; prints as a short page."""

    expression: str
    spaces: str
    evidence: tuple[str, ...]
    gram: str
    norm: str
    prox_l2: str
    pinv: str

    def __str__(self) -> str:
        """Return the page."""
        known = "; ".join(self.evidence) or "nothing beyond linearity"
        return "\n".join(
            (
                f"{self.expression} : {self.spaces}",
                f"  knows    {known}",
                f"  gram     {self.gram}",
                f"  norm     {self.norm}",
                f"  prox_l2  {self.prox_l2}",
                f"  pinv     {self.pinv}",
            )
        )


@singledispatch
def explain(op: Any) -> Explanation:
    """Return what ``op`` knows and which route ``norm``, ``prox_l2`` and ``pinv`` take, with the reason."""
    if not isinstance(op, LinearOperator):
        return explain(as_operator(op))
    prox, inverse = prox_route(op), pinv_route(op)
    return Explanation(
        expression=repr(op),
        spaces=f"{op.domain} → {op.range}",
        evidence=tuple(describe(e) for e in op.evidence()),
        gram=_gram(op),
        norm=_norm_route(op),
        prox_l2=f"{prox.name}: {prox.reason}",
        pinv=f"{inverse.name}: {inverse.reason}",
    )


def describe(evidence: Evidence) -> str:
    """Return one evidence in a line, tensors by their shapes."""
    return brief(evidence)


def _gram(op: LinearOperator) -> str:
    short = repr(gram(op))
    return "A.H @ A: no shorter form is known" if short == f"{op.H!r} @ {op!r}" else short


def _norm_route(op: Any) -> str:
    bound = find(op, NormBound)
    if bound is None:
        return "Lanczos iteration: no bound is known"
    return (
        f"{bound.bound:.6g} from structure"
        if bound.tight
        else f"Lanczos iteration, at most {bound.bound:.6g}"
    )
