"""Constructor arguments of the readers and writers of scans."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Arguments = st.SearchStrategy[dict[str, Any]]


def hdf5_reader() -> Arguments:
    """Draw image sizes."""
    return st.fixed_dictionaries(
        {"size": st.sampled_from([None, (8, 9)]), "pixel_mm": st.sampled_from([None, 0.5])}
    )


def nikon_reader() -> Arguments:
    """Draw image sizes."""
    return hdf5_reader()


def tiff_reader() -> Arguments:
    """Draw bounds."""
    return st.fixed_dictionaries({"max_bytes": st.sampled_from([2**20, 2**33])})


def dicom_reader() -> Arguments:
    """Draw waters."""
    return st.fixed_dictionaries({"water": st.sampled_from([0.0193, 0.02])})


def volume_writer() -> Arguments:
    """Whether files may be replaced."""
    return st.fixed_dictionaries({"overwrite": st.booleans()})


def dicom_writer() -> Arguments:
    """Stated and default water."""
    return st.fixed_dictionaries({"water": st.sampled_from([None, 0.02])})
