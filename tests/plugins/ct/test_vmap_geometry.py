"""``vmap`` over the angles of a scan gives what each scan gives by itself."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from wellposed.spaces import Space
from wellposed_ct import FanBeam, ParallelBeam

SPACE = Space((1, 7, 8), torch.float64)
ANGLES = [0.1, 1.3]


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize(("fan", "model"), [(False, "siddon"), (True, "joseph"), (True, "siddon")])
def test_vmap_over_angles(fan: bool, model: str, back: bool) -> None:
    op = (
        FanBeam(ANGLES, SPACE, 30.0, 60.0, 9, 2.0, 1.0, model=model)  # type: ignore[arg-type]
        if fan
        else ParallelBeam(ANGLES, SPACE, 9, model=model)  # type: ignore[arg-type]
    )
    generator = torch.Generator().manual_seed(0)
    shape = (1, 1, 2, 9) if back else (1, 1, 7, 8)
    data = torch.randn(shape, dtype=torch.float64, generator=generator)
    many = torch.tensor([ANGLES, [0.4, 2.0], [3.0, -1.0]], dtype=torch.float64)

    def one(angles: Tensor) -> Tensor:
        result: Tensor = (op.A_adjoint if back else op.A)(data, angles=angles)
        return result

    expected = torch.stack([one(angles) for angles in many])
    torch.testing.assert_close(torch.vmap(one)(many), expected, rtol=1e-11, atol=1e-11)
