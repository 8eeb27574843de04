"""Constructor arguments of the encoding operators, drawn small, odd and non-square."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space


def complex_normal(*shape: int, seed: int = 0) -> torch.Tensor:
    """Draw complex64 numbers."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.complex128, generator=generator).to(torch.complex64)


def random_mask(*shape: int, seed: int = 0) -> torch.Tensor:
    """Sample about 60 %, the first place always."""
    mask = (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.6).float()
    mask.view(-1)[0] = 1
    return mask


def _size(draw: st.DrawFn) -> tuple[int, int, int]:
    return draw(st.integers(2, 5)), draw(st.integers(2, 6)), draw(st.integers(0, 99))


@st.composite
def dynamic(draw: st.DrawFn) -> dict[str, Any]:
    """One and two map sets, shared and per sample; masks per frame, of columns, and one for all."""
    h, w, seed = _size(draw)
    lead = draw(st.sampled_from([(3,), (2, 3), (1, 2, 2)]))
    volume = (2, h, w) if draw(st.booleans()) else (h, w)
    mask = draw(st.sampled_from([(3, *volume), (3,) + (1,) * (len(volume) - 1) + (w,), (h, w)]))
    return {
        "maps": complex_normal(*lead, *volume, seed=seed),
        "mask": random_mask(*mask, seed=seed),
        "frames": 2 if mask == (h, w) else None,
        "dims": len(volume),
    }


@st.composite
def subspace(draw: st.DrawFn) -> dict[str, Any]:
    """Real and complex bases; masks per frame and per sample."""
    h, w, seed = _size(draw)
    basis = complex_normal(4, 2, seed=seed)
    mask = draw(st.sampled_from([(4, h, w), (4, 1, w), (2, 1, 4, h, w)]))
    return {
        "maps": complex_normal(*draw(st.sampled_from([(3,), (2, 3)])), h, w, seed=seed),
        "basis": basis.real.contiguous() if draw(st.booleans()) else basis,
        "mask": random_mask(*mask, seed=seed),
    }


@st.composite
def sms(draw: st.DrawFn) -> dict[str, Any]:
    """Whole and fractional shifts, with and without a mask."""
    h, w, seed = _size(draw)
    shifts = draw(st.sampled_from([None, [0.0, 1.0], [0.5, -1.25]]))
    return {
        "maps": complex_normal(*draw(st.sampled_from([(3,), (2, 3)])), 2, h, w, seed=seed),
        "shifts": None if shifts is None else torch.tensor(shifts),
        "mask": random_mask(1, w, seed=seed) if draw(st.booleans()) else None,
    }


@st.composite
def readout_oversampling(draw: st.DrawFn) -> dict[str, Any]:
    """Rows and columns, odd and even."""
    h, w, _ = _size(draw)
    shape = draw(st.sampled_from([(2, h, w), (1, 2, h, w)]))
    return {
        "domain": Space(shape, torch.complex64),
        "factor": draw(st.sampled_from([1, 2, 3])),
        "axis": draw(st.sampled_from([-1, -2])),
    }


def random_points(*lead: int, shape: tuple[int, ...], seed: int = 0) -> torch.Tensor:
    """Draw a trajectory ``(*lead, d)`` uniformly in k-space."""
    uniform = torch.rand(*lead, len(shape), generator=torch.Generator().manual_seed(seed)) - 0.5
    return uniform * torch.tensor(shape, dtype=torch.float32)


@st.composite
def dynamic_noncartesian(draw: st.DrawFn) -> dict[str, Any]:
    """Three frames, of points anywhere and of points on the grid."""
    h, w, seed = _size(draw)
    lead = draw(st.sampled_from([(3,), (2, 3), (1, 2, 2)]))
    points = random_points(3, 2, 7, shape=(h, w), seed=seed)
    return {
        "maps": complex_normal(*lead, h, w, seed=seed),
        "trajectory": points.round() if draw(st.booleans()) else points,
        "accuracy": 1e-6,
    }


