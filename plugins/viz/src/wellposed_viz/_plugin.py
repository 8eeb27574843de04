"""What this pack offers to the registry: the only module that discovery imports."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, hookimpl

_PHOTOS = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")


@hookimpl
def components() -> Iterator[Component]:
    """Yield the readers and writers of photographs."""
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
