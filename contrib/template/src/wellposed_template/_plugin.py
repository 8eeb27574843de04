"""What this pack offers: the only module that discovery imports, so it imports nothing heavy."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, hookimpl


@hookimpl
def components() -> Iterator[Component]:
    """Yield one record a component; targets are imported when somebody uses them."""
    yield Component(
        kind="physics",
        name="template.binning",
        target="wellposed_template.operators:Binning",
        summary="Average blocks of factor × factor pixels, as a camera does that bins.",
        examples="wellposed_template._examples:binning",
    )
    yield Component(
        kind="reconstructor",
        name="template.tikhonov",
        target="wellposed_template.reconstructors:Tikhonov",
        summary="Least squares with a penalty on the energy of the image.",
        examples="wellposed_template._examples:tikhonov",
        reference="A. N. Tikhonov, Soviet Mathematics Doklady 4 (1963), 1035-1038",
    )
