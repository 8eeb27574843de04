"""The projectors in space against a matrix from the definition, the fan beam, and a source far away."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest
import torch

from wellposed.errors import ParameterError, SpaceError
from wellposed.spaces import Space
from wellposed_ct import (
    ConeBeam,
    ConeGeometry,
    FanBeam,
    ParallelBeam,
    ParallelBeam3D,
    VectorGeometry,
)
from wellposed_ct.projectors.vectors import circular_vectors, parallel_vectors

F64 = torch.float64
ANGLES = [-0.3, 0.0, math.pi / 4, math.pi / 2, 2.0, math.pi, 4.1]


def joseph_matrix(g: ConeGeometry | VectorGeometry) -> np.ndarray:
    """Joseph's weights from the vectors: hat functions around the points where rays cross slices."""
    (depth, height, width), (dz, dy, dx) = g.size, g.voxel_mm
    x = (np.arange(width) - (width - 1) / 2) * dx + g.centre_mm[0]
    y = -(np.arange(height) - (height - 1) / 2) * dy + g.centre_mm[1]
    z = (np.arange(depth) - (depth - 1) / 2) * dz + g.centre_mm[2]
    axes, sides = (x, y, z), np.array([dx, dy, dz])
    rows, columns = g.detector
    matrix = np.zeros((g.views, rows, columns, depth, height, width))
    for v, (first, middle, du, dv) in enumerate(g.vectors().reshape(-1, 4, 3)):
        for r in range(rows):
            for c in range(columns):
                pixel = middle + (c - (columns - 1) / 2) * du + (r - (rows - 1) / 2) * dv
                toward = first if g.parallel else pixel - first
                steps = np.abs(toward) / sides
                main = max((1, 0, 2), key=lambda a: steps[a])
                ray = np.zeros((width, height, depth))
                length = np.linalg.norm(toward) / abs(toward[main]) * sides[main]
                for i, at in enumerate(axes[main]):
                    p = pixel + toward * (at - pixel[main]) / toward[main]
                    hats = [np.clip(1 - np.abs(axes[a] - p[a]) / sides[a], 0, None) for a in range(3)]
                    hats[main] = np.eye(len(axes[main]))[i]
                    ray += length * np.einsum("i,j,k->ijk", *hats)
                matrix[v, r, c] = ray.transpose(2, 1, 0)
    return matrix.reshape(g.views * rows * columns, -1)


def scan(size, detector, detector_mm, voxel_mm, **more):
    distances = (20.0, 35.0)
    places = {"axis_mm": 0.33, "plane_mm": -0.2, "centre_mm": (0.2, -0.5, 0.3)}
    return ConeGeometry(ANGLES, size, *distances, detector, detector_mm, voxel_mm, **places | more)


SCANS = {
    "circle": scan((5, 7, 9), (8, 12), (1.5, 1.2), 0.7),
    "flat voxels": scan((14, 6, 7), (7, 9), 1.5, (0.2, 0.8, 0.7)),
    "coarse": scan((6, 12, 14), (3, 5), 9.0, (0.8, 0.7, 0.6)),
    "fine rows": scan((5, 6, 5), (30, 9), (0.2, 2.0), 0.7),
    "helix": scan((20, 6, 5), (12, 7), (3.0, 2.0), 0.4, pitch_mm=5.0),
    "steep": scan((20, 5, 6), (16, 6), (6.0, 2.0), 0.7),
    "tilted": scan((6, 7, 5), (9, 8), (1.2, 2.0), 0.7, rotation=(0.1, -0.2, 0.15)),
    "laminography": VectorGeometry(
        parallel_vectors(torch.tensor(ANGLES) + 0.01, (0.8, 0.9), 0.2, 0.1, 1.0),
        (5, 8, 7),
        (9, 8),
        0.7,
        parallel=True,
    ),
    "parallel": VectorGeometry(
        parallel_vectors(torch.tensor(ANGLES) + 0.01, (0.8, 0.9)), (5, 8, 7), (9, 8), 0.7, parallel=True
    ),
}


