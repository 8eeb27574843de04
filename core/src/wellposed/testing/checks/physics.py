"""All checks of a physics, from cause to echo."""

from __future__ import annotations

from wellposed.testing.checks import calculus, hygiene, inverse, linear, parameters, structure
from wellposed.testing.operator_case import OperatorCase

Case = OperatorCase

CHECKS = (
    *hygiene.HYGIENE[:5],
    linear.PRECISION,
    *hygiene.HYGIENE[5:],
    *linear.CHECKS,
    *calculus.CHECKS,
    *parameters.CHECKS,
    *structure.CHECKS,
    *inverse.CHECKS,
)
