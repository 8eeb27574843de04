"""Operators: deterministic maps with an algebra.

``base`` says what an operator is, ``algebra`` what expressions are, ``rewriting`` how they simplify and
``propagation`` how structure travels through them; the other modules hold one basic operator each.
"""

from wellposed.operators.base import LinearOperator, Operator, as_space  # isort: skip
from wellposed.operators.algebra import (
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
from wellposed.operators.rewriting import fuse_product, fuse_sum

from wellposed.operators.propagation import propagates  # isort: skip
from wellposed.operators.convolution import CircularConvolution, Convolution
from wellposed.operators.fourier import FourierMultiplier, FourierTransform
from wellposed.operators.function import Foreign, LinearFunction, NonlinearFunction, as_operator
from wellposed.operators.gradient import Gradient
from wellposed.operators.matrix import Matrix
from wellposed.operators.multiply import Mask, Multiply
from wellposed.operators.padding import Crop, Pad
from wellposed.operators.scipy_bridge import from_scipy, to_scipy

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
