"""Operators: deterministic maps with an algebra.

What an operator is and the algebra come from :mod:`wellposed.linalg`, which knows no operator in particular.
Each module here holds one basic operator, and registers there what it knows of itself.
"""

from wellposed.linalg.algebra import (
    Adjoint,
    BlockDiagonal,
    Composition,
    Expression,
    Identity,
    Scaled,
    Stack,
    Sum,
    Zero,
    block_diag,
    stack,
)
from wellposed.linalg.base import LinearOperator, Operator, as_space
from wellposed.linalg.foreign import Foreign, LinearFunction, NonlinearFunction, as_operator
from wellposed.linalg.propagation import propagates
from wellposed.linalg.rewriting import fuse_product, fuse_sum
from wellposed.linalg.scipy_bridge import from_scipy, to_scipy
from wellposed.operators.convolution import CircularConvolution, Convolution
from wellposed.operators.fourier import FourierMultiplier, FourierTransform
from wellposed.operators.gradient import Gradient
from wellposed.operators.matrix import Matrix
from wellposed.operators.multiply import Mask, Multiply
from wellposed.operators.padding import Crop, Pad

__all__ = [
    "Adjoint",
    "BlockDiagonal",
    "CircularConvolution",
    "Composition",
    "Convolution",
    "Crop",
    "Expression",
    "Foreign",
    "FourierMultiplier",
    "FourierTransform",
    "Gradient",
    "Identity",
    "LinearFunction",
    "LinearOperator",
    "Mask",
    "Matrix",
    "Multiply",
    "NonlinearFunction",
    "Operator",
    "Pad",
    "Scaled",
    "Stack",
    "Sum",
    "Zero",
    "as_operator",
    "as_space",
    "block_diag",
    "from_scipy",
    "fuse_product",
    "fuse_sum",
    "propagates",
    "stack",
    "to_scipy",
]
