"""Rigid motion against objects that are moved by formula, quarter turns and finite differences."""

from __future__ import annotations

import math

import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import MotionMRI, MultiCoilMRI, birdcage_maps
from wellposed_mri.encoding.rigid import moved, moved_back
from wellposed_mri.reconstruction.outer_noise import noise_deviation


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def blobs(size, angle=0.0, shift=(0.0, 0.0)):
    """Elongated Gaussians, turned anticlockwise as displayed about pixel n//2, then shifted."""
    down, right = torch.meshgrid(*[torch.arange(n).double() - n // 2 for n in size], indexing="ij")
    down, right = down - shift[0], right - shift[1]
    # where each pixel came from: turned back clockwise; "up" is minus down
    c, s = math.cos(angle), math.sin(angle)
    right, up = c * right + s * -down, -s * right + c * -down
    image = torch.zeros(size, dtype=torch.complex128)
    for value, u, v, a, b in [(1.0, 4.0, 2.0, 2.2, 3.5), (0.7 + 0.4j, -5.0, -3.0, 3.0, 2.1)]:
        image += value * torch.exp(-((right - u) ** 2) / (2 * a * a) - (up - v) ** 2 / (2 * b * b))
    return image


@pytest.mark.parametrize("size", [(48, 52), (49, 47)])
@pytest.mark.parametrize(
    ("angle", "shift"), [(0.0, (1.3, -2.6)), (0.35, (0.0, 0.0)), (-0.6, (2.0, 0.7)), (1.2, (-1.5, 3.1))]
)
def test_motion_moves_as_the_formula_does(size, angle, shift):
    motion = torch.tensor(angle, dtype=torch.float64), torch.tensor(shift, dtype=torch.float64)
    got = moved(blobs(size), *motion)
    assert error(got, blobs(size, angle, shift)) < 1e-6
    assert error(moved_back(got, *motion), blobs(size)) < 1e-13


def test_a_quarter_turn_is_rot90():
    x = torch.zeros(21, 21, dtype=torch.complex128)
    x[6:15, 6:15] = randc(9, 9)
    turned = moved(x, torch.tensor(math.pi / 2, dtype=torch.float64), torch.zeros(2).double())
    assert error(turned, torch.rot90(x)) < 1e-12


def test_encoding_is_each_shot_by_itself():
    maps = randc(2, 3, 7, 8)
    masks = (torch.arange(8) % 3 == torch.arange(3)[:, None])[:, None].double()
    angles, shifts = torch.tensor([0.0, 0.2, -0.3]).double(), randc(3, 2, seed=4).real
    op = MotionMRI(maps, masks, angles, shifts)
    x, y = randc(2, 1, 7, 8, seed=1), randc(2, 3, 7, 8, seed=2)
    want = sum(MultiCoilMRI(maps, masks[s])(moved(x, angles[s], shifts[s])) for s in range(3))
    assert error(op(x), want) < 1e-13
    left, right = (op(x).conj() * y).sum(), (x.conj() * op.A_adjoint(y)).sum()
    assert abs(left - right) < 1e-13 * float(op(x).norm() * y.norm())


def test_noise_is_looked_for_where_a_shot_has_sampled():
    masks = (torch.arange(32) % 4 == torch.arange(2)[:, None])[:, None].double()
    op = MotionMRI(randc(2, 32, 32), masks, torch.zeros(2), torch.zeros(2, 2))
    y = 0.3 * randc(1, 2, 32, 32, seed=3) * op.mask
    assert float(noise_deviation(y, op)) == pytest.approx(0.3, rel=0.2)


def test_motion_per_sample():
    maps, masks = randc(2, 6, 7), torch.ones(1, 6, 7).double()
    angles, shifts = torch.tensor([[0.1], [-0.4]]).double(), randc(2, 1, 2).real
    x = randc(2, 1, 6, 7, seed=1)
    both = MotionMRI(maps, masks, angles, shifts)(x)
    for b in range(2):
        alone = MotionMRI(maps, masks, angles[b], shifts[b])(x[b : b + 1])
        assert error(both[b : b + 1], alone) < 1e-13


def test_gradients_by_motion():
    maps, masks = randc(2, 4, 5), torch.ones(2, 4, 5).double()
    angles, shifts = torch.tensor([0.1, -0.2]).double().requires_grad_(), randc(2, 2).real.requires_grad_()
    x, y = randc(1, 1, 4, 5, seed=1).requires_grad_(), randc(1, 2, 4, 5, seed=2)
    assert torch.autograd.gradcheck(lambda a, s, x: MotionMRI(maps, masks, a, s)(x), (angles, shifts, x))
    assert torch.autograd.gradcheck(lambda a, s: MotionMRI(maps, masks, a, s).A_adjoint(y), (angles, shifts))


def test_motion_is_estimated_by_its_gradients():
    """A known object, moved: Gauss–Newton on the gradients of A finds angle and shift."""
    size = (32, 32)
    maps, masks = birdcage_maps(4, size).to(torch.complex128), torch.ones(1, 32, 32).double()
    x = blobs(size)[None, None]
    truth = torch.tensor([0.12, 1.4, -0.8]).double()
    y = MultiCoilMRI(maps)(blobs(size, 0.12, (1.4, -0.8))[None, None])

    def encoded(p):
        return torch.view_as_real(MotionMRI(maps, masks, p[:1], p[None, 1:])(x)).flatten()

    p = torch.zeros(3).double()
    for _ in range(8):
        slope = torch.autograd.functional.jacobian(encoded, p)
        residual = torch.view_as_real(y).flatten() - encoded(p)
        p = p + torch.linalg.lstsq(slope, residual[:, None]).solution[:, 0]
    torch.testing.assert_close(p, truth, rtol=1e-5, atol=1e-6)


def test_wrong_motion_gets_a_sentence():
    maps, masks = randc(2, 6, 6), torch.ones(3, 1, 6)
    with pytest.raises(ParameterError, match=r"pass angles.deg2rad\(\)"):
        MotionMRI(maps, masks, torch.tensor([0.0, 5.0, 0.0]), torch.zeros(3, 2))
    with pytest.raises(SpaceError, match=r"angles have shape \(2,\), but there are 3 shots"):
        MotionMRI(maps, masks, torch.zeros(2), torch.zeros(3, 2))
    with pytest.raises(SpaceError, match=r"shifts have shape \(3,\)"):
        MotionMRI(maps, masks, torch.zeros(3), torch.zeros(3))
    with pytest.raises(SpaceError, match=r"what each shot samples"):
        MotionMRI(maps, masks[0], torch.zeros(3), torch.zeros(3, 2))
