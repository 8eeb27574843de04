"""Several slices in one DICOM file: what all frames share, and what each has of its own."""

from __future__ import annotations

import datetime
from typing import Any

from wellposed_mri.files.dicom_geometry import Plane
from wellposed_mri.files.volume import Volumes


def enhanced_groups(found: Any, planes: list[Plane], volumes: Volumes, slope: float) -> None:
    """Add what makes a dataset an Enhanced MR Image (PS3.3 A.36.2), derived, so without a pulse sequence."""
    from pydicom.uid import generate_uid

    found.FrameOfReferenceUID = generate_uid()
    now = datetime.datetime.now(datetime.UTC)
    found.ContentDate, found.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    found.TimezoneOffsetFromUTC = "+0000"
    found.DeviceSerialNumber = "unknown"
    found.ImageType = ["DERIVED", "PRIMARY", "VOLUME", "NONE"]
    _image_kind(found)
    found.ContentQualification, found.ResonantNucleus = "RESEARCH", "1H"
    found.ApplicableSafetyStandardAgency = "OTHER"
    found.KSpaceFiltering, found.PresentationLUTShape = "NONE", "IDENTITY"
    found.LossyImageCompression = "00"
    found.ImageComments = ""
    found.AcquisitionContextSequence = []
    shared = _item()
    shared.PixelMeasuresSequence = [_measures(volumes)]
    shared.PlaneOrientationSequence = [_item(ImageOrientationPatient=planes[0].directions)]
    shared.PixelValueTransformationSequence = [_transformation(slope)]
    shared.FrameVOILUTSequence = [_window(slope)]
    shared.MRImageFrameTypeSequence = [_image_kind(_item(FrameType=list(found.ImageType)))]
    shared.FrameAnatomySequence = [_anatomy()]
    found.SharedFunctionalGroupsSequence = [shared]
    found.PerFrameFunctionalGroupsSequence = [_frame(plane) for plane in planes]
    _dimensions(found)


def secondary_frames(found: Any, volumes: Volumes) -> None:
    """Add what makes a secondary capture one of several frames (PS3.3 A.8.4)."""
    found.SpacingBetweenSlices = f"{volumes.voxel[0]:.9g}"
    found.FrameIncrementPointer = 0x00182001
    found.PageNumberVector = [str(i + 1) for i in range(int(found.NumberOfFrames))]


def _item(**elements: Any) -> Any:
    from pydicom.dataset import Dataset

    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return item


def _image_kind(item: Any) -> Any:
    item.PixelPresentation, item.VolumetricProperties = "MONOCHROME", "VOLUME"
    item.VolumeBasedCalculationTechnique = "NONE"
    item.ComplexImageComponent, item.AcquisitionContrast = "MAGNITUDE", "UNKNOWN"
    return item


def _measures(volumes: Volumes) -> Any:
    z, y, x = volumes.voxel
    return _item(
        PixelSpacing=[f"{y:.9g}", f"{x:.9g}"], SliceThickness=f"{z:.9g}", SpacingBetweenSlices=f"{z:.9g}"
    )


def _transformation(slope: float) -> Any:
    return _item(RescaleIntercept="0", RescaleSlope=f"{slope:.9e}", RescaleType="US")


def _window(slope: float) -> Any:
    from wellposed_mri.files.dicom import window_of

    centre, width = window_of(slope)
    return _item(WindowCenter=centre, WindowWidth=width, VOILUTFunction="LINEAR_EXACT")


def _anatomy() -> Any:
    unknown = _item(CodeValue="138875005", CodingSchemeDesignator="SCT", CodeMeaning="SNOMED CT Concept")
    return _item(FrameLaterality="U", AnatomicRegionSequence=[unknown])


def _frame(plane: Plane) -> Any:
    content = _item(
        StackID="1",
        InStackPositionNumber=plane.stack + 1,
        TemporalPositionIndex=plane.volume + 1,
        DimensionIndexValues=[plane.volume + 1, plane.stack + 1],
    )
    place = _item(ImagePositionPatient=plane.position)
    return _item(FrameContentSequence=[content], PlanePositionSequence=[place])


def _dimensions(found: Any) -> None:
    """Say that frames are counted by volume and by place in the stack."""
    from pydicom.uid import generate_uid

    organisation = generate_uid()
    found.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=organisation)]
    temporal, stack, content = 0x00209128, 0x00209057, 0x00209111
    found.DimensionIndexSequence = [
        _item(
            DimensionOrganizationUID=organisation,
            DimensionIndexPointer=pointer,
            FunctionalGroupPointer=content,
        )
        for pointer in (temporal, stack)
    ]
