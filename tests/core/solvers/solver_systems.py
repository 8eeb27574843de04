"""Systems with known solutions, shared by the solver tests."""

import torch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def matmul(a):
    """v -> A v for a batch of matrices (B, m, n) or one (m, n)."""
    return lambda v: (a @ v[..., None])[..., 0]


def pair(a):
    return matmul(a), matmul(a.mH)


def randn(*shape, dtype=torch.float64, seed=0):
    return torch.randn(*shape, dtype=dtype, generator=generator(seed))


def hermitian(eigenvalues, dtype=torch.float64, seed=0):
    """Matrices (B, n, n) with the given eigenvalues (B, n)."""
    work = torch.complex128 if dtype.is_complex else torch.float64
    q = torch.linalg.qr(randn(*eigenvalues.shape, eigenvalues.shape[-1], dtype=work, seed=seed))[0]
    a = (q * eigenvalues.to(work)[:, None, :]) @ q.mH
    return ((a + a.mH) / 2).to(dtype)


def spectra(*conditions, n=24):
    """Eigenvalues from 1 down to 1/κ, one row per condition number."""
    return torch.stack(
        [torch.logspace(0, -torch.log10(torch.tensor(float(k))).item(), n) for k in conditions]
    )


def solve(a, b):
    return torch.linalg.solve(a, b)
