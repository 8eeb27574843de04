"""The arithmetic of Fourier encoding with coils: multiply, transform, weigh; and its adjoint and product.

Shapes: images ``(B, S, *n)``, coil maps ``(b, S, C, *n)``, k-space and its weights ``(B, C, *n)``, where S
counts map sets, C coils, and b is 1 or B. Centring is already inside maps and weights.

Where no graph is built, a few coils are worked on at a time, so that they stay in cache from the first
multiplication to the last sum: half of the time of the plain expressions goes to main memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from wellposed.linalg.blocks import BLOCK, unobserved

Dims = tuple[int, ...]


def encode(x: Tensor, maps: Tensor, weight: Tensor, dims: Dims) -> Tensor:
    """Return ``weight · F(Σ_s maps_s · x_s)``, ``(B, C, *n)``."""
    batch, coils = batch_of(x, maps, weight), maps.shape[2]
    if not unobserved(x, maps, weight) or x.numel() == 0:
        return _encode(x, maps, weight, dims)
    spatial = broadcast(x.shape[2:], maps.shape[3:], weight.shape[2:])
    out = x.new_empty((batch, coils, *spatial))
    for b, c in blocks_of(batch, coils, x):
        part = (rows_of(x, b), rows_of(maps, b)[:, :, c], rows_of(weight, b, c))
        out[b, c] = _encode(*part, dims)
    return out


def decode(y: Tensor, maps: Tensor, weight: Tensor, dims: Dims) -> Tensor:
    """Return ``Σ_c maps_c · F*(weight · y_c)``, ``(B, S, *n)``: given conjugates, the adjoint."""
    batch, coils = batch_of(y, maps, weight), maps.shape[2]
    if not unobserved(y, maps, weight) or y.numel() == 0:
        return _decode(y, maps, weight, dims)
    out = y.new_zeros((batch, maps.shape[1], *y.shape[2:]))
    for b, c in blocks_of(batch, coils, y):
        out[b] += _decode(rows_of(y, b, c), rows_of(maps, b)[:, :, c], rows_of(weight, b, c), dims)
    return out


def normal(x: Tensor, maps: Tensor, conjugate: Tensor, weight: Tensor, dims: Dims) -> Tensor:
    """Return ``Σ_c conjugate_c · F*(weight · F(maps_c · x))``, ``(B, S, *n)``; ``dims`` may be empty."""
    batch, coils = batch_of(x, maps, weight), maps.shape[2]
    if not unobserved(x, maps, conjugate, weight) or x.numel() == 0:
        return _normal(x, maps, conjugate, weight, dims)
    spatial = broadcast(x.shape[2:], weight.shape[2:])
    out = x.new_zeros((batch, x.shape[1], *spatial))
    for b, c in blocks_of(batch, coils, x):
        part = (
            rows_of(x, b),
            rows_of(maps, b)[:, :, c],
            rows_of(conjugate, b)[:, :, c],
            rows_of(weight, b, c),
        )
        out[b] += _normal(*part, dims)
    return out


def _encode(x: Tensor, maps: Tensor, weight: Tensor, dims: Dims) -> Tensor:
    return _forward(_coil_images(x, maps), dims, False) * weight


def _decode(y: Tensor, maps: Tensor, weight: Tensor, dims: Dims) -> Tensor:
    return _combine(_forward(weight * y, dims, True), maps)


def _normal(x: Tensor, maps: Tensor, conjugate: Tensor, weight: Tensor, dims: Dims) -> Tensor:
    k = _forward(_coil_images(x, maps), dims, False) * weight
    return _combine(_forward(k, dims, True), conjugate)


def _coil_images(x: Tensor, maps: Tensor) -> Tensor:
    return maps[:, 0] * x if maps.shape[1] == 1 else (maps * x.unsqueeze(2)).sum(1)


def _combine(images: Tensor, maps: Tensor) -> Tensor:
    if maps.shape[1] == 1:
        return (images * maps[:, 0]).sum(1, keepdim=True)
    return (images.unsqueeze(1) * maps).sum(2)


def _forward(x: Tensor, dims: Dims, inverse: bool) -> Tensor:
    if not dims or not x.numel():
        return x
    transform = torch.fft.ifftn if inverse else torch.fft.fftn
    return transform(x, dim=dims, norm="ortho")  # type: ignore[no-any-return]


def conjugated(x: Tensor) -> Tensor:
    """Return the conjugate, computed: a lazy one is computed again by every product."""
    return x.conj().resolve_conj()


def broadcast(*shapes: torch.Size | tuple[int, ...]) -> torch.Size:
    """Return the shape that ``shapes`` broadcast to."""
    size: torch.Size = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
    return size


def batch_of(*tensors: Tensor) -> int:
    """Return the batch size that leading axes of 1 or B broadcast to."""
    sizes = {int(t.shape[0]) for t in tensors} - {1}
    return sizes.pop() if sizes else 1


def rows_of(t: Tensor, rows: slice, coils: slice | None = None) -> Tensor:
    """Return the samples ``rows`` and the ``coils`` of a tensor, whole along axes that it shares."""
    if t.shape[0] > 1:
        t = t[rows]
    return t if coils is None or t.shape[1] == 1 else t[:, coils]


def blocks_of(batch: int, coils: int, like: Tensor, growth: int = 1) -> Iterator[tuple[slice, slice]]:
    """Yield blocks of samples and coils that fit the cache, planes growing ``growth`` times in between."""
    # A multiple of the number of threads: the FFT gives each of them whole planes.
    plane = growth * like.shape[2:].numel() * like.element_size()
    planes = torch.get_num_threads() * max(1, BLOCK // max(1, plane))
    samples, step = max(1, planes // max(1, coils)), min(max(1, coils), planes)
    for b in range(0, batch, samples):
        for c in range(0, coils, step):
            yield slice(b, b + samples), slice(c, c + step)
