"""Scans in files."""

from wellposed_ct.files.sinogram import SinogramReader

__all__ = ["SinogramReader"]
