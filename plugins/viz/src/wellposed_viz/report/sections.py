"""Sections that other packs add to a report, by the ``report_sections`` hook.

A pack's target is ``f(run) -> str`` of HTML; an empty string says nothing. A section that fails says so
in its place, and the rest of the report is written: a report is made after the work, and must not lose it.
"""

from __future__ import annotations

import html
import importlib
from typing import TYPE_CHECKING, Any

import attrs

from wellposed import registry as registries

if TYPE_CHECKING:
    from wellposed_viz.report.document import Report


@attrs.frozen
class Section:
    """A heading, and HTML that its author vouches for: escape what comes from users or files.

    Scripts and addresses of the network have no effect: the report's content policy forbids them. The page
    has one for sections: ``<div class="windowed" data-least data-most data-black data-white>`` gets sliders
    for level and width. In it, every ``<img data-low data-high>`` is a picture of 16 bits, the high byte in
    red and the low one in green, which replaces the ordinary ``<img>`` before it.
    """

    title: str
    html: str


def contributed(report: Report, registry: Any = None) -> list[Section]:
    """Return what installed packs say about ``report``, in their order."""
    source = registries.default() if registry is None else registry
    return [section for record in source.report_sections() if (section := _ask(record, report))]


def _ask(record: Any, report: Report) -> Section | None:
    try:
        content = _resolve(record.target)(report if report.subject is None else report.subject)
    except Exception as error:  # whatever a stranger's code raises
        what = html.escape(f"{record.name} failed: {type(error).__name__}: {error}")
        return Section(record.summary, f'<p class="failed">{what}</p>')
    return Section(record.summary, str(content)) if content else None


def _resolve(target: str) -> Any:
    module, _, path = target.partition(":")
    found: Any = importlib.import_module(module)
    for name in path.split("."):
        found = getattr(found, name)
    return found
