"""M4Raw's folders: low-field scans repeated several times, whose mean is the target of each."""

from __future__ import annotations

import re
from collections import defaultdict
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import torch
from torch import Tensor

from wellposed.errors import ParameterError
from wellposed_mri.datasets.index import slices_of
from wellposed_mri.files.fastmri import read_slices
from wellposed_mri.files.opening import opened
from wellposed_mri.fourier import centred_ifft

NAME = re.compile(r"(?P<scan>.+_[A-Za-z]+\d?)(?P<repetition>\d\d)\.h5")
"""``2022061003_T101.h5``: subject, contrast T1, repetition 01."""


@attrs.frozen(eq=False)
class M4RawDataset:
    """Slices of single repetitions, with the mean of all repetitions as target.

    Files are opened when a slice is asked for and closed again, as in :class:`FastMRIDataset`.

    Parameters
    ----------
    folder
        Where the ``.h5`` files are, named ``subject_contrast`` and two digits of the repetition.
    contrast
        One of the contrasts (``T1``, ``T2``, ``FLAIR``), or ``None`` for all.
    index
        As in :class:`FastMRIDataset`.

    Notes
    -----
    Items are mappings: ``y`` ``(coils, H, W)`` complex64, the k-space of one repetition; ``target``
    ``(1, H, W)`` float32, the root sum of squares of the mean over repetitions; ``mean`` its k-space;
    ``max_value``, ``file``, ``slice``.

    References
    ----------
    M. Lyu et al., "M4Raw", Sci. Data 10 (2023) 264, doi:10.1038/s41597-023-02181-4.
    """

    folder: str | PathLike[str]
    contrast: str | None = None
    index: str | PathLike[str] | None = None
    places: tuple[tuple[str, int], ...] = attrs.field(init=False, repr=False)
    repetitions: dict[str, tuple[str, ...]] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Look at the heads of the files and put repetitions together."""
        groups: dict[str, list[str]] = defaultdict(list)
        places = []
        for name, slices in slices_of(self.folder, self.index):
            scan = scan_of(name)
            if scan is None or (self.contrast is not None and not scan.endswith(f"_{self.contrast}")):
                continue
            groups[scan].append(name)
            places += [(name, s) for s in range(slices)]
        if not places:
            raise ParameterError(
                f"{self.folder}: holds no file of {self.contrast or 'any contrast'} named like "
                "2022061003_T101.h5 (subject, contrast, two digits of the repetition)."
            )
        object.__setattr__(self, "places", tuple(places))
        object.__setattr__(self, "repetitions", {k: tuple(v) for k, v in groups.items()})

    def __len__(self) -> int:
        """Return the number of slices of all repetitions."""
        return len(self.places)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a slice; :class:`IndexError` beyond the end."""
        name, number = self.places[index]
        scan = scan_of(name)
        assert scan is not None
        slices = {other: self._slice(other, number) for other in self.repetitions[scan]}
        mean = torch.stack(list(slices.values())).mean(0)
        target = torch.linalg.vector_norm(centred_ifft(mean), dim=0)[None]
        return {
            "y": slices[name], "mean": mean, "target": target, "max_value": target.max(),
            "file": name, "slice": number,
        }  # fmt: skip

    def _slice(self, name: str, number: int) -> Tensor:
        with opened(Path(self.folder) / name) as file:
            return read_slices(file, number, number + 1)[0]


def scan_of(name: str) -> str | None:
    """Return subject and contrast of a file's name: what its repetitions share."""
    found = NAME.fullmatch(name)
    return None if found is None else found["scan"]
