"""Figures become files in one step, and two runs give the same bytes."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.figure import Figure

from wellposed.atomic import atomic_path

# Dates and version numbers in files make equal pictures differ.
_METADATA = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}


def save_figure(
    figure: Figure, path: str | os.PathLike[str], *, overwrite: bool = False, dpi: float = 200.0
) -> Path:
    """Save a figure atomically and return its path; the suffix chooses the format (png, pdf, svg, …).

    Raises :class:`~wellposed.errors.OutputExistsError` where the file exists and ``overwrite`` is false.
    """
    target = Path(path)
    kind = target.suffix.removeprefix(".").lower() or "png"
    with atomic_path(target, overwrite=overwrite) as temporary:
        figure.savefig(temporary, format=kind, dpi=dpi, metadata=_METADATA.get(kind))
    return target