def projector(g, dtype=F64):
    return (ParallelBeam3D if g.parallel else ConeBeam).from_geometry(g, dtype=dtype)


@pytest.mark.parametrize("name", SCANS)
def test_it_is_josephs_matrix(name):
    want = joseph_matrix(SCANS[name])
    for backend in ("auto", "portable", "torch"):
        op = projector(SCANS[name]).replace(backend=backend)
        x = op.domain.randn(2, torch.Generator().manual_seed(1))
        y = op.range.randn(2, torch.Generator().manual_seed(2))
        np.testing.assert_allclose(op.A(x).reshape(2, -1), x.reshape(2, -1).numpy() @ want.T, atol=1e-10)
        np.testing.assert_allclose(
            op.A_adjoint(y).reshape(2, -1), y.reshape(2, -1).numpy() @ want, atol=1e-10
        )


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 1.2e-5), (F64, 2e-14)])
@pytest.mark.parametrize("rotation", [(0.0, 0.0, 0.0), (0.01, 0.02, 0.0)])
def test_the_adjoint_is_exact_at_size(dtype, limit, rotation):
    angles = np.arange(9) * 2 * math.pi / 9
    g = ConeGeometry(angles, (70, 61, 64), 150.0, 250.0, (80, 90), 1.7, 1.0, rotation=rotation)
    op = projector(g, dtype)
    seed = torch.Generator().manual_seed(0)
    x, y = op.domain.randn(2, seed), op.range.randn(2, seed)
    ax, ay = op.A(x), op.A_adjoint(y)
    gap = abs(float((ax.double() * y.double()).sum() - (x.double() * ay.double()).sum()))
    assert gap / max(float(ax.norm() * y.norm()), float(x.norm() * ay.norm())) < limit


def test_the_central_plane_is_the_fan_beam():
    fan = FanBeam(
        ANGLES, Space((1, 30, 35), F64), 60.0, 100.0, 90, 1.0, 0.7, axis_mm=0.3, centre_mm=(0.2, -0.5)
    )
    g = ConeGeometry(ANGLES, (3, 30, 35), 60.0, 100.0, (1, 90), 1.0, 0.7, 0.3, centre_mm=(0.2, -0.5, 0.0))
    x = fan.domain.randn(1, torch.Generator().manual_seed(0))
    volume = torch.zeros(1, 1, 3, 30, 35, dtype=F64)
    volume[:, :, 1] = x
    torch.testing.assert_close(projector(g).A(volume)[:, :, :, 0], fan.A(x), atol=1e-10, rtol=0)


def test_flat_parallel_rays_are_slices_of_the_parallel_beam():
    flat = ParallelBeam(ANGLES, Space((1, 16, 17), F64), 25, axis_mm=0.4)
    vectors = parallel_vectors(torch.tensor(ANGLES, dtype=F64), (1.0, 1.0), axis_mm=0.4)
    op = ParallelBeam3D(vectors, Space((1, 5, 16, 17), F64), (5, 25))
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    slices = flat.A(x[0].transpose(0, 1)).transpose(0, 1)[None]
    torch.testing.assert_close(op.A(x), slices.transpose(2, 3), atol=1e-10, rtol=0)


def test_results_do_not_depend_on_threads(same_on_threads):
    g = ConeGeometry(np.arange(7), (20, 33, 31), 100.0, 150.0, (25, 50), 1.5, rotation=(0.0, 0.0, 0.0))
    for op in (projector(g, torch.float32), projector(g.replace(rotation=(0.1, 0.0, 0.0)), torch.float32)):
        x, y = op.domain.randn(2, torch.Generator().manual_seed(0)), op.range.randn(2)
        same_on_threads(partial(op.A, x), partial(op.A_adjoint, y))


