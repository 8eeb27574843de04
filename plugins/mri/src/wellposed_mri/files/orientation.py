"""From the scanner's directions to an affine: voxel (column, row, slice) to millimetres (R, A, S).

ISMRMRD, like DICOM, gives positions to the patient's left, posterior and superior; NIfTI counts right and
anterior as positive. Everything here is kept in NIfTI's axes and turned once, where it enters.
"""

from __future__ import annotations

from typing import Any

import numpy as np

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


def affine_of_slices(
    heads: Any, voxel: tuple[float, float, float], size: tuple[int, int, int]
) -> list[list[float]] | None:
    """Return the 4 × 4 affine of an image ``size`` (slices, rows, columns); ``None`` where it is not known.

    Parameters
    ----------
    heads
        One readout's head per slice (a single one for a volume): ``position`` of the centre in mm,
        ``read_dir``, ``phase_dir``, ``slice_dir``; patient axes (left, posterior, superior).
    voxel
        Millimetres (z, y, x).
    """
    read, phase, normal = (
        heads[name][0].astype(np.float64) for name in ("read_dir", "phase_dir", "slice_dir")
    )
    frame = np.stack([read, phase, normal])
    if not np.allclose(frame @ frame.T, np.eye(3), atol=1e-3):
        return None
    if not np.allclose(heads["slice_dir"], normal, atol=1e-3):
        return None
    positions = heads["position"].astype(np.float64)
    step, middle = voxel[0] * normal, positions[0]
    if len(positions) > 1:
        steps = np.diff(positions, axis=0)
        step = steps.mean(0)
        if np.linalg.norm(step) < 1e-6 or not np.allclose(steps, step, atol=1e-2 * np.linalg.norm(step)):
            return None
    columns = np.stack([read * voxel[2], phase * voxel[1], step], 1)
    centre = np.array([size[2] // 2, size[1] // 2, 0 if len(positions) > 1 else size[0] // 2])
    affine = np.eye(4)
    affine[:3, :3] = LPS_TO_RAS[:, None] * columns
    affine[:3, 3] = LPS_TO_RAS * (middle - columns @ centre)
    return [[float(v) for v in row] for row in affine]
