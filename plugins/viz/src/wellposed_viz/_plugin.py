"""What this pack offers to the registry: the only module that discovery imports."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, Kind, hookimpl

_PHOTOS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


@hookimpl
def kinds() -> Iterator[Kind]:
    """Yield the kind that this pack adds."""
    yield Kind("report", "Turns a run into pages and pictures: report(run, folder, overwrite).")


@hookimpl
def components() -> Iterator[Component]:
    """Yield the report, photographs to try things on, and the readers and writers of photographs."""
    yield Component(
        kind="report",
        name="viz.html_report",
        target="wellposed_viz.run_report:HtmlReport",
        summary="One page that opens offline, with its figures.",
        examples="wellposed_viz._examples:html_report",
    )
    yield Component(
        kind="dataset",
        name="viz.photograph",
        target="wellposed_viz.photographs:Photograph",
        summary="A photograph that scikit-image ships: astronaut, camera, cat, coffee, …",
        examples="wellposed_viz._examples:photograph",
    )
    yield Component(
        kind="card",
        name="viz.card",
        target="wellposed_viz.notebook:Card",
        summary="Operators, images and results in notebooks.",
        examples="wellposed_viz._examples:card",
    )
    yield from _photo_files()


def _photo_files() -> Iterator[Component]:
    yield Component(
        kind="reader",
        name="viz.kernel_reader",
        target="wellposed_viz.photo:KernelReader",
        summary="Read a blur kernel from a picture or a NumPy file.",
        examples="wellposed_viz._examples:photo_reader",
    )
    yield Component(
        kind="reader",
        name="viz.photo_reader",
        target="wellposed_viz.photo:PhotoReader",
        summary="Read PNG, JPEG, TIFF, BMP and WebP with their metadata, 8 or 16 bits.",
        examples="wellposed_viz._examples:photo_reader",
        suffixes=_PHOTOS,
    )
    yield Component(
        kind="writer",
        name="viz.photo_writer",
        target="wellposed_viz.photo:PhotoWriter",
        summary="Write PNG, JPEG, TIFF, BMP and WebP, restoring bit depth, alpha and metadata.",
        examples="wellposed_viz._examples:photo_writer",
        suffixes=_PHOTOS,
    )
