"""Three sections: the images with phase and error, the sampling with k-space, and the coils."""

from __future__ import annotations

import math
from collections.abc import Iterable
from html import escape
from typing import Any

import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.coils import g_factor
from wellposed_mri.encoding import MultiCoilMRI
from wellposed_mri.encoding.traits import sampled
from wellposed_mri.report import png
from wellposed_mri.report.planes import (
    kspace_plane,
    mask_plane,
    operator_of,
    plane,
    planes,
    trajectory_plane,
)

FEW_COILS = 32
LARGEST_G = 512**2
"""Pixels above which the g-factor is not worth the time of a report."""
MOST_G, LINES = 0.98, 64
"""The quantile of the g-factor that is white, and how many lines of it a page needs."""
GRID = "display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,22rem));gap:1.25rem;margin:0 0 1.5rem"


def images(run: Any) -> str:
    """Return magnitude, phase and, with a reference, error of every method's image."""
    if operator_of(run) is None:
        return ""
    shown = [(o.method, run.shown(o)) for o in run.outcomes if not o.is_input]
    found = [(name, plane(image)) for name, image in shown if image is not None]
    if not found:
        return ""
    truth = run.reference if isinstance(run.reference, Tensor) else None
    target = None if truth is None else plane(truth)
    all_rows = found if target is None else [("Reference", target), *found]
    rows = [_row(name, image, target if name != "Reference" else None) for name, image in all_rows]
    note = "Magnitudes are scaled to the 99.5 % quantile of each image; hue is phase, from −π to π."
    if target is not None:
        note += " Errors |x̂ − x| end at 10 % of the reference's maximum."
    extra = _g_factor(run)
    return "".join(_grid(row) for row in rows) + _note(note) + extra


def _row(name: str, image: Tensor, target: Tensor | None) -> list[str]:
    size = image.abs()
    bright = _bright(size)
    row = [_figure(png.grey(size, 0.0, bright), name, "magnitude")]
    if image.is_complex():
        row.append(_figure(png.wheel(image.angle(), 2 * size / bright), name, "phase"))
    if target is not None and target.shape == image.shape:
        limit = 0.1 * float(target.abs().max())
        error = (
            (size - target.abs()).abs()
            if target.is_complex() != image.is_complex()
            else (image - target).abs()
        )
        row.append(_figure(png.heat(error, 0.0, limit), name, f"error, 0 to {limit:.3g}"))
    return row