@st.composite
def stack(draw: st.DrawFn) -> dict[str, Any]:
    """One trajectory for all partitions or for each; all partitions or some."""
    h, w, seed = _size(draw)
    rotating = draw(st.booleans())
    points = random_points(*((3,) if rotating else ()), 2, 7, shape=(h, w), seed=seed)
    lead = draw(st.sampled_from([(2,), (2, 2), (1, 2, 2)]))
    return {
        "maps": complex_normal(*lead, 3, h, w, seed=seed),
        "trajectory": points,
        "partitions": torch.tensor([1.0, 0.0, 0.5]) if draw(st.booleans()) else None,
        "rotating": rotating,
        "accuracy": 1e-6,
    }


@st.composite
def offresonance(draw: st.DrawFn) -> dict[str, Any]:
    """Fields of some tens of hertz over some milliseconds, shared and per sample."""
    h, w, seed = _size(draw)
    field = draw(st.sampled_from([(h, w), (2, h, w)]))
    generator = torch.Generator().manual_seed(seed)
    return {
        "maps": complex_normal(3, h, w, seed=seed),
        "trajectory": random_points(2, 7, shape=(h, w), seed=seed),
        "field": 80 * torch.rand(field, generator=generator) - 20,
        "times": torch.linspace(0.001, 0.02, 7),
        "accuracy": 1e-5,
    }


@st.composite
def subspace_noncartesian(draw: st.DrawFn) -> dict[str, Any]:
    """Real and complex bases, planes and volumes, points anywhere and on the grid."""
    h, w, seed = _size(draw)
    shape = (3, h, w) if draw(st.booleans()) else (h, w)
    basis, points = complex_normal(4, 2, seed=seed), random_points(4, 2, 3, shape=shape, seed=seed)
    return {
        "maps": complex_normal(*draw(st.sampled_from([(3,), (2, 3)])), *shape, seed=seed),
        "basis": basis.real.contiguous() if draw(st.booleans()) else basis,
        "trajectory": points.round() if draw(st.booleans()) else points,
        "accuracy": 1e-6,
    }


@st.composite
def sms_noncartesian(draw: st.DrawFn) -> dict[str, Any]:
    """Phases that go on from shot to shot, and phases of every sample."""
    h, w, seed = _size(draw)
    turns = torch.rand(2, 2, 7, generator=torch.Generator().manual_seed(seed))
    return {
        "maps": complex_normal(*draw(st.sampled_from([(3,), (2, 3)])), 2, h, w, seed=seed),
        "trajectory": random_points(2, 7, shape=(h, w), seed=seed),
        "turns": turns if draw(st.booleans()) else None,
        "accuracy": 1e-6,
    }


@st.composite
def motion(draw: st.DrawFn) -> dict[str, Any]:
    """Two shots, motion shared and per sample, in planes and in volumes."""
    h, w, seed = _size(draw)
    volume = (3, h, w) if draw(st.booleans()) else (h, w)
    first = random_mask(1, *(1,) * (len(volume) - 1), w, seed=seed)
    return {
        "maps": complex_normal(*draw(st.sampled_from([(3,), (1, 2, 2)])), *volume, seed=seed),
        "masks": torch.cat([first, 1 - first]),
        "dims": len(volume),
        **_movement(draw, len(volume), seed),
    }


@st.composite
def motion_noncartesian(draw: st.DrawFn) -> dict[str, Any]:
    """Two shots; coils that stay and coils that move; motion shared and per sample."""
    h, w, seed = _size(draw)
    shape = (3, h, w) if draw(st.booleans()) else (h, w)
    return {
        "maps": complex_normal(*draw(st.sampled_from([(3,), (1, 2, 2)])), *shape, seed=seed),
        "trajectory": random_points(2, 2, 7, shape=shape, seed=seed),
        "accuracy": 1e-6,
        "coils_move": draw(st.booleans()),
        **_movement(draw, len(shape), seed),
    }


def _movement(draw: st.DrawFn, dims: int, seed: int) -> dict[str, Any]:
    """Draw angles and shifts of two shots, for all samples or for each of two."""
    lead = draw(st.sampled_from([(), (2,)]))
    generator = torch.Generator().manual_seed(seed)
    turns = (2, 3) if dims == 3 else (2,)
    return {
        "angles": 0.4 * torch.rand(*lead, *turns, generator=generator) - 0.2,
        "shifts": 3 * torch.rand(*lead, 2, dims, generator=generator) - 1,
    }
