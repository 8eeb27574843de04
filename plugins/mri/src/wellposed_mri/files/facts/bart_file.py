"""The facts of BART's pairs: sizes from their headers, and which other pair may be their trajectory."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from wellposed.errors import FileFormatError
from wellposed_mri.files import bart
from wellposed_mri.files.bart import SLICES, BARTReader
from wellposed_mri.files.facts.cost import Size

Facts = dict[str, Any]


def bart_facts(path: str | PathLike[str], reader: BARTReader) -> tuple[Facts, Size | None]:
    """Return the facts of a pair, and the size of its images where it is known."""
    stored = bart.cfl_shape(path)
    x, y, z, coils, *rest = (*stored, *(1,) * 16)[:16]
    slices = rest[SLICES - 4]
    facts: Facts = {"format": "BART", "dimensions": list(stored), "slices": slices, "coils": coils}
    if reader.trajectory is None and (x > 1 or y == 1):
        image = (y, x) if z == 1 else (z, y, x)
        return {**facts, "trajectory": "cartesian", "image": list(image)}, Size(slices, coils, image)
    return _along(path, {**facts, "samples": y, "shots": z}, reader)


def _along(path: str | PathLike[str], facts: Facts, reader: BARTReader) -> tuple[Facts, Size | None]:
    """Return the facts of data ``(1, samples, shots, coils)``, whose trajectory is another pair."""
    points = facts["samples"] * facts["shots"]
    found = reader.trajectory or _beside(Path(path), (3, facts["samples"], facts["shots"]))
    facts["trajectory"] = "non-Cartesian"
    if found is None:
        facts["trajectory file"] = (
            "not found: --reader mri.bart_reader:trajectory=NAME.cfl,shape=[ROWS,COLUMNS]"
        )
        return facts, None
    trajectory = bart.read_cfl(found, reader.max_bytes).real
    bart.require_fit(path, trajectory, facts["samples"], facts["shots"])
    reach = [float(axis.abs().max()) for axis in trajectory.flip(0)]
    tall = reach[0] > 0
    image = reader.shape or tuple(max(2, 2 * round(r)) for r in (reach if tall else reach[1:]))
    facts |= {
        "trajectory file": str(found), "trajectory reach": round(max(reach), 4),
        "trajectory unit": "cycles/FOV", "image": list(image),
    }  # fmt: skip
    if reader.shape is None:
        facts["image told by"] = "the reach of the trajectory; state it by shape=[ROWS,COLUMNS]"
    return facts, Size(1, facts["coils"], image, points)


def _beside(path: Path, wanted: tuple[int, ...]) -> str | None:
    """Return the only other pair in the folder with the dimensions of the data's trajectory."""
    fitting = []
    for header in sorted(path.parent.glob("*.hdr")):
        try:
            shape = bart.cfl_shape(header)
        except FileFormatError:
            continue
        if (*shape, 1, 1)[:3] == wanted and set(shape[3:]) <= {1}:
            fitting.append(str(header.with_suffix(".cfl")))
    return fitting[0] if len(fitting) == 1 else None
