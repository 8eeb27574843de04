from __future__ import annotations

import logging
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from wellposed.errors import OutputExistsError, ParameterError
from wellposed_viz.photo import PhotoReader, PhotoWriter

RNG = np.random.default_rng(3)
LOSSLESS = (".png", ".tif", ".bmp", ".webp")


def _draw(channels: int, dtype: type = np.uint8, shape: tuple[int, int] = (7, 5)) -> np.ndarray:
    samples = RNG.integers(0, np.iinfo(dtype).max + 1, (*shape, channels), dtype=dtype)
    samples[0, 0], samples[0, 1] = 0, np.iinfo(dtype).max
    return samples[:, :, 0] if channels == 1 else samples


def _store(path: Path, samples: np.ndarray) -> None:
    """Write by other means than ours."""
    channels = 1 if samples.ndim == 2 else samples.shape[2]
    if samples.dtype == np.uint8:
        Image.fromarray(samples).save(
            path, **({"lossless": True, "exact": True} if path.suffix == ".webp" else {})
        )
    elif path.suffix == ".png":
        path.write_bytes(imagecodecs.png_encode(samples))
    else:
        extra = {"extrasamples": ["unassalpha"]} if channels in (2, 4) else {}
        tifffile.imwrite(path, samples, photometric="rgb" if channels > 2 else "minisblack", **extra)


def _samples(path: Path) -> tuple[np.ndarray, dict[str, object]]:
    """Read by ours, and return integers."""
    measurement = PhotoReader().read(path)
    parts = [measurement.y] + ([measurement.meta["alpha"]] if "alpha" in measurement.meta else [])
    peak = 2 ** measurement.meta["bits"] - 1
    values = torch.cat(parts, dim=1)[0].double().mul(peak)
    assert (values - values.round()).abs().max() < 0.01
    samples = values.round().to(torch.int64).permute(1, 2, 0).numpy()
    return (samples[:, :, 0] if samples.shape[2] == 1 else samples), dict(measurement.meta)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("suffix", "dtype"), [(".png", np.uint8), (".png", np.uint16), (".tif", np.uint8), (".tif", np.uint16)]
)
def test_every_mode_round_trips_to_the_bit(tmp_path: Path, suffix: str, dtype: type, channels: int) -> None:
    source, copy = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    original = _draw(channels, dtype)
    _store(source, original)
    measurement = PhotoReader().read(source)
    assert measurement.y.dtype == torch.float32
    assert measurement.y.shape == (1, 1 if channels <= 2 else 3, 7, 5)
    assert measurement.meta["bits"] == np.iinfo(dtype).bits
    assert ("alpha" in measurement.meta) == (channels in (2, 4))
    assert np.array_equal(_samples(source)[0], original)
    PhotoWriter().write(copy, measurement.y, measurement.meta)
    again, meta = _samples(copy)
    assert np.array_equal(again, original)
    assert meta["bits"] == np.iinfo(dtype).bits


