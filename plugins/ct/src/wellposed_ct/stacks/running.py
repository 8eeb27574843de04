"""What ``wellposed ct reconstruct`` does: words of a command line become a plan that is carried out."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import click
import numpy as np
from numpy.typing import NDArray

from wellposed import compose, registry
from wellposed.atomic import atomic_path
from wellposed.errors import ConfigError, OutputExistsError, ParameterError
from wellposed.runs import Method
from wellposed_ct import __version__
from wellposed_ct.corrections import CENTRE_METHODS
from wellposed_ct.files import open_scan
from wellposed_ct.files.doubts import angle_warnings
from wellposed_ct.files.scan import RawScan, central_plane
from wellposed_ct.files.volumes import publish, require_place
from wellposed_ct.report.pictures import png_bytes
from wellposed_ct.stacks.memory import parse_bytes
from wellposed_ct.stacks.reconstruction import Plan, moved, place_of, reconstruct_stack
from wellposed_ct.stacks.reporting import middle_of, open_report, report_of

__all__ = ["component", "run"]


PLANAR = ("ct.fbp",)
"""Methods that know no cone beam."""


def run(file: Path, output: Path, **options: Any) -> dict[str, Any]:
    """Carry out the command and return what was done."""
    start = time.perf_counter()
    stated = {name: options[name] for name in ("values", "blank", "angles_deg")}
    scan = open_scan(file, options["geometry"], volume=True, **stated).judged()
    name = options["method"] or ("ct.fbp" if scan.cone is None else "ct.fdk")
    notes = [*scan.notes, *angle_warnings(np.array(scan.geometry.angles))]
    if scan.cone is not None and name in PLANAR:
        notes.append(
            f"{name} makes the middle slice alone, whose rays are a fan; use ct.fdk, ct.sirt, "
            "ct.tv or another method of cone beams for the volume"
        )
        scan = scan.middle()
    scan = _sized(scan, options["size"], options["pixel_mm"])
    for note in notes:
        click.echo(f"Warning: {note}", err=True)
    centre, scan = _centred(options["centre"], scan)
    params = _params(options["params"], "--param")
    method = {"name": name, "params": params}
    corrections = [_worded(text) for text in options["corrections"]]
    plan = Plan(
        component(method, "reconstructor"),
        tuple(component(entry, "correction") for entry in corrections),
        centre,
        json.dumps([method, corrections]),
    )
    rows = _rows(options["rows"])
    if options["preview"] is not None and options["preview"].absolute() == output.absolute():
        raise ParameterError(f"--preview and -o are both {output}; give the preview another name.")
    _free(options["preview"], options["force"])
    folder = open_report(options["report"], scan, rows, options["force"])
    meta: dict[str, Any] = {"history": _history(scan, name, options)}
    if options["water"] is not None:
        meta["water"] = options["water"]
    pages: list[str] = []

    def report(scan: RawScan, slices: Any, first: int) -> None:
        made = Method(name, plan.method, name, params)
        spent, row = time.perf_counter() - start, first + len(slices) // 2
        image = middle_of(scan, slices, first)
        pages.append(str(report_of(scan, plan, image, row, made, spent, folder, meta["history"])))

    with _bar() as progress:
        axis = reconstruct_stack(
            scan, plan, output, parse_bytes(options["memory"]),
            rows=rows, resume=options["resume"], overwrite=options["force"], progress=progress, meta=meta,
            finished=None if folder is None else report,
            preview=_previewer(options["preview"], options["force"], {**place_of(scan), **meta}),
        )  # fmt: skip
    count = scan.rows if scan.cone is None else scan.cone.size[0]
    slices = count if rows is None else rows[1] - rows[0]
    seconds = time.perf_counter() - start
    return {
        "output": str(output), "slices": slices, "size": list(scan.geometry.size), "axis_mm": axis,
        "method": name, "seconds": seconds, "values": scan.values,
        "angles": scan.angles_from or "assumed: half a turn in even steps",
        "report": pages[0] if pages else None,
    }  # fmt: skip


def _history(scan: RawScan, method: str, options: Mapping[str, Any]) -> str:
    """Return how the volume is made, in a line of plain text that files keep."""
    words = [method, *options["params"], *(f"correct {text}" for text in options["corrections"])]
    if options["centre"] is not None:
        words.append(f"centre {options['centre']}")
    told = f"values {scan.values}; angles {scan.angles_from or 'assumed, half a turn'}"
    return f"{' '.join(words)} of {scan.path.name}; {told}; wellposed {__version__}"


def component(entry: dict[str, Any], kind: str) -> Any:
    """Return the registered component that ``{"name": …, "params": …}`` describes; it must be of ``kind``."""
    found = registry.default().component(entry["name"], kind)
    if found.kind != kind:
        listed = ", ".join(registry.default().names(kind))
        raise ParameterError(f"{entry['name']} is a {found.kind}, and a {kind} is expected: {listed}.")
    try:
        return compose({"it": entry})["it"]
    except ConfigError as error:
        raise ParameterError(str(error)) from error


def _worded(text: str) -> dict[str, Any]:
    name, _, rest = text.partition(":")
    return {"name": name, "params": _params(rest.split(",") if rest else [], f"--correct {name}:")}


def _params(texts: Iterable[str], option: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip().isidentifier():
            raise ParameterError(f"{option} {text!r}: key=value is expected, such as window=hann.")
        try:
            found[key.strip()] = json.loads(value)
        except ValueError:
            found[key.strip()] = value.strip()
    return found


def _sized(scan: RawScan, size: int | None, pixel_mm: float | None) -> RawScan:
    changes: dict[str, Any] = {} if size is None else {"size": (size, size)}
    if pixel_mm is not None:
        changes["pixel_mm"] = pixel_mm
    if scan.cone is not None:
        depth, *plane = scan.cone.size
        voxel = scan.cone.voxel_mm if pixel_mm is None else pixel_mm
        cone = scan.cone.replace(size=(depth, *changes.get("size", plane)), voxel_mm=voxel)
        return attrs.evolve(scan, cone=cone, geometry=central_plane(cone))
    return attrs.evolve(scan, geometry=scan.geometry.replace(**changes)) if changes else scan


def _centred(text: str | None, scan: RawScan) -> tuple[str | None, RawScan]:
    """Return the method that finds the centre, or the scan with the centre that is stated."""
    if text is None or text in CENTRE_METHODS:
        return text, scan
    try:
        axis = float(text)
    except ValueError:
        listed = ", ".join(CENTRE_METHODS)
        raise ParameterError(f"--centre {text!r}: a number of millimetres, or one of {listed}.") from None
    if not math.isfinite(axis):
        raise ParameterError(f"--centre {text!r}: a finite number of millimetres is expected.")
    return None, moved(scan, axis)


def _rows(text: str | None) -> tuple[int, int] | None:
    """Return (first, last + 1) of ``FIRST:LAST``."""
    if text is None:
        return None
    first, colon, last = text.partition(":")
    if not colon or not first.isdigit() or not last.isdigit():
        raise ParameterError(f"--rows {text!r}: two numbers with a colon are expected, such as 100:200.")
    return int(first), int(last)


def _free(preview: Path | None, force: bool) -> None:
    if preview is None:
        return
    if preview.exists() and not force:
        raise OutputExistsError(
            f"{preview} exists already and is left as it is; pass overwrite=True or another name."
        )
    if preview.suffix.lower() != ".png":
        require_place(preview, 1, force)


def _previewer(preview: Path | None, force: bool, place: Mapping[str, Any]) -> Any:
    """Return what writes the preview: a PNG in grey between its extremes, or floats as any volume."""
    if preview is None:
        return None

    def write(image: NDArray[np.float32]) -> None:
        if preview.suffix.lower() != ".png":
            publish(preview, image[None], place, overwrite=force)
            return
        low, high = (float(q) for q in np.quantile(image, [0.005, 0.995]))
        grey = np.clip((image - low) / max(high - low, 1e-30), 0, 1)
        with atomic_path(preview, overwrite=force) as temporary:
            temporary.write_bytes(png_bytes(np.rint(255 * grey).astype(np.uint8)))
        click.echo(f"{preview}: the middle slice, black at {low:.4g} and white at {high:.4g} 1/mm", err=True)

    return write


@contextmanager
def _bar() -> Iterator[Any]:
    """Yield a progress callback: a bar with the time left on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield None
        return
    # the length is known at the first call
    with click.progressbar(length=1, label="slices", file=sys.stderr, show_pos=True) as bar:

        def show(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield show
