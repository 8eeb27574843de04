"""Sentences for arrays that do not fit: what was expected, what was seen, and the line that repairs it."""

from __future__ import annotations

import torch
from torch import Tensor

from wellposed.errors import DtypeError, ParameterError, SpaceError
from wellposed.spaces import require_tensor

MANY_COILS = 48
"""More coils than this on images this small are taken for a wrong axis order."""

FEW_COLUMNS = 8
"""So are twice as many coils as columns on images with so few of them, and many more rows: a strip."""


def full_maps(maps: Tensor, dims: int) -> Tensor:
    """View coil maps as ``(b, sets, coils, *image)``, where ``dims`` axes make the image.

    Raises
    ------
    SpaceError
        For a wrong number of axes, no coils, or an order in which the coils seem to come last.
    DtypeError
        For real maps, and for arrays that are no tensors.
    """
    require_tensor("maps", maps)
    if not maps.is_complex():
        raise DtypeError(
            f"maps are {str(maps.dtype).removeprefix('torch.')}, but coil maps are complex; "
            "pass maps.to(torch.complex64)."
        )
    axes = ", ".join(("D", "H", "W")[3 - dims :])
    extra = maps.ndim - dims
    if extra not in (1, 2, 3):
        raise SpaceError(
            f"maps have shape {tuple(maps.shape)}, but (coils, {axes}), (B, coils, {axes}) or "
            f"(B, sets, coils, {axes}) is expected; a single coil needs its axis too: maps[None]."
        )
    if maps.numel() == 0:
        raise SpaceError(f"maps have shape {tuple(maps.shape)}, but at least one coil and pixel is needed.")
    full = maps.reshape(
        maps.shape[0] if extra > 1 else 1,
        maps.shape[1] if extra == 3 else 1,
        *maps.shape[extra - 1 :],
    )
    coils_last("maps", full.shape[2:], f"(coils, {axes})")
    return full


def coils_last(name: str, shape: torch.Size | tuple[int, ...], expected: str, *, batch: bool = False) -> None:
    """Raise :class:`SpaceError` where ``(coils, *image)`` looks like ``(*image, coils)``."""
    coils, last = shape[0], shape[-1]
    strip = last <= FEW_COLUMNS and min(shape[1:-1]) >= 4 * last
    if (coils > MANY_COILS > last or strip) and coils >= 2 * last:
        raise SpaceError(
            f"{name} of shape {tuple(shape)} would be {coils} coils of {'×'.join(map(str, shape[1:]))} "
            f"pixels; {expected} is expected. If the coils are the last axis, pass "
            f"{name.replace('-', '')}.movedim(-1, {int(batch)})."
        )


def require_mask(mask: Tensor, shape: tuple[int, ...], name: str = "mask") -> None:
    """Raise unless a real ``mask`` broadcasts against k-space ``shape`` or ``(B, *shape)``."""
    require_tensor(name, mask)
    if mask.is_complex():
        raise DtypeError(f"{name} is complex, but sampling masks are real or bool; pass {name}.real.")
    trailing = tuple(mask.shape[-len(shape) :])
    fits = mask.ndim <= len(shape) + 1 and all(
        m in (1, n) for m, n in zip(reversed(trailing), reversed(shape), strict=False)
    )
    if not fits:
        raise SpaceError(
            f"{name} of shape {tuple(mask.shape)} does not broadcast against k-space {shape}, axes "
            "(coils, …, rows, columns); give one value per sample or 1 along an axis that shares them, "
            f"e.g. {(1,) * (len(shape) - 1) + (shape[-1],)} to sample columns."
        )
    require_known(name, mask)


def require_coils(full: Tensor, mask: Tensor | None) -> None:
    """Raise for maps ``(b, sets, coils, *image)`` that are all zero, or whose coils are the last axis.

    That axis is told by what only coils have: Σ|maps|² over them is 1 or 0, or a mask that fits so alone.
    """
    if hidden(full):
        return
    if not bool((full != 0).any()):
        raise ParameterError(
            f"maps of shape {tuple(full.shape[2:])} hold coils that are all zero: no coil sees the image. "
            "Were they made of k-space of this scan?"
        )
    if full.shape[2] <= full.shape[-1]:
        return
    turned = tuple(full.movedim(-1, 2).shape[2:])
    seen = None if mask is None or hidden(mask) else tuple(mask.shape)
    by_mask = seen is not None and not _fits(seen, tuple(full.shape[2:])) and _fits(seen, turned)
    if by_mask or (_normalised(full, -1) and not _normalised(full, 2)):
        why = f"the mask of shape {seen} fits" if by_mask else "Σ|maps|² is 1 over the last axis"
        raise SpaceError(
            f"maps of shape {tuple(full.shape[2:])} have their coils last, for {why}; (coils, …) is "
            "expected: pass maps.movedim(-1, 0)."
        )


def _normalised(full: Tensor, axis: int) -> bool:
    power = full.detach().abs().square().sum(axis)
    return bool((torch.minimum((power - 1).abs(), power) < 1e-3).all())


def _fits(seen: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(m in (1, n) for m, n in zip(reversed(seen), reversed(shape), strict=False))


def require_sampling(mask: Tensor) -> None:
    """Raise :class:`ParameterError` for a mask that samples nothing."""
    if not hidden(mask) and not bool((mask != 0).any()):
        raise ParameterError(
            f"mask of shape {tuple(mask.shape)} is zero everywhere: nothing is sampled; masks are 1 where "
            "k-space was acquired."
        )


def require_finite(name: str, values: Tensor) -> None:
    """Raise :class:`ParameterError` where ``values`` hold NaN or infinity."""
    require_tensor(name, values)
    bad = ~torch.isfinite(torch.view_as_real(values.resolve_conj()) if values.is_complex() else values)
    if bool(bad.any()):
        raise ParameterError(
            f"{name} of shape {tuple(values.shape)} holds {int(bad.sum())} numbers that are NaN or infinite; "
            f"look at the file it came from, or use torch.nan_to_num({name}) if they stand for missing data."
        )


def hidden(values: Tensor) -> bool:
    """Whether the numbers cannot be looked at: under ``vmap`` and alike, while compiling, or without data."""
    return (
        torch.compiler.is_compiling()
        or torch._C._functorch.is_functorch_wrapped_tensor(values)
        or values.is_meta
    )


def plain(values: Tensor) -> Tensor:
    """Return the numbers behind function transforms: under ``vmap`` those of all samples together."""
    values = values.detach()
    while torch._C._functorch.is_functorch_wrapped_tensor(values):
        values = torch._C._functorch.get_unwrapped(values)
    return values


def require_known(name: str, values: Tensor) -> None:
    """Raise :class:`ParameterError` for NaN or infinity, where the numbers can be looked at."""
    if not hidden(values):
        require_finite(name, values.detach())


def require_signal(name: str, values: Tensor) -> None:
    """Raise :class:`ParameterError` where every number is zero."""
    if not bool((values != 0).any()):
        raise ParameterError(
            f"{name} of shape {tuple(values.shape)} is zero everywhere: nothing to reconstruct from. "
            "Was the file read with the right encoding, or every line masked out?"
        )
