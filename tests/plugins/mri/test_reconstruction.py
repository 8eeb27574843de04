from __future__ import annotations

import pytest
import torch

from wellposed import ForwardModel
from wellposed.errors import ParameterError, UnsuitableError
from wellposed.noise import Gaussian
from wellposed.operators import Identity
from wellposed.spaces import Space
from wellposed_mri import (
    RSS,
    SENSE,
    TV,
    CartesianMRI,
    ESPIRiT,
    L1Wavelet,
    MultiCoilMRI,
    ZeroFilled,
    birdcage_maps,
    centred_fft,
)


def error(a, b):
    return float(torch.linalg.vector_norm(a - b) / torch.linalg.vector_norm(b))


def columns(n, every, centre):
    mask = torch.zeros(n)
    mask[::every] = 1
    mask[n // 2 - centre // 2 : n // 2 + centre // 2] = 1
    return mask


def test_cg_sense_is_the_dense_pseudo_inverse_at_32():
    maps = birdcage_maps(4, (32, 32)).to(torch.complex128)
    op = MultiCoilMRI(maps, columns(32, 2, 4))
    generator = torch.Generator().manual_seed(0)
    y = op(torch.randn(1, 1, 32, 32, dtype=torch.complex128, generator=generator))
    y = y + 0.1 * torch.randn(y.shape, dtype=y.dtype, generator=generator)
    dense = torch.linalg.pinv(op.to_matrix())
    want = (dense @ y.flatten()).reshape(1, 1, 32, 32)
    got = SENSE(regularisation=0.0, tolerance=1e-13, max_iterations=2000)(y, op)
    assert error(got, want) < 1e-8
    assert error(op.A_dagger(y), want) < 1e-6


def test_regularised_sense_solves_its_normal_equations():
    maps = birdcage_maps(3, (8, 7)).to(torch.complex128)
    maps = maps / torch.linalg.vector_norm(maps, dim=0)  # in double precision, so that ‖A‖ ≤ 1 is sharp
    op = MultiCoilMRI(maps, columns(7, 2, 2))
    y = torch.randn(2, 3, 8, 7, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))
    dense, weight = op.to_matrix(), 0.05
    system = dense.mH @ dense + weight * torch.eye(56, dtype=torch.float64)
    want = torch.linalg.solve(system, dense.mH @ y.flatten(1).mT).mT.reshape(2, 1, 8, 7)
    solution = SENSE(0.05, tolerance=1e-13).solve(y, op)
    assert error(solution.x, want) < 1e-11
    assert bool(solution.converged.all())


def test_sense_is_differentiable_in_the_maps():
    maps = birdcage_maps(3, (4, 4)).to(torch.complex128).requires_grad_()
    y = torch.randn(1, 3, 4, 4, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))
    mask = torch.tensor([1.0, 0, 1, 1])
    method = SENSE(0.1, tolerance=1e-13)
    assert torch.autograd.gradcheck(lambda m: method(y, MultiCoilMRI(m, mask)), (maps,), atol=1e-4)


def test_fully_sampled_data_give_the_image_back(head):
    image, maps, kspace = head
    op = MultiCoilMRI(maps)
    assert error(ZeroFilled()(kspace, op), image) < 1e-5
    assert error(SENSE(0.0)(kspace, op), image) < 1e-3
    assert error(RSS()(kspace, op), image.abs()) < 1e-5
    assert error(RSS()(kspace[:, :1], CartesianMRI(torch.ones(64, 64))), (maps[:1] * image).abs()) < 1e-5


@pytest.mark.parametrize("method", [L1Wavelet(), TV()], ids=["l1_wavelet", "tv"])
def test_compressed_sensing_from_own_maps_beats_zero_filling_by_far(head, method):
    _, _, kspace = head
    generator = torch.Generator().manual_seed(0)
    mask = (torch.rand(64, 64, generator=generator) < 0.25).float()
    mask[20:44, 20:44] = 1
    y = mask * kspace
    maps = ESPIRiT()(y)
    op = MultiCoilMRI(maps, mask)
    reference = MultiCoilMRI(maps).A_adjoint(kspace)
    zero_filled, sparse = (error(m(y, op), reference) for m in (ZeroFilled(), method))
    assert sparse < 0.4 * zero_filled


def test_weights_mean_the_same_for_data_of_any_scale(head):
    _, maps, kspace = head
    op = MultiCoilMRI(maps, columns(64, 3, 12))
    y = op.mask * kspace
    for method in (L1Wavelet(max_iterations=10), TV(max_iterations=10), SENSE()):
        assert error(method(1e-6 * y, op), 1e-6 * method(y, op)) < 1e-3


def test_a_forward_model_with_noise_is_taken_as_well(head):
    image, maps, _ = head
    model = ForwardModel(MultiCoilMRI(maps, columns(64, 2, 12)), Gaussian(0.01))
    y = model(image, torch.Generator().manual_seed(0))
    for method in (SENSE(), L1Wavelet(max_iterations=5), ZeroFilled(), RSS()):
        assert method(y, model).shape == (1, 1, 64, 64)


def test_two_map_sets_reconstruct_two_images():
    maps = torch.randn(1, 2, 6, 8, 8, dtype=torch.complex128, generator=torch.Generator().manual_seed(0))
    op = MultiCoilMRI(maps, columns(8, 2, 4))
    x = torch.randn(1, 2, 8, 8, dtype=torch.complex128, generator=torch.Generator().manual_seed(1))
    assert error(SENSE(0.0, 500, 1e-12)(op(x), op), x) < 1e-6
    with pytest.raises(ParameterError, match="not 2 sets"):
        RSS()(op(x), op)


def test_bad_measurements_get_a_sentence(head):
    _, maps, kspace = head
    op = MultiCoilMRI(maps)
    for method in (ZeroFilled(), RSS(), SENSE(), L1Wavelet(), TV()):
        with pytest.raises(ParameterError, match=r"y of shape .* zero everywhere"):
            method(torch.zeros_like(kspace), op)
        with pytest.raises(ParameterError, match="NaN or infinite"):
            method(kspace * float("nan"), op)
    with pytest.raises(ParameterError, match="no coil sees the image"):
        SENSE()(kspace, MultiCoilMRI(torch.zeros_like(maps)))
    with pytest.raises(ParameterError, match=r"physics is a object, .* an operator with A and A_adjoint"):
        RSS()(kspace, object())
    with pytest.raises(UnsuitableError, match=r"RSS needs coils to combine, .* which Identity does not have"):
        RSS()(kspace, Identity(Space(kspace.shape[1:], kspace.dtype)))
    for wrong in (lambda: SENSE(-1.0), lambda: L1Wavelet(-1.0), lambda: TV(max_iterations=0)):
        with pytest.raises(ParameterError):
            wrong()


def test_kspace_of_the_phantom_is_what_a_scanner_would_see(head):
    """No inverse crime: analytic k-space through the operator's adjoint looks like the pixel averages."""
    from wellposed_mri import shepp_logan

    kspace = shepp_logan().cartesian(64).to(torch.complex64)[None, None]
    back = CartesianMRI(torch.ones(64, 64)).A_adjoint(kspace)
    assert error(back, shepp_logan().image(64)[None, None].to(torch.complex64)) < 0.2
    assert error(centred_fft(back), kspace) < 1e-5
