"""DICOM out: an MR image where it is known how the patient lay, a secondary capture where it is not.

One slice becomes a classic MR Image; several become the frames of one Enhanced MR Image, so that an image is
one file here as in every other format. Nothing about the patient is invented: fields that the standard
wants and that nobody stated are empty, or say that this is a derived image.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from os import PathLike
from typing import Any

import attrs
import numpy as np
from torch import Tensor

from wellposed import __version__
from wellposed.atomic import write_bytes
from wellposed.errors import ParameterError
from wellposed_mri.files.dicom_frames import enhanced_groups, secondary_frames
from wellposed_mri.files.dicom_geometry import Plane, planes_of
from wellposed_mri.files.volume import Volumes, volumes_of

MR, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.4.1"
CAPTURE, CAPTURE_FRAMES = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.7.3"
EXPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
LEVELS = 65535
PATIENT = {"patient_name": "PatientName", "patient_id": "PatientID", "study_description": "StudyDescription"}


@attrs.frozen
class DICOMWriter:
    """Write magnitudes as 16-bit DICOM, with rescale slope, spacing and, where it is known, orientation.

    With ``meta["affine"]`` (see :class:`~wellposed_mri.NIfTIWriter`) the file is an MR Image, or with several
    slices an Enhanced MR Image of as many frames; without it a secondary capture, which claims no place in
    the patient. ``meta["patient_name"]``, ``patient_id`` and ``study_description`` are copied.

    Stored values times the rescale slope are the magnitudes, to half a slope: the maximum / 65535.

    Parameters
    ----------
    overwrite
        Whether an existing file may be replaced.
    """

    overwrite: bool = False

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any]) -> None:
        """Write ``image`` ``(B, C, H, W)`` or ``(B, C, D, H, W)``.

        Raises
        ------
        ParameterError
            For an image of other axes, with more than 65535 pixels along one, or an impossible affine.
        OutputExistsError
            Where the file exists and ``overwrite`` is false.
        """
        volumes = volumes_of(image, meta)
        if max(volumes.values.shape[-2:]) > 65535:
            raise ParameterError(
                f"DICOM holds at most 65535 rows and columns, not {volumes.values.shape[-2:]}."
            )
        buffer = io.BytesIO()
        dataset(volumes, meta).save_as(buffer, enforce_file_format=True)
        write_bytes(path, buffer.getvalue(), overwrite=self.overwrite)


def dataset(volumes: Volumes, meta: Mapping[str, Any]) -> Any:
    """Return the pydicom dataset of some volumes."""
    frames = volumes.values.reshape(-1, *volumes.values.shape[-2:])
    planes = planes_of(volumes)
    several = len(frames) > 1
    kind = (ENHANCED_MR if several else MR) if planes else (CAPTURE_FRAMES if several else CAPTURE)
    found = _identity(kind, meta)
    slope = _pixels(found, frames)
    if planes and several:
        enhanced_groups(found, planes, volumes, slope)
    elif planes:
        _classic(found, planes[0], volumes, slope)
    else:
        _capture(found, volumes, slope, several)
    return found


def _identity(kind: str, meta: Mapping[str, Any]) -> Any:
    """Return a dataset that says what it is, and as much of the patient as ``meta`` tells."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, generate_uid

    head = FileMetaDataset()
    head.MediaStorageSOPClassUID = UID(kind)
    head.MediaStorageSOPInstanceUID = generate_uid()
    head.TransferSyntaxUID = UID(EXPLICIT_LITTLE_ENDIAN)
    found = FileDataset("", {}, file_meta=head, preamble=b"\0" * 128)
    found.SOPClassUID, found.SOPInstanceUID = head.MediaStorageSOPClassUID, head.MediaStorageSOPInstanceUID
    found.StudyInstanceUID, found.SeriesInstanceUID = generate_uid(), generate_uid()
    for empty in (
        "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID",
        "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator", "PatientPosition",
    ):  # fmt: skip
        setattr(found, empty, "")
    for name, keyword in PATIENT.items():
        if name in meta:
            setattr(found, keyword, str(meta[name]))
    if kind != ENHANCED_MR:
        found.Laterality = ""
    found.Modality = "MR" if kind in (MR, ENHANCED_MR) else "OT"
    found.Manufacturer, found.ManufacturerModelName, found.SoftwareVersions = (
        "wellposed",
        "wellposed",
        __version__,
    )
    found.SeriesNumber = found.InstanceNumber = 1
    found.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    found.DerivationDescription = "Reconstructed from raw data"
    found.BurnedInAnnotation = "NO"
    return found


def _pixels(found: Any, frames: np.ndarray) -> float:
    """Store the frames as 16 bits and return the slope that gives their values back."""
    largest = float(frames.max())
    slope = largest / LEVELS if largest > 0 else 1.0
    # DS has 16 characters: the slope that is written is the one that is divided by
    slope = float(f"{slope:.9e}")
    stored = np.clip(np.round(frames / slope), 0, LEVELS).astype("<u2")
    found.Rows, found.Columns = frames.shape[-2:]
    if len(frames) > 1:
        found.NumberOfFrames = len(frames)
    found.SamplesPerPixel, found.PhotometricInterpretation = 1, "MONOCHROME2"
    found.BitsAllocated, found.BitsStored, found.HighBit, found.PixelRepresentation = 16, 16, 15, 0
    found.PixelData = stored.tobytes()
    return slope


def window_of(slope: float) -> tuple[str, str]:
    """Return centre and width that show everything that is stored."""
    return f"{slope * LEVELS / 2:.9e}", f"{slope * LEVELS:.9e}"


def _classic(found: Any, plane: Plane, volumes: Volumes, slope: float) -> None:
    from pydicom.uid import generate_uid

    found.FrameOfReferenceUID = generate_uid()
    found.ScanningSequence, found.SequenceVariant, found.ScanOptions = "RM", "NONE", ""
    found.MRAcquisitionType = ""
    found.EchoTime = found.RepetitionTime = found.EchoTrainLength = None
    found.ImagePositionPatient, found.ImageOrientationPatient = plane.position, plane.directions
    _spacing(found, volumes)
    _rescale(found, slope)


def _capture(found: Any, volumes: Volumes, slope: float, several: bool) -> None:
    found.ConversionType, found.PatientOrientation = "SYN", ""
    _spacing(found, volumes)
    found.PixelSpacingCalibrationType = "GEOMETRY"
    found.PixelSpacingCalibrationDescription = "From the field of view"
    _rescale(found, slope)
    if several:
        secondary_frames(found, volumes)


def _spacing(found: Any, volumes: Volumes) -> None:
    z, y, x = volumes.voxel
    found.PixelSpacing, found.SliceThickness = [f"{y:.9g}", f"{x:.9g}"], f"{z:.9g}"
    if volumes.values.shape[1] > 1:
        found.SpacingBetweenSlices = f"{z:.9g}"


def _rescale(found: Any, slope: float) -> None:
    found.RescaleIntercept, found.RescaleSlope, found.RescaleType = "0", f"{slope:.9e}", "US"
    found.WindowCenter, found.WindowWidth = window_of(slope)
    found.VOILUTFunction = "LINEAR_EXACT"  # the usual one does not allow windows narrower than 1
    found.PresentationLUTShape = "IDENTITY"
