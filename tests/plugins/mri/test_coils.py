from __future__ import annotations

import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import compress, compression, noise_covariance, whiten


def randc(*shape, seed=0, dtype=torch.complex128):
    return torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(seed))


def test_whitened_noise_has_the_identity_for_covariance():
    mixing = randc(4, 4)
    scan = torch.einsum("ij,jt->it", mixing, randc(4, 20000, seed=1))
    torch.testing.assert_close(noise_covariance(scan), mixing @ mixing.mH, rtol=0.1, atol=0.2)
    white = whiten(scan.reshape(1, 4, 100, 200), noise_covariance(scan))
    torch.testing.assert_close(noise_covariance(white[0]), torch.eye(4, dtype=torch.complex128))


def test_compression_is_the_truncated_svd():
    kspace = randc(2, 6, 8, 7)
    weights = compression(kspace, 3)
    torch.testing.assert_close(weights @ weights.mH, torch.eye(3, dtype=torch.complex128))
    flat = kspace.movedim(1, 0).flatten(1)
    kept = torch.linalg.svdvals(flat)[:3].square().sum()
    torch.testing.assert_close(compress(kspace, weights).abs().square().sum(), kept)


def test_few_virtual_coils_hold_nearly_everything(head):
    _, _, kspace = head
    kept = compress(kspace, compression(kspace, 6))
    assert float(kept.abs().square().sum() / kspace.abs().square().sum()) > 0.97


def test_bad_arrays_get_a_sentence():
    with pytest.raises(ParameterError, match="more samples than coils"):
        noise_covariance(randc(4, 3))
    with pytest.raises(ParameterError, match="a coil is dead"):
        whiten(randc(1, 2, 3, 3), torch.diag(torch.tensor([1.0, 0.0])).to(torch.complex128))
    with pytest.raises(SpaceError, match="there are 2 coils"):
        whiten(randc(1, 2, 3, 3), torch.eye(3))
    with pytest.raises(ParameterError, match="channels = 9"):
        compression(randc(1, 2, 3, 3), 9)
    with pytest.raises(SpaceError, match="do not fit"):
        compress(randc(1, 2, 3, 3), torch.eye(3))
