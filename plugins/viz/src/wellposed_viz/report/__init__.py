"""One HTML file that shows a comparison: opens offline, needs nothing, can be mailed."""

from wellposed_viz.entries import Entry
from wellposed_viz.report.document import Report
from wellposed_viz.report.sections import Section

__all__ = ["Entry", "Report", "Section"]