def test_slabs_add_up():
    g = SCANS["helix"]
    op = projector(g)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))
    parts = [projector(g.slab(a, b)) for a, b in ((0, 7), (7, 20))]
    together = parts[0].A(x[:, :, :7]) + parts[1].A(x[:, :, 7:])
    torch.testing.assert_close(together, op.A(x))
    torch.testing.assert_close(torch.cat([p.A_adjoint(y) for p in parts], 2), op.A_adjoint(y))


@pytest.mark.parametrize("name", ["circle", "helix", "tilted", "laminography"])
def test_only_the_rows_seen_see_a_slab(name):
    slab = SCANS[name].slab(0, 2)
    first, last = slab.rows_seen()
    y = projector(slab).A(torch.ones(1, 1, *slab.size, dtype=F64))
    outside = [r for r in range(slab.detector[0]) if not first <= r < last]
    assert float(y[:, :, :, outside].abs().sum()) == 0
    if not any(getattr(slab, "rotation", ())):
        some = projector(slab.crop_rows(first, last)).A(torch.ones(1, 1, *slab.size, dtype=F64))
        torch.testing.assert_close(some, y[:, :, :, first:last])


def test_rows_counted_downwards_are_the_same_rays():
    g = SCANS["circle"].as_vectors()
    table = g.vectors()
    table[:, 9:] *= -1
    x = torch.rand(1, 1, *g.size, dtype=F64)
    torch.testing.assert_close(projector(g.replace(vectors=table)).A(x).flip(3), projector(g).A(x))


def test_geometry_can_be_calibrated():
    angles = torch.tensor([0.13, 0.9], dtype=F64, requires_grad=True)
    axis = torch.tensor(0.21, dtype=F64, requires_grad=True)
    turns = torch.tensor([0.02, 0.03, -0.04], dtype=F64, requires_grad=True)
    g = ConeGeometry([0.0, 1.0], (3, 4, 3), 20.0, 30.0, (4, 5), 1.1)
    op = projector(g)
    x = op.domain.randn(1, torch.Generator().manual_seed(0))
    y = op.range.randn(1, torch.Generator().manual_seed(1))

    def both(a, s, r):
        vectors = circular_vectors(a, 20.0, 30.0, (1.1, 1.1), s, rotation=r)
        return op.A(x, vectors=vectors), op.A_adjoint(y, vectors=vectors)

    assert torch.autograd.gradcheck(both, (angles, axis, turns))


def test_astra_has_the_same_vectors():
    astra = pytest.importorskip("astra", reason="astra-toolbox is not installed")
    theirs = astra.create_proj_geom("cone", 1.2, 0.9, 8, 12, np.array(ANGLES), 20.0, 15.0)
    g = ConeGeometry(ANGLES, (5, 5, 5), 20.0, 35.0, (8, 12), (0.9, 1.2), 0.7)
    np.testing.assert_allclose(g.vectors(), astra.geom_2vec(theirs)["Vectors"], atol=1e-12)
    theirs = astra.create_proj_geom("parallel3d", 1.2, 0.9, 8, 12, np.array(ANGLES))
    ours = parallel_vectors(torch.tensor(ANGLES, dtype=F64), (0.9, 1.2))
    # a line has no front: ASTRA's direction runs back to the source
    np.testing.assert_allclose(
        ours.numpy() * np.repeat([-1, 1], [3, 9]), astra.geom_2vec(theirs)["Vectors"], atol=1e-12
    )


def test_the_panel_turns_about_its_middle():
    g = scan((5, 5, 5), (4, 4), 1.0, 0.5, rotation=(0.0, 0.0, 0.3))
    upright = g.replace(rotation=(0.0, 0.0, 0.0)).vectors()
    turned = g.vectors()
    np.testing.assert_allclose(turned[:, 9:], upright[:, 9:], atol=1e-12)
    np.testing.assert_allclose((turned[:, 6:9] * upright[:, 6:9]).sum(1), math.cos(0.3))
    rolled = g.replace(rotation=(0.3, 0.0, 0.0)).vectors()
    np.testing.assert_allclose(rolled[:, 8], -math.sin(0.3), atol=1e-12)
    np.testing.assert_allclose(
        np.cross(rolled[:, 6:9], rolled[:, 9:]), np.cross(upright[:, 6:9], upright[:, 9:]), atol=1e-12
    )


