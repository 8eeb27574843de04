"""Folders of raw volumes as data sets: slices are read when they are asked for."""

from wellposed_mri.datasets.fastmri import FastMRIDataset
from wellposed_mri.datasets.m4raw import M4RawDataset

__all__ = ["FastMRIDataset", "M4RawDataset"]
