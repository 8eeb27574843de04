"""What image writers write: magnitudes as volumes, cropped to what the scanner would show, with a place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from wellposed.errors import ParameterError


@attrs.frozen(eq=False)
class Volumes:
    """Magnitudes ``(volumes, slices, rows, columns)`` float32 and where they lie.

    ``affine`` (4 × 4, voxel (column, row, slice) to mm right, anterior, superior) is ``None`` where the
    orientation is not known; ``voxel`` is (slice, row, column) spacing in mm.
    """

    values: np.ndarray
    affine: np.ndarray | None
    voxel: tuple[float, float, float]


def volumes_of(image: Tensor, meta: Mapping[str, Any]) -> Volumes:
    """Return the volumes of an image ``(B, C, H, W)`` or ``(B, C, D, H, W)``.

    Of a planar image all samples and channels are slices of one volume, or of several with
    ``meta["slices_per_volume"]``. ``meta["crop"]`` cuts out the centre.

    Raises
    ------
    ParameterError
        For an image of other axes, values that are not finite, or an impossible affine.
    """
    require_image(image)
    found = image.detach().abs() if image.is_complex() else image.detach()
    total = found.shape[:-2].numel()
    depth = found.shape[2] if image.ndim == 5 else int(meta.get("slices_per_volume", total))
    depth = depth if depth > 0 and total % depth == 0 else total
    values = found.reshape(-1, depth, *found.shape[-2:]).float().cpu().numpy()
    if not np.isfinite(values).all():
        raise ParameterError(f"{int((~np.isfinite(values)).sum())} values of the image are NaN or infinite.")
    affine = None if meta.get("affine") is None else _affine(meta["affine"])
    z, y, x = (float(v) for v in meta.get("voxel_mm", (1.0, 1.0, 1.0)))
    if affine is not None:
        x, y, z = (float(v) for v in np.linalg.norm(affine[:3, :3], axis=0))
    return _cropped(Volumes(values, affine, (z, y, x)), meta.get("crop"))


def require_image(image: Tensor) -> None:
    """Raise :class:`ParameterError` unless the image is ``(B, C, H, W)`` or ``(B, C, D, H, W)``."""
    if image.ndim not in (4, 5):
        raise ParameterError(
            f"an image of shape {tuple(image.shape)} is no volume; (B, C, H, W) or (B, C, D, H, W) "
            "is expected."
        )


def centre(n: int, size: int) -> slice:
    """Return the central ``size`` of ``n``, index ``n//2`` becoming ``size//2``."""
    start = n // 2 - size // 2
    return slice(start, start + size)


def _cropped(found: Volumes, crop: Any) -> Volumes:
    full = found.values.shape[1:]
    if crop is None or len(crop) not in (2, 3):
        return found
    wanted = (*full[: 3 - len(crop)], *(int(n) for n in crop))
    if any(not 0 < w <= n for w, n in zip(wanted, full, strict=True)):
        return found
    parts = [centre(n, w) for n, w in zip(full, wanted, strict=True)]
    values = found.values[:, parts[0], parts[1], parts[2]]
    if found.affine is None:
        return attrs.evolve(found, values=values)
    affine = found.affine.copy()
    affine[:3, 3] += affine[:3, :3] @ [parts[2].start, parts[1].start, parts[0].start]
    return attrs.evolve(found, values=values, affine=affine)


def _affine(values: Any) -> np.ndarray:
    affine = np.asarray(values, dtype=np.float64)
    if affine.shape != (4, 4) or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ParameterError(f"affine must be an invertible 4 × 4 matrix, got {affine.tolist()}.")
    return affine