def test_bad_geometry_gets_a_sentence():
    good = {"size": (4, 5, 6), "detector": (3, 4), "detector_mm": 1.0}
    with pytest.raises(
        ParameterError, match=r"source_detector_mm = 3.0 must be at least source_axis_mm = 4.0"
    ):
        ConeGeometry([0.0], source_axis_mm=4.0, source_detector_mm=3.0, **good)
    cone = {"source_axis_mm": 10.0, "source_detector_mm": 20.0}
    with pytest.raises(
        ParameterError, match=r"volume reaches 35.36 mm .* source is at 10 mm; make the volume"
    ):
        ConeGeometry([0.0], **cone, **good | {"size": (50, 50, 50), "voxel_mm": 1.0})
    with pytest.raises(ParameterError, match=r"size = \(4, 5\) must be \(slices, rows, columns\)"):
        ConeGeometry([0.0], **cone, **good | {"size": (4, 5)})
    with pytest.raises(ParameterError, match=r"detector_mm\[1\] = -1.0 must be a finite length"):
        ConeGeometry([0.0], **cone, **good | {"detector_mm": (1.0, -1.0)})
    with pytest.raises(ParameterError, match=r"panel's back to the source; angles are in radians"):
        ConeGeometry([0.0], **cone, **good, rotation=(0.0, 5.0, 0.0))
    with pytest.warns(UserWarning, match="if they are degrees, convert them"):
        ConeGeometry([0.0, 90.0], **cone, **good)
    g = ConeGeometry([0.0, 1.0], **cone, **good)
    with pytest.raises(ParameterError, match=r"slab \[3, 3\) must lie within the 4 slices and not be empty"):
        g.slab(3, 3)
    with pytest.raises(ParameterError, match=r"no view has an angle in \[2, 3\] rad"):
        g.limited(2.0, 3.0)
    with pytest.raises(ParameterError, match=r"vectors have shape \(1, 11\), but must be \(views, 12\)"):
        VectorGeometry(np.zeros((1, 11)), (2, 2, 2), (3, 3))
    with pytest.raises(ParameterError, match=r"the source of view 1 at .* mm is inside the volume"):
        VectorGeometry(g.vectors() * [[1.0] * 12, [0, 0, 0] + [1.0] * 9], (2, 2, 2), (3, 3))
    with pytest.raises(ParameterError, match=r"u and v of view 0 lie on one line"):
        VectorGeometry(g.vectors() * ([1] * 9 + [0] * 3), (2, 2, 2), (3, 3))
    with pytest.raises(ParameterError, match=r"ParallelBeam3D cannot project ConeGeometry.*; use ConeBeam"):
        ParallelBeam3D.from_geometry(g)
    with pytest.raises(SpaceError, match=r"must be volumes \(C, D, H, W\)"):
        ConeBeam(g.vectors(), (1, 4, 4), (3, 4))


def test_geometry_can_be_seen():
    g = SCANS["helix"]
    assert "7 views over 252.1° on a helix of 5 mm per turn, source 20 mm before the axis" in repr(g)
    assert "volume 20×6×5 of 0.4×0.4×0.4 mm" in repr(g)
    assert g._repr_html_().startswith("<figure><svg")
    assert SCANS["laminography"].svg().count("<rect") == 2
    assert "7 views, parallel rays, 9×8 pixels" in repr(SCANS["laminography"])
    assert g.subset(slice(0, 2)).angles == g.angles[:2] != g.angles
    assert g.as_vectors().subset([1]).rows[0] == pytest.approx(g.vectors()[1])
    assert ConeBeam.from_geometry(g).geometry == g.as_vectors()