@pytest.mark.parametrize("suffix", [".bmp", ".webp"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_bmp_and_webp_lose_nothing(tmp_path: Path, suffix: str, channels: int) -> None:
    if (suffix, channels) == (".bmp", 4):
        pytest.skip("BMP holds no transparency; another test covers the message")
    source, copy = tmp_path / "a.png", tmp_path / f"b{suffix}"
    original = _draw(channels)
    _store(source, original)
    measurement = PhotoReader().read(source)
    PhotoWriter().write(copy, measurement.y, measurement.meta)
    again, _ = _samples(copy)
    if suffix == ".webp" and channels == 1:  # WebP stores colour only
        again = again[:, :, 0]
    assert np.array_equal(again, original)


def test_all_levels_survive(tmp_path: Path) -> None:
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    _store(tmp_path / "a.png", levels)
    measurement = PhotoReader().read(tmp_path / "a.png")
    PhotoWriter().write(tmp_path / "b.png", measurement.y, measurement.meta)
    assert np.array_equal(imagecodecs.png_decode((tmp_path / "b.png").read_bytes()), levels)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_shallow_modes_agree_with_pillow(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(_draw(3 if mode == "P" else 4)).convert(mode)
    image.save(tmp_path / "a.png")
    samples, _ = _samples(tmp_path / "a.png")
    expected = image.convert({"1": "L", "P": "RGB"}.get(mode, mode))
    assert np.array_equal(samples, np.asarray(expected))


def test_a_transparent_palette_colour_becomes_alpha(tmp_path: Path) -> None:
    image = Image.fromarray(_draw(3)).quantize(7)
    image.save(tmp_path / "a.png", transparency=2)
    samples, meta = _samples(tmp_path / "a.png")
    assert np.array_equal(samples[:, :, 3] == 0, np.asarray(image) == 2)
    assert meta["alpha"].shape == (1, 1, 7, 5)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_colour_of_a_deep_png_becomes_alpha(tmp_path: Path, channels: int) -> None:
    original = _draw(channels, np.uint16)
    png = imagecodecs.png_encode(original)
    key = original[3, 2].reshape(-1).astype(">u2").tobytes()
    path = tmp_path / "a.png"
    path.write_bytes(png[:33] + _chunk(b"tRNS", key) + png[33:])
    samples, _ = _samples(path)
    assert np.array_equal(samples[..., :-1].squeeze(-1) if channels == 1 else samples[..., :3], original)
    assert np.argwhere(samples[..., -1] == 0).tolist() == [[3, 2]]


def _chunk(kind: bytes, data: bytes) -> bytes:
    import zlib

    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def test_jpeg_is_close_and_reads_as_pillow_does(tmp_path: Path) -> None:
    ramp = np.linspace(0, 255, 64, dtype=np.uint8)
    original = np.stack([np.tile(ramp, (64, 1))] * 3, axis=2)
    Image.fromarray(original).save(tmp_path / "a.jpg")
    samples, meta = _samples(tmp_path / "a.jpg")
    assert meta["format"] == "JPEG"
    assert np.array_equal(samples, np.asarray(Image.open(tmp_path / "a.jpg")))
    measurement = PhotoReader().read(tmp_path / "a.jpg")
    PhotoWriter().write(tmp_path / "b.jpeg", measurement.y, measurement.meta)
    assert np.abs(_samples(tmp_path / "b.jpeg")[0] - original).max() <= 3


def test_floating_point_tiff_keeps_its_values(tmp_path: Path) -> None:
    original = RNG.normal(size=(6, 4)).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", original)
    measurement = PhotoReader().read(tmp_path / "a.tif")
    assert np.array_equal(measurement.y[0, 0], original)
    PhotoWriter().write(tmp_path / "b.tif", measurement.y, measurement.meta)
    assert np.array_equal(tifffile.imread(tmp_path / "b.tif"), original)


def test_white_is_zero_and_planar_tiff(tmp_path: Path) -> None:
    grey, colour = _draw(1, np.uint16), np.moveaxis(_draw(3, np.uint16), -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="miniswhite")
    assert np.array_equal(_samples(tmp_path / "a.tif")[0], 65535 - grey.astype(int))
    tifffile.imwrite(tmp_path / "b.tif", colour, photometric="rgb", planarconfig="separate")
    assert np.array_equal(_samples(tmp_path / "b.tif")[0], np.moveaxis(colour, 0, -1))


@pytest.mark.parametrize(("bits", "suffix"), [(8, ".png"), (16, ".png"), (8, ".tif"), (16, ".tif")])
def test_rounds_to_the_nearest_and_clips(
    tmp_path: Path, bits: int, suffix: str, caplog: pytest.LogCaptureFixture
) -> None:
    peak = 2**bits - 1
    values = torch.tensor(
        [-0.5, 0.0, 0.49 / peak, 0.51 / peak, 1 - 0.49 / peak, 1.0, 1.7], dtype=torch.float64
    )
    with caplog.at_level(logging.WARNING):
        PhotoWriter(bits=bits).write(tmp_path / f"a{suffix}", values.expand(1, 1, 1, 7))
    assert _samples(tmp_path / f"a{suffix}")[0].tolist() == [[0, 0, 0, 1, peak, peak, peak]]
    assert "29% of the values lie outside [0, 1] and are clipped" in caplog.text


@pytest.mark.parametrize(("wrong", "told"), [(100, False), (101, True)])
def test_much_clipping_is_called_likely_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, wrong: int, told: bool
) -> None:
    values = torch.full((1000,), 0.5)
    values[:wrong] = 3.0
    with caplog.at_level(logging.WARNING):
        PhotoWriter().write(tmp_path / "a.png", values.reshape(1, 1, 25, 40))
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert ("the result is likely wrong" in record.getMessage()) is told


def test_says_what_a_format_cannot_hold(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image, alpha = torch.rand(1, 3, 4, 4), torch.rand(1, 1, 4, 4)
    PhotoWriter().write(tmp_path / "a.bmp", image, {"alpha": alpha, "bits": 16})
    assert "BMP holds no transparency" in caplog.text
    assert "the source had 16 bits, and BMP holds 8" in caplog.text
    PhotoWriter().write(tmp_path / "a.png", torch.rand(1, 3, 8, 8), {"alpha": alpha})
    assert "the transparency has shape (1, 1, 4, 4) and the image (1, 3, 8, 8)" in caplog.text
    assert "alpha" not in PhotoReader().read(tmp_path / "a.png").meta


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (
            torch.full((1, 1, 2, 2), float("nan")),
            r"4 of 4 values are NaN or infinite; the reconstruction has diverged",
        ),
        (torch.rand(1, 2, 4, 4), r"has shape \(1, 2, 4, 4\)"),
        (torch.rand(2, 3, 4, 4), r"pick one of a batch"),
        (torch.rand(3, 4, 4), r"has shape \(3, 4, 4\)"),
        (torch.rand(1, 3, 0, 4), r"has shape \(1, 3, 0, 4\)"),
        (torch.ones(1, 1, 2, 2, dtype=torch.complex64), r"real floats in \[0, 1\]"),
        (torch.ones(1, 1, 2, 2, dtype=torch.uint8), r"divide integers"),
    ],
)
def test_refuses_what_is_no_picture(tmp_path: Path, image: torch.Tensor, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        PhotoWriter().write(tmp_path / "a.png", image)
    assert list(tmp_path.iterdir()) == []


def test_refuses_endings_depths_and_sizes(tmp_path: Path) -> None:
    image = torch.rand(1, 1, 2, 2)
    with pytest.raises(ParameterError, match=r"the ending '\.gif' is no known format; use one of \.png"):
        PhotoWriter().write(tmp_path / "a.gif", image)
    with pytest.raises(ParameterError, match=r"JPEG holds \(8,\) bits, and not 16"):
        PhotoWriter(bits=16).write(tmp_path / "a.jpg", image)
    with pytest.raises(ParameterError, match=r"as WEBP: .*choose PNG or TIFF"):
        PhotoWriter().write(tmp_path / "a.webp", torch.rand(1, 1, 1, 16384))
    assert list(tmp_path.iterdir()) == []


def test_overwrites_only_when_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match="exists already"):
        PhotoWriter().write(path, torch.rand(1, 1, 2, 2))
    assert path.read_bytes() == b"precious"
    PhotoWriter(overwrite=True).write(path, torch.rand(1, 1, 2, 2))
    assert PhotoReader().read(path).y.shape == (1, 1, 2, 2)


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import wellposed_viz.photo.writer as writer

    def interrupted(temporary: Path, *_: object) -> None:
        temporary.write_bytes(b"half")
        raise KeyboardInterrupt

    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    monkeypatch.setattr(writer, "encode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        PhotoWriter(overwrite=True).write(path, torch.rand(1, 1, 2, 2))
    assert [p.read_bytes() for p in tmp_path.iterdir()] == [b"precious"]
