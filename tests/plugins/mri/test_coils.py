from __future__ import annotations

import pytest
import torch
from scipy.linalg import svdvals

from wellposed.errors import ParameterError, SpaceError
from wellposed_mri import (
    compress,
    compress_along,
    compression,
    geometric_compression,
    noise_covariance,
    whiten,
)


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
    """As much as the singular values of scipy say; compression per readout position holds far more."""
    _, _, kspace = head
    values = svdvals(kspace.movedim(1, 0).flatten(1).numpy()) ** 2
    total = kspace.abs().square().sum()
    for channels in (4, 6):
        kept = compress(kspace, compression(kspace, channels)).abs().square().sum() / total
        assert float(kept) == pytest.approx(values[:channels].sum() / values.sum(), rel=1e-4)
        geometric = compress_along(kspace, geometric_compression(kspace, channels)).abs().square().sum()
        assert 1 - float(geometric / total) < 0.01 * (1 - float(kept))


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
