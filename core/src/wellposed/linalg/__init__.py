"""Open functions on linear operators; every one is a ``functools.singledispatch`` a pack may extend.

What they work on lives beside them, and :mod:`wellposed.operators` exports it. ``base`` says what an operator
is, ``algebra`` what expressions are, ``rewriting`` how they simplify, ``propagation`` how structure travels.
No operator in particular is known here.
"""

from wellposed.linalg.evidence import Declared, declare, find
from wellposed.linalg.explaining import Explanation, explain
from wellposed.linalg.functions import adjoint, flatten, gram, materialise, norm, unflatten
from wellposed.linalg.routes import Route, pinv, pinv_route, prox_l2, prox_route

__all__ = [
    "Declared",
    "Explanation",
    "Route",
    "adjoint",
    "declare",
    "explain",
    "find",
    "flatten",
    "gram",
    "materialise",
    "norm",
    "pinv",
    "pinv_route",
    "prox_l2",
    "prox_route",
    "unflatten",
]
