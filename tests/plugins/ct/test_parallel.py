"""The parallel-beam projector against a matrix written from the definition, and against itself."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import torch

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.spaces import Space
from wellposed_ct import ParallelBeam, ParallelGeometry

BACKENDS = ["auto", "avx2", "portable", "torch"]
F64 = torch.float64


def joseph_matrix(g: ParallelGeometry) -> np.ndarray:
    """Joseph's weights, ray by ray in plain Python, from the line's equation."""
    rows, columns = g.size
    x = (np.arange(columns) - (columns - 1) / 2) * g.pixel_mm + g.centre_mm[0]
    y = -(np.arange(rows) - (rows - 1) / 2) * g.pixel_mm + g.centre_mm[1]
    matrix = np.zeros((g.views * g.detectors, rows, columns))
    for v, angle in enumerate(g.angles):
        c, s = math.cos(angle), math.sin(angle)
        for k, t in enumerate(g.positions_mm()):
            ray = matrix[v * g.detectors + k]
            if abs(c) >= abs(s):
                for i in range(rows):
                    at = (t - y[i] * s) / c
                    ray[i] = np.clip(1 - np.abs(x - at) / g.pixel_mm, 0, None) * g.pixel_mm / abs(c)
            else:
                for j in range(columns):
                    at = (t - x[j] * c) / s
                    ray[:, j] = np.clip(1 - np.abs(y - at) / g.pixel_mm, 0, None) * g.pixel_mm / abs(s)
    return matrix.reshape(g.views * g.detectors, -1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("size", "detectors", "detector_mm"),
    [((7, 9), 12, 1.0), ((20, 11), 40, 0.45), ((11, 20), 9, 3.1), ((33, 40), 50, 1.4), ((1, 1), 3, 1.0)],
)
def test_it_is_josephs_matrix(size, detectors, detector_mm, backend):
    angles = [0.0, math.pi / 4, math.pi / 2, 3 * math.pi / 4, math.pi, -0.3, 2.0, 4.1, 5.5]
    g = ParallelGeometry(angles, size, detectors, 0.7, detector_mm, axis_mm=0.33, centre_mm=(0.2, -0.5))
    op = ParallelBeam.from_geometry(g, dtype=F64).replace(backend=backend)
    want = joseph_matrix(g)
    x = torch.randn(2, 1, *size, dtype=F64, generator=torch.Generator().manual_seed(1))
    y = torch.randn(2, 1, g.views, detectors, dtype=F64, generator=torch.Generator().manual_seed(2))
    np.testing.assert_allclose(op.A(x).reshape(2, -1), x.reshape(2, -1).numpy() @ want.T, atol=1e-11)
    np.testing.assert_allclose(op.A_adjoint(y).reshape(2, -1), y.reshape(2, -1).numpy() @ want, atol=1e-11)


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (torch.float64, 2e-14)])
def test_the_adjoint_is_exact_at_size(dtype, limit):
    op = ParallelBeam(torch.linspace(0, math.pi, 91)[:-1], Space((1, 130, 141), dtype), 190)
    g = torch.Generator().manual_seed(0)
    for _ in range(3):
        x, y = op.domain.randn(2, g), op.range.randn(2, g)
        ax, ay = op.A(x), op.A_adjoint(y)
        gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
        size = max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm()))
        assert gap / size < limit


def test_single_precision_is_as_good_as_its_rounding():
    op = ParallelBeam(torch.linspace(0, 3, 40), Space((1, 200, 200), F64), 290)
    x = torch.rand(1, 1, 200, 200, dtype=F64, generator=torch.Generator().manual_seed(0))
    exact = op.A(x)
    single = op.replace(domain=(1, 200, 200)).A(x.float()).double()
    assert float((single - exact).norm() / exact.norm()) < 1e-6


@pytest.mark.parametrize("backend", ["auto", "avx2", "portable"])
def test_results_do_not_depend_on_threads(backend, same_on_threads):
    op = ParallelBeam(torch.linspace(0, 3, 50), (2, 64, 70), backend=backend)
    x, y = op.domain.randn(3, torch.Generator().manual_seed(0)), op.range.randn(3)
    same_on_threads(lambda: op.A(x), lambda: op.A_adjoint(y))


def test_half_a_turn_mirrors_the_detector():
    angles = torch.linspace(0, 3, 30, dtype=F64)
    op = ParallelBeam(angles, Space((1, 17, 22), F64), 30)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    torch.testing.assert_close(op.A(x, angles=angles + math.pi), op.A(x).flip(-1), atol=1e-12, rtol=0)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # by torch.func.jvp itself
def test_derivatives_are_the_operator_itself():
    op = ParallelBeam([0.1, 0.9, 2.2], Space((1, 6, 5), F64), 9)
    x = op.domain.randn(2, torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(op.A, (x,))
    assert torch.autograd.gradgradcheck(lambda t: op.A(t).square(), (x,))
    y = op.range.randn(2, torch.Generator().manual_seed(0)).requires_grad_()
    assert torch.autograd.gradcheck(op.A_adjoint, (y,))
    many = torch.randn(4, 2, 1, 6, 5, dtype=F64)
    torch.testing.assert_close(torch.func.vmap(op.A)(many), torch.stack([op.A(m) for m in many]))
    tangent = torch.randn_like(x)
    torch.testing.assert_close(torch.func.jvp(op.A, (x.detach(),), (tangent,))[1], op.A(tangent))


def test_geometry_can_be_calibrated():
    op = ParallelBeam([0.13, 0.9, 2.2], Space((1, 6, 5), F64), 9, axis_mm=0.21)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    angles = torch.tensor([0.13, 0.9, 2.2], dtype=F64, requires_grad=True)
    axis = torch.tensor(0.21, dtype=F64, requires_grad=True)
    centre = torch.tensor([0.05, 0.1], dtype=F64, requires_grad=True)

    def both(a, s, c):
        return op.A(x, angles=a, axis_mm=s, centre_mm=c), op.A_adjoint(y, angles=a, axis_mm=s, centre_mm=c)

    assert torch.autograd.gradcheck(both, (angles, axis, centre))


def test_one_axis_per_view():
    shifts = torch.tensor([0.0, 0.7, -1.2], dtype=F64)
    op = ParallelBeam([0.1, 0.9, 2.2], Space((1, 8, 8), F64), 13, axis_mm=shifts)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    for i, s in enumerate(shifts.tolist()):
        alone = op.replace(axis_mm=s).A(x)[:, :, i]
        torch.testing.assert_close(op.A(x)[:, :, i], alone)


def test_it_keeps_little_memory():
    op = ParallelBeam(torch.linspace(0, 3, 360), (1, 512, 512), 729)
    held = sum(t.numel() * t.element_size() for t in op.state_dict().values()) + op.plan().table.nbytes
    assert held < 2**16


def test_changed_buffers_are_noticed():
    op = ParallelBeam([0.1, 0.9], Space((1, 8, 8), F64), 12)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    other = ParallelBeam([0.5, 1.4], Space((1, 8, 8), F64), 12)
    op.A(x)
    op.load_state_dict(other.state_dict())
    assert torch.equal(op.A(x), other.A(x))


def test_bad_arguments_get_a_sentence():
    with pytest.warns(UserWarning, match=r"angles reach 179, more than two turns .* numpy.deg2rad"):
        ParallelBeam(torch.arange(0.0, 180), (1, 4, 4))
    with pytest.raises(ParameterError, match="angle 1 is nan; angles are finite, in radians"):
        ParallelBeam([0.0, math.nan], (1, 4, 4))
    with pytest.raises(ParameterError, match="no angles are given"):
        ParallelBeam([], (1, 4, 4))
    with pytest.raises(ParameterError, match=r"pixel_mm = -1.0 must be a finite length > 0"):
        ParallelBeam([0.0], (1, 4, 4), pixel_mm=-1)
    with pytest.raises(ParameterError, match="detectors = 0 must be at least 1"):
        ParallelBeam([0.0], (1, 4, 4), detectors=0)
    with pytest.raises(
        ParameterError, match=r"axis_mm has shape \(2,\), but must be a number or one per view"
    ):
        ParallelBeam([0.0], (1, 4, 4), axis_mm=torch.zeros(2))
    with pytest.raises(ParameterError, match="backend = 'cuda' must be one of auto, avx2, portable, torch"):
        ParallelBeam([0.0], (1, 4, 4), backend="cuda")
    with pytest.raises(SpaceError, match=r"must be images \(C, H, W\) with all sizes given"):
        ParallelBeam([0.0], (4, 4))
    with pytest.raises(DtypeError, match="is complex; project real and imaginary parts as channels"):
        ParallelBeam([0.0], Space((1, 4, 4), torch.complex64))
    with pytest.raises(
        SpaceError, match=r"y has shape \(1, 1, 1, 7\), but \(B, 1, 1, 6\) float32 is expected"
    ):
        ParallelBeam([0.0], (1, 4, 4)).A_adjoint(torch.zeros(1, 1, 1, 7))


def test_geometry_is_data():
    g = ParallelGeometry(np.linspace(0, np.pi, 8, endpoint=False), (10, 12), pixel_mm=0.5)
    assert g.detectors == 16
    assert g == ParallelBeam.from_geometry(g).geometry
    assert not g.truncated
    assert g.replace(detectors=9).truncated
    assert g.subset(slice(0, None, 2)).angles == g.angles[::2]
    assert g.limited(0.1, 1.0).views == 2
    assert "8 views over 157.5°, 16 bins of 0.5 mm, image 10×12" in repr(g)
    assert g._repr_html_().count("<svg") == 1
    with pytest.raises(ParameterError, match="no view has an angle in"):
        g.limited(4, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ParallelGeometry(np.linspace(0, 4 * np.pi, 10), (3, 3))
