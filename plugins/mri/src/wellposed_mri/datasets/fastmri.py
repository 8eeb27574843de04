"""fastMRI's folders, single-coil and multi-coil: undersampled slices with what they should become."""

from __future__ import annotations

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed.random import mix
from wellposed_mri.datasets.index import slices_of
from wellposed_mri.files.fastmri import Volume, head, read_slices, stored_mask
from wellposed_mri.files.opening import opened


def _locate(entries: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
    return tuple((name, s) for name, count in entries for s in range(count))


@attrs.frozen(eq=False)
class FastMRIDataset:
    """Slices of a folder in fastMRI's format, undersampled as in the challenge.

    A file is opened for the slice that is asked for and closed again, in whatever process asks: no handle is
    kept, so there is none to leak into the workers of a ``DataLoader``, and the data set pickles.

    Parameters
    ----------
    folder
        Where the ``.h5`` files are.
    mask
        What draws the columns: :class:`~wellposed_mri.FastMRIRandom`,
        :class:`~wellposed_mri.FastMRIEquispaced` or alike, with ``.mask(seed)``; its ``columns`` become those
        of the file. ``None`` leaves k-space as it is. Test files bring their own mask, which then counts.
    seed
        ``None`` seeds by the letters of the file's name, as the challenge does: all slices of a volume share
        a mask, the same as there. A number gives every slice its own.
    index
        A JSON file that keeps how many slices each file has, for folders of thousands.

    Notes
    -----
    Items are mappings: ``y`` ``(coils, H, W)`` complex64, ``mask`` ``(1, 1, W)`` float32, ``target``
    ``(1, h, w)`` float32 (the root sum of squares that the file brings, where it does), ``max_value`` the
    volume's maximum, ``file`` and ``slice``.
    """

    folder: str | PathLike[str]
    mask: Any = None
    seed: int | None = None
    index: str | PathLike[str] | None = None
    places: tuple[tuple[str, int], ...] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Look at the heads of the files."""
        if self.mask is not None and not callable(getattr(self.mask, "mask", None)):
            raise ParameterError(
                f"mask = {self.mask!r} has no mask(seed); pass FastMRIRandom, FastMRIEquispaced or alike."
            )
        object.__setattr__(self, "places", _locate(slices_of(self.folder, self.index)))

    def __len__(self) -> int:
        """Return the number of slices."""
        return len(self.places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a slice; :class:`IndexError` beyond the end."""
        name, number = self.places[index]
        path = Path(self.folder) / name
        with opened(path) as file:
            known = head(path, file)
            kspace = read_slices(file, number, number + 1)[0]
            mask = stored_mask(path, file, known.shape[-1])
            target = None if known.target is None else file[known.target][number].astype("float32")
        if mask is None:
            mask = self._mask(name, index % len(self), known, kspace)
        item = {"y": kspace * mask, "mask": mask, "file": name, "slice": number}
        if target is not None:
            item["target"] = torch.from_numpy(target)[None]
            item["max_value"] = torch.tensor(float(known.attributes.get("max", target.max())))
        return item

    def _mask(self, name: str, index: int, known: Volume, kspace: Tensor) -> Tensor:
        if self.mask is None:
            return (kspace != 0).flatten(0, 1).any(0).float().reshape(1, 1, -1)
        seed: Any = tuple(map(ord, name)) if self.seed is None else mix(self.seed, index) % 2**32
        columns: Callable[[Any], Tensor] = attrs.evolve(self.mask, columns=known.shape[-1]).mask
        drawn = columns(seed)
        first, last = known.columns
        drawn[:first] = 0  # what was padded was not acquired
        drawn[last:] = 0
        return drawn.reshape(1, 1, -1)
