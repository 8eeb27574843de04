"""Pictures, reports and notebook representations of imaging inverse problems.

Names load on first use: discovery imports this package only to reach its tiny ``_plugin`` module, and
must not pay for torch and matplotlib.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wellposed_viz.boxes import Box, detail_box
    from wellposed_viz.convergence import convergence_figure
    from wellposed_viz.error_maps import error_figure
    from wellposed_viz.notebook import operator_html, result_html
    from wellposed_viz.panels import panel_figure
    from wellposed_viz.pixels import to_pixels
    from wellposed_viz.report import Entry, Report, Section
    from wellposed_viz.saving import save_figure

_HOMES = {
    "Box": "boxes",
    "Entry": "report",
    "Report": "report",
    "Section": "report",
    "convergence_figure": "convergence",
    "detail_box": "boxes",
    "error_figure": "error_maps",
    "operator_html": "notebook",
    "panel_figure": "panels",
    "result_html": "notebook",
    "save_figure": "saving",
    "to_pixels": "pixels",
}

__all__ = [
    "Box",
    "Entry",
    "Report",
    "Section",
    "convergence_figure",
    "detail_box",
    "error_figure",
    "operator_html",
    "panel_figure",
    "result_html",
    "save_figure",
    "to_pixels",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
