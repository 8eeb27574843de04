"""One of each basic operator, small, in double precision; the tests run over all of them."""

from __future__ import annotations

import torch

from wellposed import Space
from wellposed.operators import (
    CircularConvolution,
    Convolution,
    Crop,
    FourierMultiplier,
    FourierTransform,
    Gradient,
    Identity,
    LinearFunction,
    LinearOperator,
    Mask,
    Matrix,
    Multiply,
    Pad,
    Zero,
    block_diag,
    from_scipy,
    stack,
)

REAL, COMPLEX = torch.float64, torch.complex128


def randn(*shape: int, dtype: torch.dtype = REAL, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def basic() -> dict[str, LinearOperator]:
    image = Space((2, 5, 6), REAL)
    k = randn(3, 2)
    operators: dict[str, LinearOperator] = {
        "identity": Identity(image),
        "zero": Zero(image, Space((3,), REAL)),
        "matrix": Matrix(randn(4, 6)),
        "complex matrix": Matrix(randn(4, 6, dtype=COMPLEX), domain=(2, 3), range=(4,)),
        "multiply": Multiply(randn(5, 6), image),
        "complex multiply": Multiply(randn(5, 6, dtype=COMPLEX), Space((2, 5, 6), COMPLEX)),
        "real to complex": Multiply(randn(5, 6, dtype=COMPLEX), image),
        "mask": Mask((randn(5, 6) > 0).double(), image),
        "circular": CircularConvolution(k, image),
        "circular per channel": CircularConvolution(randn(2, 4, 3), image),
        "wrapping kernel": CircularConvolution(randn(8, 9), image),
        "signal": CircularConvolution(randn(3), Space((1, 7), REAL)),
        "volume": Convolution(randn(2, 3, 2), Space((1, 4, 5, 3), REAL), "replicate"),
        "complex image": Convolution(k, Space((2, 5, 6), COMPLEX), "reflect"),
        "fourier": FourierTransform(Space((1, 4, 5), COMPLEX)),
        "centred fourier": FourierTransform(Space((1, 4, 5), COMPLEX), centred=True),
        "multiplier": FourierMultiplier(torch.fft.rfft2(randn(5, 6)), image),
        "gradient": Gradient(image),
        "circular gradient": Gradient(image, boundary="circular"),
        "crop": Crop(image, ((1, 2), (0, 3))),
        "function": LinearFunction(lambda x: x.cumsum(-1) - x.roll(1, -2), image),
        "sparse": from_scipy(randn(4, 6).numpy()),
    }
    for boundary in ("zero", "circular", "replicate", "reflect", "valid"):
        operators[f"convolution {boundary}"] = Convolution(k, image, boundary)
    for boundary in ("zero", "circular", "replicate", "reflect"):
        operators[f"pad {boundary}"] = Pad(image, ((2, 1), (0, 3)), boundary)
    a, b = operators["convolution zero"], operators["mask"]
    operators |= {
        "composition": operators["gradient"] @ a @ b,
        "sum": a + 2 * b - operators["circular"],
        "scaled": (1 + 2j) * operators["complex multiply"],
        "adjoint": operators["convolution valid"].H,
        "stack": stack(a, operators["gradient"]),
        "block": block_diag(a, operators["matrix"]),
        "stack of stacks": stack(stack(a, b), b),
    }
    return operators
