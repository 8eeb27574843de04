"""Pictures and pages of a run: by whatever writers and reports are installed."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from torch import Tensor

from wellposed import registry as registries
from wellposed.errors import WellposedError
from wellposed.registry import Registry
from wellposed.runs._folder import RunFolder, file_word
from wellposed.runs._greys import picture_of
from wellposed.runs._values import Run


def write_reports(run: Run, folder: RunFolder, registry: Registry | None = None) -> list[Path]:
    """Write every picture, the pages of every installed ``report``, and ``results.json``; return the pages.

    A report that fails becomes a warning: it is made after the work, and must not lose it.
    """
    registry = registries.default() if registry is None else registry
    folder.wrote(_write_pictures(run, folder.path, registry))
    pages: list[Path] = []
    for name in reports(registry):
        try:
            written = [Path(p) for p in registry.create(name)(run, folder.path, overwrite=True)]
        except Exception as error:
            warnings.warn(f"the report {name} failed: {type(error).__name__}: {error}", stacklevel=2)
            continue
        pages += written
        folder.wrote(p.relative_to(folder.path).as_posix() for p in written)
    folder.write_results(run)
    return pages


def reports(registry: Registry) -> list[str]:
    """Return the names of the installed reports; none where no pack defines that kind."""
    if all(kind.name != "report" for kind in registry.kinds()):
        return []
    return registry.names("report")


def _write_pictures(run: Run, path: Path, registry: Registry) -> list[str]:
    """Write one PNG per outcome, and one of the truth, on one scale, where a writer is installed."""
    writers = registry.for_file("writer", "picture.png")
    if not writers:
        return []
    written = []
    for label, image in _pictures(run):
        name = f"pictures/{file_word(label)}.png"
        (path / "pictures").mkdir(exist_ok=True)
        try:
            create_writer(writers[0], registry, overwrite=True).write(path / name, image, {"bits": 8})
        except WellposedError:
            continue  # diverged: the report paints what is not a number, a PNG cannot
        written.append(name)
    return written


def _pictures(run: Run) -> Iterator[tuple[str, Tensor]]:
    greys = run.greys
    for outcome in run.outcomes:
        image = run.shown(outcome)
        if image is not None and image.ndim >= 4:
            # what lies outside is no colour; the file in reconstructions/ keeps it
            yield outcome.method, picture_of(image, greys)
    if run.reference is not None:
        yield "reference", picture_of(run.reference, greys)


def create_writer(name: str, registry: Registry, *, overwrite: bool) -> Any:
    """Return the writer ``name``, told whether it may overwrite where it asks."""
    factory = registry.get(name)
    try:
        asks = "overwrite" in inspect.signature(factory).parameters
    except (TypeError, ValueError):
        asks = False
    return registry.create(name, **({"overwrite": overwrite} if asks else {}))
