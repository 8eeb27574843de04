"""DICOM CT series out: one file per slice, in Hounsfield units, with spacing, position and orientation."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from wellposed.atomic import atomic_path
from wellposed.errors import ParameterError
from wellposed_ct.files.dicom import SUFFIX, WATER, to_hounsfield
from wellposed_ct.files.folders import atomic_folder
from wellposed_ct.files.place import Place

__all__ = ["DICOMWriter", "slice_dataset", "volume_of"]

log = logging.getLogger(__name__)

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"


@attrs.frozen
class DICOMWriter:
    """Write attenuation (1/mm) as a DICOM CT slice, or as a folder of slices.

    ``meta["pixel_mm"]`` (a number, or row and column spacing), ``["slice_mm"]``, ``["orientation"]``,
    ``["slice_direction"]`` and ``["position_mm"]`` become spacing and place; by default 1 mm, axial, along
    the normal, centred. Values are rounded to 1 HU and clipped
    to ±32767 HU, told in the log. Files of the same image are the same, byte for byte. They are
    derived data without a patient: not for diagnosis.

    Parameters
    ----------
    water
        Attenuation of water, 1/mm, that becomes 0 HU; ``None`` takes ``meta["water"]``, or 0.0193.
    overwrite
        Whether an existing file, or folder of slices, may be replaced.
    """

    water: float | None = None
    overwrite: bool = False

    @property
    def suffixes(self) -> tuple[str, ...]:
        """Endings of files that this writes."""
        return (SUFFIX,)

    def write(self, path: str | PathLike[str], image: Tensor, meta: Mapping[str, Any] | None = None) -> None:
        """Write one slice ``(1, 1, H, W)`` to a file, more, or a volume ``(1, 1, D, H, W)``, to a folder.

        Raises
        ------
        ParameterError
            Another shape, complex or non-finite values, or an impossible spacing.
        OutputExistsError
            ``path`` exists and ``overwrite`` is false.
        """
        volume = volume_of(path, image)
        self.write_volume(path, volume, {} if meta is None else meta)

    def write_volume(self, path: str | PathLike[str], volume: Any, meta: Mapping[str, Any]) -> None:
        """Write ``(D, H, W)``, an array or what reads slice by slice from the disk."""
        path = Path(path)
        water = float(self.water or meta.get("water", WATER))
        place = Place.of(meta, volume.shape)
        note = str(meta.get("history", "wellposed"))
        series = hashlib.sha256(
            repr((volume.shape, water, place)).encode() + volume[len(volume) // 2].tobytes()
        )
        if len(volume) == 1:
            with atomic_path(path, overwrite=self.overwrite) as temporary:
                slice_dataset(volume[0], 0, place, water, series.hexdigest(), note).save_as(
                    temporary, enforce_file_format=True
                )
            return
        with atomic_folder(path, SUFFIX, overwrite=self.overwrite) as folder:
            for i, plane in enumerate(volume[k] for k in range(len(volume))):
                slice_dataset(plane, i, place, water, series.hexdigest(), note).save_as(
                    folder / f"slice_{i:05d}{SUFFIX}", enforce_file_format=True
                )


def slice_dataset(
    plane: NDArray[Any], index: int, place: Place, water: float, series: str, note: str = "wellposed"
) -> Any:
    """Return the DICOM dataset of one slice ``(H, W)`` in 1/mm; ``series`` tells series apart."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

    def uid(*words: str) -> UID:
        return generate_uid(entropy_srcs=[series, *words])

    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.MediaStorageSOPClassUID = UID(CT_IMAGE)
    found.file_meta.MediaStorageSOPInstanceUID = uid("slice", str(index))
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    texts = {
        "SOPClassUID": CT_IMAGE, "SOPInstanceUID": uid("slice", str(index)), "Modality": "CT",
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"], "Manufacturer": "wellposed", "PatientName": "",
        "PatientID": "", "PatientBirthDate": "", "PatientSex": "", "StudyDate": "", "StudyTime": "",
        "AccessionNumber": "", "ReferringPhysicianName": "", "StudyID": "", "StudyInstanceUID": uid("study"),
        "SeriesInstanceUID": uid("series"), "FrameOfReferenceUID": uid("frame"), "SeriesNumber": 1,
        "PositionReferenceIndicator": "", "AcquisitionNumber": 1, "KVP": None, "InstanceNumber": index + 1,
        "SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "BitsAllocated": 16,
        "BitsStored": 16, "HighBit": 15, "PixelRepresentation": 1, "RescaleSlope": 1,
        "RescaleIntercept": 0, "RescaleType": "HU", "WindowCenter": 40, "WindowWidth": 400,
        "Rows": plane.shape[0], "Columns": plane.shape[1],
        "PixelSpacing": [_text(v) for v in place.spacing[:2]], "SliceThickness": _text(place.spacing[2]),
        "ImagePositionPatient": [_text(v) for v in place.position(index)],
        "ImageOrientationPatient": [_text(v) for v in place.orientation],
        "DerivationDescription": str(note).encode("ascii", "replace").decode("ascii")[:1000],
    }  # fmt: skip
    for name, value in texts.items():
        setattr(found, name, value)
    found.PixelData = _pixels(plane, water).tobytes()
    found["PixelData"].VR = "OW"
    return found


def _pixels(plane: NDArray[Any], water: float) -> NDArray[np.int16]:
    hu = np.rint(to_hounsfield(np.asarray(plane, np.float64), water))
    outside = int((np.abs(hu) > 32767).sum())
    if outside:
        log.warning("%d of %d values lie beyond ±32767 HU and are clipped", outside, hu.size)
    found: NDArray[np.int16] = np.clip(hu, -32767, 32767).astype("<i2")
    return found


def _text(value: float) -> str:
    """Return a DICOM decimal string: at most 16 characters."""
    return f"{value:.10g}"[:16]


def volume_of(path: str | PathLike[str], image: Tensor) -> NDArray[Any]:
    """Return images ``(B, 1, H, W)`` or ``(1, 1, D, H, W)`` as ``(slices, H, W)``, checked."""
    shape = tuple(image.shape)
    fits = (image.ndim == 4 and shape[1] == 1) or (image.ndim == 5 and shape[:2] == (1, 1))
    if not fits or 0 in shape or image.is_complex():
        raise ParameterError(
            f"Cannot write {path}: the image is {image.dtype} of shape {shape}, and real (B, 1, H, W) or "
            "(1, 1, D, H, W) is expected."
        )
    volume: NDArray[Any] = image.detach().cpu().reshape(-1, *shape[-2:]).numpy()
    bad = int((~np.isfinite(volume)).sum())
    if bad:
        raise ParameterError(f"Cannot write {path}: {bad} of {volume.size} values are NaN or infinite.")
    return volume
