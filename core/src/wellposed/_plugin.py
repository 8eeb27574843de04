"""The core's own pack: it is discovered like any other and has no private door."""

from __future__ import annotations

from collections.abc import Iterator

from wellposed.plugins import Component, Kind, hookimpl

_KINDS = {
    "physics": ("A forward model y = N(A(x)).", "Physics"),
    "noise": ("A noise model with its likelihood.", "NoiseModel"),
    "denoiser": ("A map from noisy images and σ to clean images.", "Denoiser"),
    "reconstructor": ("A method: measurements and physics in, image out.", "Reconstructor"),
    "loss": ("A training objective, one value per sample.", "Loss"),
    "metric": ("A figure of merit, one value per sample.", "Metric"),
    "transform": ("A group acting on images.", "Transform"),
    "dataset": ("A source of images or measurements.", None),
    "reader": ("Turns a file into a Measurement.", "Reader"),
    "writer": ("Turns a reconstruction into a file.", "Writer"),
    "generator": ("Draws physics parameters: masks, kernels, trajectories.", "Generator"),
}


@hookimpl
def kinds() -> Iterator[Kind]:
    """Yield the kinds that exist without any pack."""
    for name, (summary, protocol) in _KINDS.items():
        yield Kind(name, summary, protocol and f"wellposed.protocols:{protocol}")


_COMPONENTS: dict[str, dict[str, tuple[str, str, str | None]]] = {
    # kind: {name: (target within wellposed, summary, examples within wellposed._examples)}
}


@hookimpl
def components() -> Iterator[Component]:
    """Yield the core's components."""
    for kind, rows in _COMPONENTS.items():
        for name, (target, summary, examples) in rows.items():
            yield Component(
                kind=kind,
                name=f"core.{name}",
                target=f"wellposed.{target}",
                summary=summary,
                examples=examples and f"wellposed._examples:{examples}",
            )
