"""Readers and writers: the ways in which they can be made."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Arguments = st.SearchStrategy[dict[str, Any]]


def hdf5_reader() -> Arguments:
    """Draw the ways of making maps, and which images."""
    return st.fixed_dictionaries(
        {"maps": st.sampled_from(["espirit", "rss", "none"]), "contrast": st.sampled_from([0, 1, None])}
    )


def bart_reader() -> Arguments:
    """Draw the ways of making maps."""
    return st.fixed_dictionaries({"maps": st.sampled_from(["espirit", "rss", "none"])})


def array_reader() -> Arguments:
    """Draw names and axes."""
    return st.sampled_from(
        [{}, {"kspace": "ksp", "axes": "hwc"}, {"maps": "none", "shape": (8, 9), "axes": "csm"}]
    )


def nifti_writer() -> Arguments:
    """Replace files, or refuse to."""
    return st.fixed_dictionaries({"overwrite": st.booleans()})


def dicom_writer() -> Arguments:
    """Replace files, or refuse to."""
    return nifti_writer()


def bart_writer() -> Arguments:
    """Replace files, or refuse to."""
    return nifti_writer()


def array_writer() -> Arguments:
    """Replace files, or refuse to."""
    return nifti_writer()
