"""Axes that lean: the rays are those of the laboratory, turned by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from wellposed_ct.geometry.axis import about_axis

ANGLES = (0.0, 0.7, 2.5)


def pixels(vectors, detector):
    """Return where the panel's corners are, relative to the source, in units that rays share: directions."""
    source, middle, u, v = np.asarray(vectors).reshape(4, 3)
    rows, columns = detector
    signs = np.array([(a, b) for a in (-1, 0, 1) for b in (-1, 0, 1)]) / 2
    points = middle + signs[:, :1] * (columns - 1) * u + signs[:, 1:] * (rows - 1) * v
    return source, points


@pytest.mark.parametrize(
    ("point", "direction", "turn"),
    [
        ((0, 0, 0), (0, 0, 1), (0, 0, 0)),
        ((3.0, 0, 0), (0, 0, 1), (0, 0, 0)),
        ((0, 0, 0), (0.05, 0, 1), (0, 0, 0)),
        ((-2.0, 1.0, 4.0), (0.05, 0.1, 1), (0, 0, 0)),
        ((1.0, -1.0, 2.0), (-0.04, 0.03, 1), (0.02, -0.05, 0.03)),
    ],
)
def test_rays_are_those_of_the_laboratory(point, direction, turn):
    panel = Rotation.from_euler("xyz", turn).as_matrix()
    detector = (9, 11)
    lab = np.array([[0, -100, 0], [4, 60, 2], 1.5 * panel[:, 0], 1.2 * panel[:, 2]], float)
    scan = about_axis(ANGLES, (4, 6, 5), lab, point, direction, detector, 1.0)
    axis = np.array(direction, float) / np.linalg.norm(direction)
    distances = []
    # the frame of the scan may differ by one turn about its axis and a shift along it: found from view 0
    found = scan.as_vectors().vectors()
    centre = np.array(scan.centre_mm)
    for angle, vectors in zip(ANGLES, found, strict=True):
        turned = Rotation.from_rotvec(angle * axis).as_matrix()
        source, points = pixels(lab, detector)
        want = np.vstack([source, points]) - point
        want = want @ turned.T
        source, points = pixels(vectors, detector)
        got = np.vstack([source, points]) - centre
        distances.append((want, got))
    align, _ = Rotation.align_vectors(
        np.vstack([got for _, got in distances]), np.vstack([want for want, _ in distances])
    )
    for want, got in distances:
        np.testing.assert_allclose(align.apply(want), got, atol=1e-9)
    np.testing.assert_allclose(align.apply(axis), (0, 0, 1), atol=1e-9)
