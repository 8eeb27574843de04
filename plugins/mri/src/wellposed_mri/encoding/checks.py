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
