from __future__ import annotations

import attrs
import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError
from wellposed.testing import check
from wellposed_mri import JSENSE, SENSE, ESPIRiT, MultiCoilMRI, centred_fft
from wellposed_mri.maps.jsense import polynomials


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def randc(*shape, seed=0):
    return torch.randn(shape, dtype=torch.complex128, generator=torch.Generator().manual_seed(seed))


def scan(size=(10, 9), coils=3, degree=2):
    """A positive object, coils that are polynomials, and k-space with four complete central columns."""
    h, w = size
    y, x = np.meshgrid(np.linspace(-1, 1, h), np.linspace(-1, 1, w), indexing="ij")
    powers = np.stack([y**i * x**j for i in range(degree + 1) for j in range(degree + 1)])
    coefficients = randc(coils, len(powers), seed=1).numpy() * np.r_[3, np.full(len(powers) - 1, 0.5)]
    maps = torch.from_numpy(np.tensordot(coefficients, powers, 1))
    image = 1 + torch.rand(size, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    mask = torch.zeros(w, dtype=torch.float64)
    mask[::2] = 1
    mask[w // 2 - 2 : w // 2 + 2] = 1
    return maps, mask, centred_fft(maps * image)[None], powers


def dense_fourier(size):
    """The centred orthonormal transform of vectors, from its definition."""
    parts = []
    for n in size:
        k = np.arange(n) - n // 2
        parts.append(np.exp(-2j * np.pi * np.outer(k, k) / n) / np.sqrt(n))
    return np.kron(*parts)


def test_polynomials_span_the_powers():
    ours = polynomials((10, 9), 2, randc(1)).flatten(1).numpy()
    powers = scan()[3].reshape(9, -1)
    assert ours.shape == (9, 90)
    residual = powers.T - ours.T @ np.linalg.lstsq(ours.T, powers.T, rcond=None)[0]
    assert np.abs(residual).max() < 1e-12


def test_steps_are_those_of_a_dense_alternation():
    """Explicit matrices and numpy's least squares, from the same start, in the basis of plain powers."""
    _, mask, full, powers = scan()
    kspace = mask * full
    start = attrs.evolve(JSENSE(degree=2, steps=0, calibration=4, regularisation=1e-2)).solve(kspace)[1][0]
    fourier = dense_fourier((10, 9))[np.tile(mask.numpy(), 10) > 0]
    data = kspace[0][:, :, mask > 0].reshape(3, -1).numpy()
    maps, design = start.reshape(3, -1).numpy(), powers.reshape(9, -1)
    for step in range(3):
        encoding = np.concatenate([fourier * m for m in maps])
        power = (np.abs(maps) ** 2).sum(0)
        weight = 1e-2 * (power**16).sum() / (power**15).sum()  # SENSE's unit: nearly the largest power
        normal = encoding.conj().T @ encoding + weight * np.eye(90)
        image = np.linalg.solve(normal, encoding.conj().T @ data.reshape(-1))
        if step < 2:
            columns = (fourier * image) @ design.T
            maps = np.stack([np.linalg.lstsq(columns, d, rcond=None)[0] for d in data]) @ design
    found = JSENSE(degree=2, steps=2, calibration=4, regularisation=1e-2).solve(kspace)
    assert error(found[1][0].flatten(1), torch.from_numpy(maps)) < 1e-4
    assert error(found[0].flatten(), torch.from_numpy(image)) < 1e-4


def test_alternation_explains_the_data_better_and_better():
    _, mask, full, _ = scan((24, 24), 4)
    kspace = mask * full
    residuals = []
    for steps in (0, 2, 10):
        image, maps = JSENSE(degree=2, steps=steps, calibration=4, regularisation=1e-6).solve(kspace)
        residuals.append(error(mask * centred_fft(maps * image), kspace))
    assert residuals[2] < residuals[1] < 0.3 * residuals[0]


def test_few_lines_unfold_what_they_did_not_see(head):
    """With six central lines: too few for ESPIRiT, and the first, low-resolution maps do worse."""
    _, _, kspace = head
    mask = (torch.arange(64) % 2 == 0).float()
    mask[29:35] = 1

    def predicted(maps):
        image = SENSE(1e-3)(mask * kspace, MultiCoilMRI(maps, mask))
        return error(MultiCoilMRI(maps)(image), kspace)

    with pytest.raises(ParameterError, match="no calibration region"):
        ESPIRiT()(mask * kspace)
    found, first = (predicted(JSENSE(steps=n)(mask * kspace)) for n in (5, 0))
    assert found < 0.1
    assert found < 0.8 * first


def test_volumes():
    kspace = centred_fft(randc(1, 2, 6, 8, 8), (-3, -2, -1))
    image, maps = JSENSE(degree=1, steps=1, dims=3).solve(kspace)
    assert image.shape == (1, 1, 6, 8, 8)
    assert maps.shape == (1, 2, 6, 8, 8)
    assert len(polynomials((6, 8, 8), 1, kspace)) == 8


def test_bad_arguments_get_a_sentence():
    wrong = (
        {"degree": -1},
        {"steps": -1},
        {"calibration": 2},
        {"regularisation": 0.0},
        {"crop": 1.0},
        {"dims": 1},
    )
    for arguments in wrong:
        with pytest.raises(ParameterError, match=next(iter(arguments))):
            JSENSE(**arguments)
    with pytest.raises(ParameterError, match="no calibration region"):
        JSENSE()(randc(1, 2, 16, 16) * (torch.arange(16) % 2))


class Wrong:
    """ESPIRiT with a defect."""

    def __call__(self, kspace):
        return self.spoilt(kspace, ESPIRiT(calibration=16, kernel=4)(kspace))


class Real(Wrong):
    def spoilt(self, kspace, maps):
        return maps.abs()


class CoilsLast(Wrong):
    def spoilt(self, kspace, maps):
        return maps.movedim(1, -1)


class Overwriting(Wrong):
    def spoilt(self, kspace, maps):
        kspace *= 2
        return maps


class Random(Wrong):
    def spoilt(self, kspace, maps):
        return torch.where(torch.rand(()) < 0.5, maps, maps.flip(-1)) * torch.rand(())


class Mixing(Wrong):
    def spoilt(self, kspace, maps):
        return maps[:1].expand_as(maps) if len(maps) > 1 else maps.flip(-1)


class NotNormalised(Wrong):
    def spoilt(self, kspace, maps):
        return 2 * maps


class Scaled(Wrong):
    def spoilt(self, kspace, maps):
        return torch.where(kspace.abs().max() > 60, maps.flip(-1), maps)


class Conjugated(Wrong):
    def spoilt(self, kspace, maps):
        return maps.conj().resolve_conj()


class Everywhere(Wrong):
    def spoilt(self, kspace, maps):
        return ESPIRiT(calibration=16, kernel=4, crop=0)(kspace)


ZOO = [
    (Real, "shape"),
    (CoilsLast, "shape"),
    (Overwriting, "shape"),
    (Random, "deterministic"),
    (Mixing, "samples"),
    (NotNormalised, "unit"),
    (Scaled, "scale"),
    (Conjugated, "explain"),
    (Everywhere, "outside"),
]


@pytest.mark.parametrize(("wrong", "name"), ZOO, ids=[w.__name__ for w, _ in ZOO])
def test_the_kit_finds_wrong_maps(wrong, name):
    assert name in check(wrong(), kind="coil_maps").failed
