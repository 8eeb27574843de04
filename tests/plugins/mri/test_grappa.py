from __future__ import annotations

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError, SpaceError, UnsuitableError
from wellposed_mri import (
    GRAPPA,
    CartesianMRI,
    DynamicMRI,
    MultiCoilMRI,
    ZeroFilled,
    birdcage_maps,
    centred_fft,
    centred_ifft,
)
from wellposed_mri.reconstruction.patches import reach


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def harmonics(shape, orders):
    """Maps exp(2πi q·p/n): each coil's k-space is that of the object moved by q samples (SMASH)."""
    grids = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) / n for n in shape], indexing="ij")
    angles = [2 * torch.pi * sum(o * g for o, g in zip(q, grids, strict=True)) for q in orders]
    return torch.stack([torch.polar(torch.ones_like(a), a) for a in angles])


def lattice(shape, spacing, shift=0, centre=8):
    """Every n-th sample per axis, lines moved by ``shift`` from one to the next, and a complete centre."""
    grids = torch.meshgrid(*[torch.arange(n) for n in shape], indexing="ij")
    moved = grids[-1] - shift * (grids[-2] // spacing[-2])
    mask = moved % spacing[-1] == 0
    for g, s in zip(grids[:-1], spacing[:-1], strict=True):
        mask &= g % s == 0
    inside = torch.ones(shape, dtype=torch.bool)
    for g, n, s in zip(grids, shape, spacing, strict=True):
        inside &= ((g - n // 2 + centre // 2) % n < centre) | (s == 1)
    return mask | inside


LINE = [(0, 0), (0, 1), (0, -1)]
PLANE = [(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]
PATTERNS = [
    ((16, 24), (1, 3), 0, LINE),
    ((24, 16), (3, 1), 0, [q[::-1] for q in LINE]),
    ((24, 24), (2, 2), 0, PLANE),
    ((24, 24), (2, 2), 1, PLANE),
    ((6, 12, 12), (1, 2, 2), 0, [(0, *q) for q in PLANE]),
]


@pytest.mark.parametrize(("shape", "spacing", "shift", "orders"), PATTERNS)
def test_harmonic_coils_are_completed_exactly(shape, spacing, shift, orders):
    """With harmonic maps a missing sample is another coil's acquired one, whatever direction is skipped."""
    dims = tuple(range(-len(shape), 0))
    full = centred_fft(harmonics(shape, orders) * randc(*shape), dims)[None]
    sampled = lattice(shape, spacing, shift)[None]
    method = GRAPPA(kernel=tuple(5 if n == 3 else 3 for n in spacing), regularisation=1e-10)
    found = method.complete(torch.where(sampled, full, 0), sampled)
    assert error(found, full) < 1e-6
    assert torch.equal(found.where(sampled, 0), full.where(sampled, 0))


def test_weights_are_those_of_plain_least_squares():
    """One missing column, three coils: the weights of numpy.linalg.lstsq over all places of the region."""
    kspace = randc(3, 9, 8).numpy()
    missing = 6
    data = kspace.copy()
    data[:, :, missing] = 0
    rows, wanted = [], []
    for r in range(1, 8):
        for c in range(1, 5):  # columns 0 … 5 are the complete centre
            rows.append(kspace[:, r - 1 : r + 2, [c - 1, c + 1]].reshape(-1))
            wanted.append(kspace[:, r, c])
    weights = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0]
    r = 4
    want = data[:, r - 1 : r + 2, [missing - 1, missing + 1]].reshape(-1) @ weights
    sampled = torch.ones(1, 9, 8, dtype=torch.bool)
    sampled[..., missing] = False
    method = GRAPPA(kernel=(3, 3), regularisation=1e-12, reference=torch.from_numpy(kspace[:, :, :6]))
    found = method.complete(torch.from_numpy(data)[None], sampled)
    np.testing.assert_allclose(found[0, :, r, missing].numpy(), want, rtol=1e-6)


@pytest.mark.parametrize(("spacing", "shift", "least"), [((1, 2), 0, 20), ((1, 3), 0, 8), ((2, 2), 1, 8)])
def test_a_head_is_unfolded(head, spacing, shift, least):
    _, maps, kspace = head
    mask = lattice((64, 64), spacing, shift, centre=20)
    op = MultiCoilMRI(maps, mask)
    found = GRAPPA()(mask * kspace, op)
    reference = MultiCoilMRI(maps).A_adjoint(kspace)
    assert error(ZeroFilled()(mask * kspace, op), reference) > least * error(found, reference)


def test_neighbourhoods_follow_the_spacing():
    def around(spacing, shift=0):
        return reach(
            lattice((64, 64), spacing, shift, 24), torch.Size((4, *((24 if s > 1 else 64) for s in spacing)))
        )

    assert around((1, 2)) == (2, 3)
    assert around((1, 4)) == (2, 7)
    assert around((3, 1)) == (5, 2)
    assert around((2, 2), 1) == (3, 3)


def test_weighted_masks_separate_scans_and_edges(head):
    _, maps, kspace = head
    mask = lattice((64, 64), (1, 2), centre=20)
    op = MultiCoilMRI(maps, mask)
    plain = GRAPPA()(mask * kspace, op)
    weighted = GRAPPA()(0.5 * mask * kspace, MultiCoilMRI(maps, 0.5 * mask))
    torch.testing.assert_close(weighted, plain, rtol=1e-4, atol=1e-5)
    bare = lattice((64, 64), (1, 2), centre=0)
    outside = GRAPPA(reference=kspace[0, :, :, 22:42])(bare * kspace, MultiCoilMRI(maps, bare))
    assert error(outside, plain) < 0.05
    full = GRAPPA()(kspace, MultiCoilMRI(maps))
    torch.testing.assert_close(full, MultiCoilMRI(maps).A_adjoint(kspace), rtol=1e-4, atol=1e-5)
    half = torch.zeros(64, dtype=torch.bool)
    half[:40] = True
    completed = GRAPPA(kernel=(3, 3)).complete(half * kspace, half.expand(1, 64, 64))
    assert float(completed[..., 42:63].abs().max()) == 0  # no acquired neighbour


def test_it_agrees_with_pygrappa(head):
    pygrappa = pytest.importorskip("pygrappa", reason="pygrappa is a peer, installed for comparisons")
    _, _, kspace = head
    sampled = lattice((64, 64), (1, 2), centre=24)
    data = sampled * kspace
    theirs = pygrappa.mdgrappa(data[0].numpy(), kspace[0, :, :, 20:44].numpy(), (5, 5), 0, 1e-3)
    ours = GRAPPA(kernel=(5, 5), regularisation=1e-3).complete(data, sampled[None])
    root = lambda k: centred_ifft(k).abs().square().sum(0).sqrt()  # noqa: E731
    assert error(root(ours[0]), root(torch.from_numpy(theirs))) < 0.02


def test_what_cannot_be_filled_gets_a_sentence(head):
    _, maps, kspace = head
    bare = lattice((64, 64), (1, 2), centre=0)
    with pytest.raises(ParameterError, match=r"no calibration region.*separate"):
        GRAPPA()(bare * kspace, MultiCoilMRI(maps, bare))
    few = lattice((64, 64), (1, 4), centre=6)
    with pytest.raises(ParameterError, match=r"smaller than the kernel.*reference="):
        GRAPPA(kernel=(5, 9))(few * kspace, MultiCoilMRI(maps, few))
    with pytest.raises(ParameterError, match="widths are odd"):
        GRAPPA(kernel=(4, 5))
    with pytest.raises(ParameterError, match="regularisation = -1"):
        GRAPPA(regularisation=-1)
    with pytest.raises(ParameterError, match="one width for each of 2 axes"):
        GRAPPA(kernel=(3,))(few * kspace, MultiCoilMRI(maps, few))
    with pytest.raises(SpaceError, match="the reference has shape"):
        GRAPPA(reference=kspace)(few * kspace, MultiCoilMRI(maps, few))
    with pytest.raises(ParameterError, match="differs from coil to coil"):
        GRAPPA()(kspace, MultiCoilMRI(maps, (torch.rand(8, 64, 64) > 0.5).float()))
    with pytest.raises(UnsuitableError, match="one image at rest"):
        GRAPPA()(kspace[:, :, None], DynamicMRI(maps, torch.ones(1, 1, 64)))
    two = MultiCoilMRI(birdcage_maps(8, (64, 64)).reshape(1, 2, 4, 64, 64), few)
    with pytest.raises(SpaceError, match="2 sets"):
        GRAPPA()(few * kspace[:, :4], two)
    assert GRAPPA()(few * kspace[:, :1], CartesianMRI(few.float())).shape == (1, 1, 64, 64)
