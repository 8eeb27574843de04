"""The report of a run: one page that opens offline, and the figures of it as files of their own."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
from matplotlib.figure import Figure
from torch import Tensor

from wellposed.runs import Outcome, Run, middle
from wellposed_viz.boxes import Box, detail_box
from wellposed_viz.convergence import convergence_figure
from wellposed_viz.entries import Entry
from wellposed_viz.error_maps import error_figure
from wellposed_viz.panels import panel_figure
from wellposed_viz.pixels import Window
from wellposed_viz.report import Report, Section
from wellposed_viz.saving import save_figure

TRUTH = "Ground truth"


@attrs.frozen
class HtmlReport:
    """Write ``report.html`` and its figures: side by side with enlarged details, errors, convergence.

    Parameters
    ----------
    details
        How many details are enlarged in the side-by-side figure, 0 to 3.
    """

    details: int = attrs.field(default=2, validator=(attrs.validators.ge(0), attrs.validators.le(3)))

    def __call__(self, run: Run, folder: str | PathLike[str], overwrite: bool = False) -> list[Path]:
        """Write the report of ``run`` into ``folder`` and return the files, the page first.

        Raises :class:`~wellposed.errors.OutputExistsError` where one exists and ``overwrite`` is false.
        """
        folder = Path(folder)
        entries = [e for e in (_entry(run, o) for o in run.outcomes) if e is not None]
        window, truth = run.greys, _plane(run.reference)
        page = Report(
            title=run.title,
            problem=run.facts(),
            reference=truth,
            entries=entries,
            provenance={"seed": run.seed, "versions": run.versions(), "config": run.config},
            window=window,
            sections=_failures(run),
            subject=run,
            full_size="pictures",
        )
        written = [page.save(folder / "report.html", overwrite=overwrite)]
        for name, figure in self._figures(run, entries, window):
            written.append(save_figure(figure, folder / name, overwrite=overwrite, dpi=150))
        return written

    def _figures(self, run: Run, entries: list[Entry], window: Window) -> Iterator[tuple[str, Figure]]:
        truth = _plane(run.reference)
        panels = entries if truth is None else [*entries, Entry(TRUTH, truth)]
        if panels:
            first = panels[-1].image if truth is not None else panels[0].image
            boxes = _details(first, self.details) if _same_size(panels) else ()
            yield "comparison.png", panel_figure(panels, boxes=boxes, window=window)
        if truth is not None:
            compared = [e for e in entries if _shape(e.image) == _shape(truth)]
            if compared:
                yield "errors.png", error_figure(compared, truth)
        if any(e.history for e in entries):
            yield "convergence.png", convergence_figure(entries)


def _entry(run: Run, outcome: Outcome) -> Entry | None:
    image = _plane(run.shown(outcome))
    if image is None:
        return None
    if run.magnitudes and image.is_complex():
        image = image.abs()
    return Entry(
        _name_of_input(run, outcome) if outcome.is_input else outcome.method,
        image,
        psnr=outcome.scores.get("psnr"),
        ssim=outcome.scores.get("ssim"),
        seconds=outcome.seconds,
        history=dict(outcome.history),
        settings=dict(outcome.parameters),
        is_input=outcome.is_input,
    )


def _plane(image: Tensor | None) -> Tensor | None:
    """Return an image, or the middle slice of a volume or film; ``None`` where there is nothing to show."""
    if image is None or image.ndim < 4:
        return None
    flat = middle(image)
    return flat if flat.shape[1] in (1, 3) else flat[:, :1]


def _name_of_input(run: Run, outcome: Outcome) -> str:
    """Sinograms and k-space are no pictures: what is shown of them has been through the adjoint."""
    y, image = run.measurement.y, outcome.image
    shown = isinstance(y, Tensor) and image is not None and not y.is_complex() and y.shape == image.shape
    return "Measured input" if shown else "Back-projected input"


def _failures(run: Run) -> list[Section]:
    if not run.failed:
        return []
    lines = "".join(
        f"<li><strong>{escape(o.method)}</strong>: {escape(o.error or '')}</li>" for o in run.failed
    )
    return [Section("Methods that failed", f"<ul>{lines}</ul>")]


def _details(image: Tensor, count: int, fraction: float = 0.2) -> tuple[Box, ...]:
    """Return the boxes richest in detail that do not overlap."""
    rest = image.clone()
    boxes: list[Box] = []
    for _ in range(count):
        box = detail_box(rest, fraction)
        boxes.append(box)
        top, left = max(0, box.top - box.height // 2), max(0, box.left - box.width // 2)
        # flattened with a margin, so that the next richest lies elsewhere
        area = rest[..., top : top + 2 * box.height, left : left + 2 * box.width]
        area.copy_(area.mean((-2, -1), keepdim=True).expand_as(area))
    return tuple(boxes)


def _same_size(entries: list[Entry]) -> bool:
    return len({_shape(e.image)[-2:] for e in entries}) == 1


def _shape(image: Any) -> tuple[int, ...]:
    return tuple(image.shape)
