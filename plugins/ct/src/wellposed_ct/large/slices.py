"""Stacks of slices of parallel or fan beams: each slice is a problem of its own."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import attrs
import numpy as np
import torch

from wellposed.errors import SpaceError
from wellposed_ct.large.arrays import Source, create, opened
from wellposed_ct.large.sharing import is_first, spread, wait

__all__ = ["reconstruct_slices"]


@attrs.frozen
class _Slices:
    """Reconstructs slices [first, last) of a stack into a file."""

    sinograms: Source
    physics: Any
    method: Any
    out: str

    def __call__(self, chosen: tuple[int, int]) -> None:
        first, last = chosen
        y = torch.from_numpy(np.array(opened(self.sinograms)[first:last]))[:, None]
        x = self.method(y.to(self.physics.range.dtype), self.physics)
        target = opened(self.out, "r+")
        target[first:last] = x[:, 0].numpy()
        target.flush()  # type: ignore[attr-defined]


def reconstruct_slices(
    sinograms: Source,
    physics: Any,
    method: Any,
    out: str | PathLike[str],
    each: int = 8,
    todo: Sequence[tuple[int, int]] | None = None,
    client: Any = None,
) -> None:
    """Reconstruct a stack, a few slices at a time, into a ``.npy`` file ``(slices, H, W)``.

    Parameters
    ----------
    sinograms
        ``(slices, views, detectors)``: an array (also one mapped from disk), or the path of a ``.npy`` file.
    physics
        The projector of one slice, ``ct.parallel`` or ``ct.fan``, with one channel.
    method
        A reconstructor, called as ``method(y, physics)`` on batches of slices.
    out
        The file; made where ``todo`` is not given, else continued.
    each
        Slices at a time.
    todo
        Ranges of slices to reconstruct, where not all are wanted.
    client
        A Dask client, or ``processes``; sources and ``out`` must be paths that its workers see.

    Raises
    ------
    SpaceError
        Views or detectors are not those of the physics.
    """
    shape = opened(sinograms).shape
    _, *wanted = physics.range.shape
    if len(shape) != 3 or list(shape[1:]) != wanted:
        raise SpaceError(
            f"sinograms have shape {shape}, but this physics sees slices of "
            f"(views, detectors) = {tuple(wanted)}."
        )
    if todo is None:
        todo = [(i, min(i + each, shape[0])) for i in range(0, shape[0], each)]
        if is_first():
            create(out, (shape[0], *physics.domain.shape[1:]))
        wait()
    spread(_Slices(sinograms, physics, method, str(out)), todo, client)
