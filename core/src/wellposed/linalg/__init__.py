"""Open functions on linear operators; every one is a ``functools.singledispatch`` a pack may extend."""

import wellposed.operators  # noqa: F401  (operators first: they and these functions refer to each other)

# isort: split

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
