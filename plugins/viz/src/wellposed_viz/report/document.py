"""The report itself: plain data in, one HTML document out.

Text is escaped by the template engine, always; a content policy in the page forbids every script but
its own (by its hash) and every address of the network, so that even a section of a careless pack can
neither run code nor call home.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import attrs
import jinja2
import torch
from markupsafe import Markup, escape

from wellposed.atomic import write_text
from wellposed_viz import scores
from wellposed_viz.convergence import by_quantity, convergence_figure, series_colours
from wellposed_viz.entries import Entry
from wellposed_viz.pixels import Window
from wellposed_viz.report.charts import inline_svg
from wellposed_viz.report.pictures import Gallery, thumbnail
from wellposed_viz.report.sections import Section, contributed
from wellposed_viz.report.table import Row, rows


def _tuple(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(values)


@attrs.frozen(eq=False)
class Report:
    """A comparison of methods on one problem.

    Parameters
    ----------
    title
        What was done, in a line.
    problem
        Facts in the order shown: ``{"Blur": "camera shake, 31 × 31", "Kernel": tensor}``. Tensors that are
        images appear as small pictures, everything else as text.
    reference
        The true image, or ``None`` where there is none; error maps need it.
    entries
        What each method gave, the measured input (``is_input=True``) among them.
    provenance
        Versions, seed, configuration; nested mappings appear as ``config.noise.level``.
    window
        The values shown as black and white, one for all pictures.
    sections
        Further sections, before those that packs contribute by the ``report_sections`` hook.
    lead
        One sentence under the title; by default the best method and its gain over the input.
    subject
        What the packs' sections are asked about: the :class:`wellposed.runs.Run`, or this report itself
        where it was made by hand.
    full_size
        Where beside the page the pictures are in full size, for those that are reduced to 1024 pixels here.

    Examples
    --------
    >>> import torch
    >>> image = torch.rand(1, 1, 8, 8)
    >>> report = Report("Nothing to do", {}, image, [Entry("Identity", image, psnr=99.0)])
    >>> report.html().startswith("<!doctype html>")
    True
    """

    title: str
    problem: Mapping[str, Any]
    reference: Any
    entries: tuple[Entry, ...] = attrs.field(converter=_tuple)
    provenance: Mapping[str, Any] = attrs.field(factory=dict)
    window: Window = (0.0, 1.0)
    sections: tuple[Section, ...] = attrs.field(default=(), converter=_tuple)
    lead: str | None = None
    subject: Any = attrs.field(default=None, repr=False)
    full_size: str | None = None

    def html(self, *, registry: Any = None) -> str:
        """Return the whole document; ``registry`` is asked for the sections of packs."""
        table = rows(self.entries)
        script, style = _part("report.js"), _part("report.css")
        return _template().render(
            title=self.title,
            lead=self.lead or _lead(table),
            facts=[_fact(name, value) for name, value in self.problem.items()],
            rows=table,
            columns=_columns(self.entries),
            window=self.window,
            full_size=self.full_size,
            any_settings=any(row.settings for row in table),
            gallery=Gallery.build(self.reference, self.entries, self.window),
            charts=_charts(self.entries),
            rises=any(_rises(e.history.get("objective", ())) for e in self.entries),
            sections=[*self.sections, *contributed(self, registry)],
            provenance=_flat(self.provenance),
            script=Markup(script),
            style=Markup(style),
            script_hash=_hash(script),
        )

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False, registry: Any = None) -> Path:
        """Write the document atomically and return its path.

        Raises :class:`~wellposed.errors.OutputExistsError` where the file exists and ``overwrite`` is false.
        """
        write_text(path, self.html(registry=registry), overwrite=overwrite)
        return Path(path)

    def _repr_html_(self) -> str:
        # A frame keeps the page's style and script apart from the notebook's.
        framed = Markup('<iframe srcdoc="{}" title="{}" style="{}"></iframe>')
        return framed.format(self.html(), self.title, "width:100%;height:48rem;border:0")


def _columns(entries: tuple[Entry, ...]) -> list[tuple[str, str, str]]:
    """Return name, label and unit of the scores that anything has."""
    known = (("psnr", "PSNR", "dB"), ("ssim", "SSIM", ""), ("seconds", "Time", "s"))
    return [column for column in known if any(getattr(e, column[0]) is not None for e in entries)]


def _lead(table: list[Row]) -> str | None:
    best = next((row for row in table if "psnr" in row.best), None)
    measured = next((row.entry.psnr for row in table if row.entry.is_input), None)
    if best is None or best.entry.psnr is None:
        return None
    sentence = f"{best.entry.method} comes closest to the truth: {scores.decibels(best.entry.psnr)}"
    if measured is None:
        return sentence + "."
    gain = best.entry.psnr - measured
    return f"{sentence}, {scores.decibels(abs(gain))} {'above' if gain >= 0 else 'below'} the measured input."


def _fact(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, torch.Tensor) and value.ndim >= 2:
        return {"name": name, "image": thumbnail(value), "text": " × ".join(map(str, value.shape[-2:]))}
    return {"name": name, "image": None, "text": _text(value)}


def _text(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        value = value.tolist()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _breakable(text: str, after: str) -> Markup:
    """Escape ``text`` and allow a line to end after these characters, rather than within a number."""
    return Markup("").join(escape(c) + Markup("<wbr>") if c in after else escape(c) for c in text)


def _flat(mapping: Mapping[str, Any], path: str = "") -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    for name, value in mapping.items():
        where = f"{path}{name}"
        lines += _flat(value, f"{where}.") if isinstance(value, Mapping) else [(where, _text(value))]
    return lines


def _rises(values: Sequence[float]) -> bool:
    return any(after > before * (1 + 1e-3) for before, after in itertools.pairwise(values))


def _charts(entries: tuple[Entry, ...]) -> list[Markup]:
    quantities = by_quantity(entries)
    colours = series_colours(method for curves in quantities.values() for method in curves)
    figures = [
        convergence_figure({m: {quantity: v} for m, v in curves.items()}, colours=colours, width=3.8)
        for quantity, curves in quantities.items()
    ]
    return [Markup(inline_svg(figure, f"chart {i + 1}")) for i, figure in enumerate(figures)]


def _part(name: str) -> str:
    return resources.files("wellposed_viz.report").joinpath("assets", name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")


@functools.cache
def _template() -> jinja2.Template:
    filters: dict[str, Callable[..., str]] = {
        "breakable": _breakable,
        "decibels": scores.decibels,
        "similarity": scores.similarity,
        "seconds": scores.seconds,
    }
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FunctionLoader(_part),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment.get_template("report.html")
