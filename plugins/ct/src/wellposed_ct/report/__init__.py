"""Sections of the HTML report for runs whose physics is one of this pack's."""

from wellposed_ct.report.sections import profiles, sinograms, slices

__all__ = ["profiles", "sinograms", "slices"]
