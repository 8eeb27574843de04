"""What this pack offers: projectors and reconstructions of computed tomography."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, hookimpl

_ROWS = (
    (
        "physics",
        "parallel",
        "projectors.parallel:ParallelBeam",
        "Parallel-beam projector (Joseph), exactly adjoint.",
        "Joseph (1982), doi:10.1109/TMI.1982.4307572",
    ),
)


@hookimpl
def components() -> Iterator[Component]:
    """Yield the pack's components."""
    for kind, name, target, summary, reference in _ROWS:
        yield Component(
            kind=kind,
            name=f"ct.{name}",
            target=f"wellposed_ct.{target}",
            summary=summary,
            examples=f"wellposed_ct._examples:{name}",
            reference=reference,
        )
