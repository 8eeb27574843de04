from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image, ImageCms, ImageOps, PngImagePlugin
from PIL.TiffImagePlugin import IFDRational

from wellposed_viz.photo import PhotoReader, PhotoWriter
from wellposed_viz.photo._metadata import upright_exif

RNG = np.random.default_rng(5)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def _exif(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "Maker"
    exif[0x8298] = "Someone"
    exif.get_ifd(0x8769)[0x829A] = IFDRational(1, 250)
    exif.get_ifd(0x8769)[0x8827] = 400
    exif.get_ifd(0x8825)[0x0001] = "N"
    exif.get_ifd(0x8825)[0x0002] = (IFDRational(48), IFDRational(12), IFDRational(30))
    return exif


def _facts(path: Path) -> dict[str, object]:
    with Image.open(path) as image:
        exif = image.getexif()
        return {
            "make": exif.get(0x010F),
            "copyright": exif.get(0x8298),
            "orientation": exif.get(0x0112, 1),
            "exposure": float(exif.get_ifd(0x8769).get(0x829A, 0)),
            "iso": exif.get_ifd(0x8769).get(0x8827),
            "north": exif.get_ifd(0x8825).get(0x0001),
            "latitude": tuple(float(v) for v in exif.get_ifd(0x8825).get(0x0002, ())),
            "icc": image.info.get("icc_profile"),
            "dpi": tuple(round(float(v)) for v in image.info.get("dpi", ())),
        }


EXPECTED = {
    "make": "Maker",
    "copyright": "Someone",
    "orientation": 1,
    "exposure": 0.004,
    "iso": 400,
    "north": "N",
    "latitude": (48.0, 12.0, 30.0),
    "icc": SRGB,
    "dpi": (300, 300),
}


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_rotation_agrees_with_pillow(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"a{suffix}"
    options = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(RNG.integers(0, 256, (5, 8, 3), dtype=np.uint8)).save(
        path, exif=_exif(orientation), **options
    )
    with Image.open(path) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    measurement = PhotoReader().read(path)
    assert np.array_equal(measurement.y[0].mul(255).round().permute(1, 2, 0), expected)
    copy = tmp_path / "b.png"
    PhotoWriter().write(copy, measurement.y, measurement.meta)
    assert _facts(copy)["orientation"] == 1
    assert np.array_equal(PhotoReader().read(copy).y, measurement.y)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_deep_images_are_rotated_too(tmp_path: Path, suffix: str, orientation: int) -> None:
    samples = RNG.integers(0, 65536, (5, 8, 3), dtype=np.uint16)
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        exif = _exif(orientation).tobytes().removeprefix(b"Exif\0\0")
        png = imagecodecs.png_encode(samples)
        path.write_bytes(png[:33] + _chunk(b"eXIf", exif) + png[33:])
    else:
        tifffile.imwrite(path, samples, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    high = Image.fromarray((samples >> 8).astype(np.uint8))
    exif_only = Image.Exif()
    exif_only[0x0112] = orientation
    high.save(tmp_path / "high.png", exif=exif_only)
    with Image.open(tmp_path / "high.png") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    found = PhotoReader().read(path).y[0].mul(65535).round().permute(1, 2, 0).numpy().astype(np.uint16)
    assert np.array_equal(found >> 8, expected)


def _chunk(kind: bytes, data: bytes) -> bytes:
    import zlib

    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


@pytest.mark.parametrize("source", [".png", ".jpg", ".tif"])
@pytest.mark.parametrize("target", [".png", ".jpg", ".tif", ".webp"])
@pytest.mark.parametrize("bits", [8, 16])
def test_metadata_travel(tmp_path: Path, source: str, target: str, bits: int) -> None:
    if bits == 16 and target in (".jpg", ".webp"):
        pytest.skip("8-bit formats")
    path, copy = tmp_path / f"a{source}", tmp_path / f"b{target}"
    image = Image.fromarray(RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8))
    image.save(path, exif=_exif(6).tobytes(), icc_profile=SRGB, dpi=(300, 300))
    measurement = PhotoReader().read(path)
    assert measurement.meta["dpi"] == pytest.approx((300, 300), abs=0.01)
    PhotoWriter(bits=bits).write(copy, measurement.y, measurement.meta)
    facts = _facts(copy)
    if target == ".webp":
        facts["dpi"] = (300, 300)  # WebP has no field for it
    assert facts == EXPECTED
    again = PhotoReader().read(copy)
    assert again.meta["bits"] == bits
    if target != ".jpg":
        assert torch.equal(again.y, measurement.y)


@pytest.mark.parametrize("bits", [8, 16])
def test_texts_and_xmp_travel(tmp_path: Path, bits: int) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "A street")
    info.add_itxt("Comment", "größer")
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    Image.new("RGB", (6, 4)).save(tmp_path / "a.png", pnginfo=info)
    measurement = PhotoReader().read(tmp_path / "a.png")
    assert measurement.y.shape == (1, 3, 6, 4)  # XMP alone asks for a rotation
    assert measurement.meta["text"] == {"Title": "A street", "Comment": "größer"}
    assert b'tiff:Orientation="1"' in measurement.meta["xmp"]
    for name in ("b.png", "b.tif", "b.jpg", "b.webp"):
        if bits == 16 and name in ("b.jpg", "b.webp"):
            continue
        PhotoWriter(bits=bits).write(tmp_path / name, measurement.y, measurement.meta)
        again = PhotoReader().read(tmp_path / name)
        assert again.y.shape == (1, 3, 6, 4), name
        assert again.meta["xmp"] == measurement.meta["xmp"], name
    assert PhotoReader().read(tmp_path / "b.png").meta["text"] == measurement.meta["text"]


def test_a_grey_result_does_not_keep_a_colour_profile(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png", icc_profile=SRGB)
    measurement = PhotoReader().read(tmp_path / "a.png")
    PhotoWriter().write(tmp_path / "b.png", measurement.y.mean(1, keepdim=True), measurement.meta)
    assert "icc_profile" not in PhotoReader().read(tmp_path / "b.png").meta


def test_exif_is_changed_in_nothing_but_the_orientation() -> None:
    blob = _exif(8).tobytes().removeprefix(b"Exif\0\0")
    patched = upright_exif(blob)
    assert len(patched) == len(blob)
    assert sum(a != b for a, b in zip(blob, patched, strict=True)) == 1
    big_endian = Image.Exif()
    big_endian.endian = ">"
    big_endian[0x0112] = 8
    reread = Image.Exif()
    reread.load(b"Exif\0\0" + upright_exif(big_endian.tobytes().removeprefix(b"Exif\0\0")))
    assert reread[0x0112] == 1


def test_damaged_exif_does_not_cost_the_picture(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    png = imagecodecs.png_encode(np.zeros((3, 4, 3), np.uint8))
    (tmp_path / "a.png").write_bytes(png[:33] + _chunk(b"eXIf", b"II*\0\xff\xff\xff\xff") + png[33:])
    measurement = PhotoReader().read(tmp_path / "a.png")
    assert measurement.y.shape == (1, 3, 3, 4)
    assert "exif" not in measurement.meta
    assert "the EXIF data are damaged and left out" in caplog.text


def test_meta_survives_a_measurement_file(tmp_path: Path) -> None:
    from wellposed.measurement import Measurement

    samples = np.dstack([RNG.integers(0, 256, (8, 8, 3), dtype=np.uint8), np.full((8, 8), 9, np.uint8)])
    Image.fromarray(samples).save(tmp_path / "a.png", exif=_exif(3), icc_profile=SRGB, dpi=(300, 300))
    measurement = PhotoReader().read(tmp_path / "a.png")
    measurement.save(tmp_path / "a.wellposed")
    again = Measurement.load(tmp_path / "a.wellposed")
    PhotoWriter().write(tmp_path / "b.png", again.y, again.meta)
    assert _facts(tmp_path / "b.png") == EXPECTED
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), samples[::-1, ::-1])
