"""SENSE: 8 coils, 320 × 320, batch 4; against deepinv, SigPy, and the three plain lines of torch.

The plain side neither centres the transform nor conjugates anything it could keep: ``fft2(maps·x)·mask``,
``Σ conj(maps)·ifft2(mask·y)``. To compare results our data are given its convention.
"""

from __future__ import annotations

from functools import cache, partial
from importlib import metadata
from typing import Any

import torch
from torch import Tensor

from bench.case import Case, Sides
from bench.machine import versions
from bench.mri.agreement import relative
from bench.peers import deepinv, deepinv_version

BATCH, COILS, SIZE, THREADS = 4, 8, 320, 2


def cases() -> list[Case]:
    """Return A, A* and A*A against each peer."""
    bare, dinv = f"plain torch {versions()['torch']}", deepinv_version()
    sigpy = f"sigpy {metadata.version('sigpy')}"
    make = partial(Case, ours="MultiCoilMRI", threads=THREADS)
    found = [
        make("SENSE: A, plain torch", peer=bare, prepare=partial(_plain, "A"), target=1.25),
        make("SENSE: A*, plain torch", peer=bare, prepare=partial(_plain, "A*"), target=1.25),
        make("SENSE: A*A, plain torch", peer=bare, prepare=partial(_plain, "A*A"), target=1.1),
        make(
            "SENSE: A*A, columns, plain torch", peer=bare, prepare=partial(_plain, "A*A", True), target=1.1,
            note="a mask of whole columns: ours transforms along rows only",
        ),
    ]  # fmt: skip
    for what in ("A", "A*"):
        found.append(make(f"SENSE: {what}, deepinv", peer=dinv, prepare=partial(_deepinv, what), target=0.6))
        found.append(make(f"SENSE: {what}, sigpy", peer=sigpy, prepare=partial(_sigpy, what), target=0.6))
    return found


@cache
def _data(columns: bool = False) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return maps, mask, images and k-space."""
    generator = torch.Generator().manual_seed(0)
    shape = (SIZE, SIZE)
    maps = torch.randn(COILS, *shape, dtype=torch.complex64, generator=generator)
    mask = (torch.rand(1 if columns else SIZE, SIZE, generator=generator) < 0.25).float()
    x = torch.randn(BATCH, 1, *shape, dtype=torch.complex64, generator=generator)
    y = torch.randn(BATCH, COILS, *shape, dtype=torch.complex64, generator=generator)
    return maps, mask, x, y


def _plain(what: str, columns: bool = False) -> Sides:
    from wellposed_mri import MultiCoilMRI

    maps, mask, x, y = _data(columns)
    op = MultiCoilMRI(maps, mask)
    gram = op.gram
    shifted = torch.fft.ifftshift(mask.expand(SIZE, SIZE))
    if columns:
        shifted = shifted[:1]

    def forward(x: Tensor, mask: Tensor = shifted) -> Tensor:
        return torch.fft.fft2(maps * x, norm="ortho") * mask

    def adjoint(y: Tensor, mask: Tensor = shifted) -> Tensor:
        return (torch.fft.ifft2(mask * y, norm="ortho") * maps.conj()).sum(1, keepdim=True)

    def centred(k: Tensor) -> Tensor:
        """k-space of the plain transform in our convention, for comparison only."""
        from wellposed_mri import centred_fft

        return centred_fft(torch.fft.ifft2(k, norm="ortho"))

    def plain(y: Tensor) -> Tensor:
        from wellposed_mri import centred_ifft

        return torch.fft.fft2(centred_ifft(y), norm="ortho")

    if what == "A":
        return Sides(lambda: op.A(x), lambda: forward(x), relative(op.A(x), centred(forward(x))))
    if what == "A*":
        data = plain(y)
        return Sides(lambda: op.A_adjoint(y), lambda: adjoint(data), relative(op.A_adjoint(y), adjoint(data)))
    both = lambda: adjoint(forward(x))  # noqa: E731
    return Sides(lambda: gram.A(x), both, relative(gram.A(x), both()))


def _deepinv(what: str) -> Sides:
    from wellposed_mri import MultiCoilMRI

    maps, mask, x, y = _data()
    op = MultiCoilMRI(maps, mask)
    theirs = deepinv().physics.MultiCoilMRI(
        mask=mask[None, None], coil_maps=maps[None], img_size=(2, SIZE, SIZE)
    )
    if what == "A":
        real = _channels(x[:, 0], 1)
        difference = relative(op.A(x), _complex(theirs.A(real)))
        return Sides(lambda: op.A(x), lambda: theirs.A(real), difference)
    # deepinv takes data as its A returns them, already masked
    data = y * mask
    channels = _channels(data, 1)
    difference = relative(op.A_adjoint(data)[:, 0], _complex(theirs.A_adjoint(channels)))
    return Sides(lambda: op.A_adjoint(data), lambda: theirs.A_adjoint(channels), difference)


def _sigpy(what: str) -> Sides:
    import sigpy.mri

    from wellposed_mri import MultiCoilMRI

    maps, mask, x, y = _data()
    op = MultiCoilMRI(maps, mask)
    theirs: Any = sigpy.mri.linop.Sense(maps.numpy(), weights=mask.numpy())
    if what == "A":
        run = lambda: [theirs(v) for v in x[:, 0].numpy()]  # noqa: E731
        return Sides(lambda: op.A(x), run, relative(op.A(x), _stacked(run())))
    back = theirs.H
    run = lambda: [back(v) for v in y.numpy()]  # noqa: E731
    return Sides(lambda: op.A_adjoint(y), run, relative(op.A_adjoint(y)[:, 0], _stacked(run())))


def _channels(t: Tensor, axis: int) -> Tensor:
    return torch.view_as_real(t).movedim(-1, axis).contiguous()


def _complex(t: Tensor) -> Tensor:
    return torch.view_as_complex(t.movedim(1, -1).contiguous())


def _stacked(arrays: list[Any]) -> Tensor:
    return torch.stack([torch.from_numpy(a) for a in arrays])