def _g_factor(run: Any) -> str:
    """Return the map that the measurement brings, or that of a regular pattern."""
    found = run.measurement.meta.get("g_factor")
    if not isinstance(found, Tensor):
        found = _regular_g(operator_of(run))
    if found is None or found.ndim < 2:
        return ""
    values = found.abs().reshape(-1, *found.shape[-2:])
    middle = values[len(values) // 2]
    seen = middle[middle > 0]
    if seen.numel() == 0:
        return ""
    # a few pixels that coils cannot tell apart would leave the rest black
    top = max(float(seen.quantile(MOST_G)), 1.0 + 1e-6)
    text = f"1 to {top:.3g} (98 % of the pixels), mean {float(seen.mean()):.3g}"
    rows, columns = (max(1, size // n) for size, n in zip(_size(run), middle.shape, strict=True))
    picture = middle.repeat_interleave(rows, 0).repeat_interleave(columns, 1)
    return _grid([_figure(png.heat(picture, 1.0, top), "g-factor", text)])


def _size(run: Any) -> tuple[int, int]:
    """Return rows and columns of the image."""
    rows, columns = operator_of(run).domain.shape[-2:]
    return rows, columns


def _regular_g(operator: Any) -> Tensor | None:
    """Return the g-factor of the middle sample; ``None`` where nothing is missing, or it would take long."""
    if not isinstance(operator, MultiCoilMRI) or operator.mask is None:
        return None
    dims, mask, maps = operator.dims, operator.mask, operator.maps
    if maps.shape[-dims:].numel() > LARGEST_G or bool((mask != 0).all()):
        return None
    if maps.ndim > dims + 1:
        middle = maps.shape[0] // 2
        maps = maps[middle : middle + 1]
    if mask.ndim == dims + 2:
        mask = mask[mask.shape[0] // 2]
    try:
        return g_factor(MultiCoilMRI(*_fewer_lines(maps, mask, dims), dims))
    except ParameterError:
        return None


def _fewer_lines(maps: Tensor, mask: Tensor, dims: int) -> tuple[Tensor, Tensor]:
    """Return every n-th of the lines along which nothing is missing: each has a g-factor of its own."""
    full = mask.expand(*mask.shape[: max(0, mask.ndim - dims)], *maps.shape[-dims:])
    for axis in range(-dims, 0):
        if dims == 2 and bool((full == full.narrow(axis, 0, 1)).all()):
            lines = torch.arange(0, full.shape[axis], math.ceil(full.shape[axis] / LINES))
            return maps.index_select(axis, lines), full.index_select(axis, lines)
    return maps, mask


def sampling(run: Any) -> str:
    """Return which samples were taken, and what k-space looks like."""
    operator = operator_of(run)
    y = run.measurement.y if operator is not None else None
    if operator is None or not isinstance(y, Tensor):
        return ""
    trajectory, mask = getattr(operator, "trajectory", None), sampled(operator)
    figures = []
    if isinstance(trajectory, Tensor):
        points = trajectory_plane(trajectory)
        reach = float(trajectory.abs().max())
        shots = trajectory.shape[:-2].numel()
        text = f"{shots} × {trajectory.shape[-2]} samples, to ±{reach:.4g} cycles/FOV"
        figures.append(_figure(png.grey(points, 0.0, float(points.max())), "Trajectory", text))
    elif isinstance(mask, Tensor):
        size = tuple(operator.range.shape[1:])
        taken, axes = mask_plane(mask, size)
        share = float((mask != 0).float().mean())
        text = f"{axes}; acceleration {1 / share:.3g}" if share else axes
        figures.append(_figure(png.grey(taken.float(), 0.0, float(taken.max())), "Sampling pattern", text))
    cartesian = not isinstance(trajectory, Tensor)
    axes = "root sum of squares over coils" if cartesian else "shots × samples"
    figures.append(
        _figure(png.grey(kspace_plane(y, cartesian), -5.0, 0.0), "k-space", f"log scale, 5 decades; {axes}")
    )
    return _grid(figures)


def coils(run: Any) -> str:
    """Return what each coil sees, and the maps: magnitude with phase as hue."""
    operator = operator_of(run)
    y = run.measurement.y if operator is not None else None
    maps = getattr(operator, "maps", None)
    if not isinstance(maps, Tensor) or not isinstance(y, Tensor) or y.shape[1] < 2:
        return ""
    seen = getattr(operator, "coil_images", None)
    figures = []
    if seen is not None:
        middle = planes(seen(y))[:FEW_COILS]
        picture = _montage(middle, _bright(middle.abs()))
        figures.append(_figure(picture, "Coil images", _counted(y.shape[1])))
    dims = len(operator.domain.shape) - 1
    full = maps.reshape(-1, *maps.shape[-dims - 1 :])
    chosen = planes(full[full.shape[0] // 2][None])[:FEW_COILS]
    picture = _montage(chosen, float(chosen.abs().max()))
    figures.append(_figure(picture, "Coil maps", _counted(y.shape[1])))
    return _grid(figures) + _note("Brightness is magnitude, hue is phase.")


def _montage(pictures: Tensor, bright: float) -> str:
    """Return complex pictures ``(n, H, W)`` side by side in rows."""
    count, height, width = pictures.shape
    across = math.ceil(math.sqrt(count * height / width))
    down = math.ceil(count / across)
    sheet = pictures.new_zeros(down * across, height, width)
    sheet[:count] = pictures
    joined = (
        sheet.reshape(down, across, height, width).permute(0, 2, 1, 3).reshape(down * height, across * width)
    )
    return png.wheel(joined.angle(), joined.abs() / max(bright, 1e-30))


def _bright(size: Tensor) -> float:
    flat = size.flatten()
    value = float(flat.kthvalue(max(1, round(0.995 * flat.numel()))).values)
    return value if value > 0 else max(float(flat.max()), 1e-30)


def _counted(coils: int) -> str:
    return f"{coils} coils" if coils <= FEW_COILS else f"the first {FEW_COILS} of {coils} coils"


def _figure(source: str, name: str, caption: str) -> str:
    title = escape(f"{name}: {caption}", quote=True)
    return (
        f'<figure><img src="{source}" alt="{title}" style="width:100%;background:#000">'
        f"<figcaption><b>{escape(name)}</b> <span>{escape(caption)}</span></figcaption></figure>"
    )


def _grid(figures: Iterable[str]) -> str:
    return f'<div style="{GRID}">{"".join(figures)}</div>'


def _note(text: str) -> str:
    return f'<p class="note">{escape(text)}</p>'
