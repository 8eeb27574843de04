"""What the conformance kit tries each component on: small images, few coils, every form of mask."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import strategies as st

from wellposed.spaces import Space
from wellposed.testing import Example

Arguments = st.SearchStrategy[dict[str, Any]]


def _complex(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.complex128, generator=generator).to(torch.complex64)


def _mask(*shape: int, seed: int = 0) -> torch.Tensor:
    mask = (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) < 0.6).float()
    mask.view(-1)[0] = 1
    return mask


@st.composite
def cartesian(draw: st.DrawFn) -> dict[str, Any]:
    """Rows, columns, whole planes and volumes; weights and booleans."""
    h, w, seed = draw(st.integers(2, 7)), draw(st.integers(2, 8)), draw(st.integers(0, 99))
    form = draw(st.sampled_from(["plane", "columns", "sample", "volume", "bool", "weights"]))
    if form == "columns":
        return {"mask": _mask(1, w, seed=seed), "shape": (h, w)}
    if form == "sample":
        return {"mask": _mask(2, 1, h, w, seed=seed)}
    if form == "volume":
        return {"mask": _mask(h, w, seed=seed), "shape": (3, h, w)}
    mask = _mask(h, w, seed=seed)
    return {"mask": mask.bool() if form == "bool" else 0.7 * mask if form == "weights" else mask}


@st.composite
def multicoil(draw: st.DrawFn) -> dict[str, Any]:
    """One and two map sets, shared and per sample, in two and three dimensions."""
    h, w, seed = draw(st.integers(1, 6)), draw(st.integers(2, 7)), draw(st.integers(0, 99))
    lead = draw(st.sampled_from([(3,), (2, 3), (1, 2, 3), (2, 1, 2)]))
    mask = draw(st.sampled_from([None, (w,), (h, 1), (h, w), (lead[-1], h, w), (1, 1, h, w)]))
    arguments: dict[str, Any] = {
        "maps": _complex(*lead, h, w, seed=seed),
        "mask": None if mask is None else _mask(*mask, seed=seed),
    }
    if draw(st.booleans()) and mask is None:
        arguments = {"maps": _complex(*lead, 2, h, w, seed=seed), "dims": 3}
    return arguments


def global_phase() -> st.SearchStrategy[Example]:
    """Act on complex images."""
    return st.just(Example({}, domain=Space((1, 5, 6), torch.complex128)))


def _kspace(seed: int, size: tuple[int, int] = (16, 14)) -> torch.Tensor:
    from wellposed_mri.fourier import centred_fft
    from wellposed_mri.phantoms import birdcage_maps, shepp_logan

    image = shepp_logan().image(16)[: size[0], : size[1]].to(torch.complex64)
    return centred_fft(image * birdcage_maps(4, size))[None]


def espirit() -> Arguments:
    """Draw sets and crops for small k-space."""
    return st.fixed_dictionaries(
        {"calibration": st.just(12), "kernel": st.sampled_from([3, 4]), "sets": st.integers(1, 2)}
    )


def rss_maps() -> Arguments:
    """Draw calibration widths."""
    return st.fixed_dictionaries({"calibration": st.sampled_from([8, 12])})


def walsh() -> Arguments:
    """Draw windows."""
    return st.fixed_dictionaries({"calibration": st.just(12), "window": st.sampled_from([3, 5])})


def nlinv() -> Arguments:
    """Draw calibration widths."""
    return st.fixed_dictionaries({"calibration": st.sampled_from([8, 12]), "steps": st.just(4)})


def jsense() -> Arguments:
    """Draw degrees."""
    return st.fixed_dictionaries({"degree": st.sampled_from([2, 4]), "steps": st.just(2)})


@st.composite
def _reconstruction(draw: st.DrawFn, arguments: dict[str, Any], single: bool = True) -> Example:
    """Try a method on a small undersampled scan, with and without coils."""
    from wellposed_mri.encoding import CartesianMRI, MultiCoilMRI
    from wellposed_mri.phantoms import birdcage_maps

    size = (draw(st.integers(6, 8)), draw(st.integers(6, 9)))
    mask = _mask(*size, seed=draw(st.integers(0, 9)))
    mask[size[0] // 2 - 1 : size[0] // 2 + 2, size[1] // 2 - 1 : size[1] // 2 + 2] = 1
    if single and draw(st.booleans()):
        return Example(arguments, physics=CartesianMRI(mask.double()))
    maps = birdcage_maps(3, size).to(torch.complex128)
    return Example(arguments, physics=MultiCoilMRI(maps, mask))


def zero_filled() -> st.SearchStrategy[Example]:
    """There is nothing to choose."""
    return _reconstruction({})


def rss() -> st.SearchStrategy[Example]:
    """There is nothing to choose."""
    return _reconstruction({})


def sense() -> st.SearchStrategy[Example]:
    """Solve to a tolerance at which batches agree."""
    weights = st.sampled_from([0.01, "noise", "gcv"])
    return weights.flatmap(lambda w: _reconstruction({"regularisation": w, "tolerance": 1e-9}))


def l1_wavelet() -> st.SearchStrategy[Example]:
    """Run a few iterations of small wavelets."""
    few = {"wavelet": "haar", "levels": 2, "max_iterations": 5, "tolerance": 0.0}
    weights = st.sampled_from(["noise", "gcv"])
    return weights.flatmap(lambda w: _reconstruction({"weight": w, **few}))


def tv() -> st.SearchStrategy[Example]:
    """Run a few iterations."""
    return _reconstruction({"max_iterations": 3, "tolerance": 0.0})


def mask_fastmri_random() -> Arguments:
    """Draw one and two pairs of fractions and accelerations."""
    return st.sampled_from(
        [{"columns": 64}, {"columns": 61, "center_fractions": (0.1, 0.05), "accelerations": (3, 6)}]
    )


def mask_fastmri_equispaced() -> Arguments:
    """Draw even and odd numbers of columns; few lines leave many offsets to draw from."""
    return st.sampled_from(
        [
            {"columns": 64, "center_fractions": (0.04,), "accelerations": (8,)},
            {"columns": 61, "center_fractions": (0.0,), "accelerations": (13,)},
        ]
    )


def mask_partial_fourier() -> Arguments:
    """Draw even and odd numbers of columns."""
    return st.fixed_dictionaries({"columns": st.integers(40, 60)})


def mask_poisson_disc() -> Arguments:
    """Draw small grids."""
    return st.sampled_from(
        [{"shape": (16, 17), "calibration": 4, "slope": 1.0}, {"shape": (12, 20), "calibration": 0}]
    )


def mask_uniform() -> Arguments:
    """Draw spacings and shifts."""
    return st.sampled_from(
        [
            {"shape": (12, 13), "acceleration": (5, 6)},
            {"shape": (9, 8), "acceleration": (3, 4), "shift": 1, "calibration": 4},
        ]
    )


@st.composite
def noncartesian(draw: st.DrawFn) -> dict[str, Any]:
    """Random points in planes and volumes, one and two map sets, shared and per sample."""
    size = (draw(st.integers(4, 6)), draw(st.integers(4, 7)))
    seed = draw(st.integers(0, 99))
    lead = draw(st.sampled_from([(3,), (2, 3), (1, 2, 2)]))
    shape = draw(st.sampled_from([size, (3, *size)]))
    points = torch.rand(2, 7, len(shape), generator=torch.Generator().manual_seed(seed)) - 0.5
    trajectory = points * torch.tensor(shape, dtype=torch.float32)
    return {
        "maps": _complex(*lead, *shape, seed=seed),
        "trajectory": trajectory.round() if draw(st.booleans()) else trajectory,
        "accuracy": 1e-6,
        "batched": draw(st.booleans()),
    }


def gridding() -> st.SearchStrategy[Example]:
    """Grid a few spokes."""
    from wellposed_mri.encoding import NonCartesianMRI
    from wellposed_mri.trajectories import radial

    physics = NonCartesianMRI(_complex(2, 8, 8).to(torch.complex128), radial(6, 8, 8).double(), 1e-9)
    return st.just(Example({"iterations": 5}, physics=physics))


def nmse() -> Arguments:
    """There is nothing to choose."""
    return st.just({})


def psnr() -> Arguments:
    """There is nothing to choose."""
    return st.just({})


def ssim() -> Arguments:
    """There is nothing to choose."""
    return st.just({})
