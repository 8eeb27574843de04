from __future__ import annotations

import io
import os
import random
import resource
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import torch
from PIL import Image

from wellposed.errors import FileFormatError
from wellposed_viz.photo import KernelReader, PhotoReader, read_kernel

RNG = np.random.default_rng(7)
DEEP = RNG.integers(0, 65536, (9, 8, 3), dtype=np.uint16)


def _pillow(form: str, mode: str = "RGB", **options: object) -> bytes:
    stream = io.BytesIO()
    samples = RNG.integers(0, 256, (9, 8, 3), dtype=np.uint8)
    Image.fromarray(samples).convert(mode).save(stream, format=form, **options)
    return stream.getvalue()


def _deep_tiff(**options: object) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, options.pop("data", DEEP), photometric="rgb", **options)
    return stream.getvalue()


def _chunk(kind: bytes, data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")


def _bomb(depth: int) -> bytes:
    """Return a PNG of a few bytes that claims 60000 × 60000 pixels."""
    header = (60000).to_bytes(4, "big") * 2 + bytes([depth, 2, 0, 0, 0])
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b""))
        + _chunk(b"IEND", b"")
    )


def _animation(form: str) -> bytes:
    stream = io.BytesIO()
    frames = [Image.new("RGB", (4, 4), c) for c in ("red", "green", "blue")]
    frames[0].save(stream, format=form, save_all=True, append_images=frames[1:])
    return stream.getvalue()


CASES: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "empty": ("a.png", lambda: b"", r"is empty"),
    "text": ("a.png", lambda: b"Dear diary", r"is not an image that can be read; PNG, JPEG"),
    "gif": ("a.png", lambda: _pillow("GIF", "P"), r"is not an image that can be read"),
    "truncated png": ("a.png", lambda: _pillow("PNG")[:-40], r"damaged or truncated"),
    "truncated jpeg": ("a.jpg", lambda: _pillow("JPEG")[:-40], r"damaged or truncated"),
    "truncated webp": ("a.webp", lambda: _pillow("WEBP")[:-40], r"damaged or truncated|not an image"),
    "truncated bmp": ("a.bmp", lambda: _pillow("BMP")[:-40], r"damaged or truncated"),
    "truncated deep png": ("a.png", lambda: imagecodecs.png_encode(DEEP)[:-60], r"damaged or truncated"),
    "truncated deep tiff": ("a.tif", lambda: _deep_tiff()[:-30], r"pixels lie beyond its \d+ bytes"),
    "damaged deep png": ("a.png", lambda: _flip(imagecodecs.png_encode(DEEP), 120), r"damaged or truncated"),
    "bomb": ("a.png", lambda: _bomb(8), r"more pixels than Pillow|60000 × 60000 pixels, more than"),
    "deep bomb": ("a.png", lambda: _bomb(16), r"more pixels than Pillow|60000 × 60000 pixels, more than"),
    "pages": ("a.tif", lambda: _animation("TIFF"), r"holds 3 pages or frames"),
    "deep pages": ("a.tif", lambda: _deep_tiff(data=np.stack([DEEP, DEEP])), r"holds 2 pages or frames"),
    "apng": ("a.png", lambda: _animation("PNG"), r"holds 3 pages or frames"),
    "animated webp": ("a.webp", lambda: _animation("WEBP"), r"holds 3 pages or frames"),
    "cmyk": ("a.jpg", lambda: _pillow("JPEG", "CMYK"), r"its colours are CMYK, .* convert it to RGB first"),
    "nan": (
        "a.tif",
        lambda: _deep_tiff(data=np.full((4, 4, 3), np.nan, np.float32)),
        r"some pixels are NaN or infinite",
    ),
    "integers": ("a.tif", lambda: _deep_tiff(data=DEEP.astype(np.int32)), r"its samples are int32"),
    "premultiplied": (
        "a.tif",
        lambda: _deep_tiff(data=np.dstack([DEEP, DEEP[..., :1]]), extrasamples=["assocalpha"]),
        r"multiplied by alpha",
    ),
    "channels": (
        "a.tif",
        lambda: _deep_tiff(data=np.dstack([DEEP, DEEP]), extrasamples=[0, 0, 0]),
        r"has 6 channels",
    ),
}


def _flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 255]) + data[position + 1 :]


@pytest.mark.parametrize("case", CASES)
def test_each_is_refused_in_one_sentence(tmp_path: Path, case: str) -> None:
    name, make, message = CASES[case]
    (tmp_path / name).write_bytes(make())
    with pytest.raises(FileFormatError, match=message) as caught:
        PhotoReader().read(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"cannot be opened \(No such file"):
        PhotoReader().read(tmp_path / "missing.png")
    with pytest.raises(FileFormatError, match="is a folder, pipe or device"):
        PhotoReader().read(tmp_path)
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(FileFormatError, match="is a folder, pipe or device"):
        PhotoReader().read(tmp_path / "pipe.png")


def test_pixels_are_bounded_before_decoding(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100)).save(tmp_path / "a.png")
    assert PhotoReader(max_pixels=10_000).read(tmp_path / "a.png").y.shape == (1, 3, 100, 100)
    with pytest.raises(FileFormatError, match="has 100 × 100 pixels, more than max_pixels=9999"):
        PhotoReader(max_pixels=9_999).read(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((50, 50, 2), np.uint16), extrasamples=["unassalpha"])
    with pytest.raises(FileFormatError, match="has 50 × 50 pixels, more than max_pixels=100"):
        PhotoReader(max_pixels=100).read(tmp_path / "a.tif")
    (tmp_path / "b.png").touch()
    os.truncate(tmp_path / "b.png", 2**31)
    with pytest.raises(FileFormatError, match="has 2147483648 bytes, more than the"):
        PhotoReader().read(tmp_path / "b.png")


SEEDS = {
    "png": lambda: _pillow("PNG"),
    "palette png": lambda: _pillow("PNG", "P"),
    "jpeg": lambda: _pillow(
        "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    ),
    "webp": lambda: _pillow("WEBP"),
    "bmp": lambda: _pillow("BMP"),
    "tiff": lambda: _pillow("TIFF"),
    "deep png": lambda: imagecodecs.png_encode(DEEP),
    "deep tiff": lambda: _deep_tiff(),
    "deflated tiff": lambda: _deep_tiff(compression="zlib"),
}


@pytest.mark.parametrize("kind", SEEDS)
def test_mutations_never_crash_hang_or_swell(tmp_path: Path, kind: str) -> None:
    seed, random_ = SEEDS[kind](), random.Random(kind)
    path, reader = tmp_path / "a", PhotoReader(max_pixels=2**16)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tracemalloc.start()
    for _ in range(250):
        path.write_bytes(_mutate(seed, random_))
        try:
            y = reader.read(path).y
        except FileFormatError:
            continue
        assert y.shape[0] == 1  # type: ignore[union-attr]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**26
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**18  # KiB


def _mutate(seed: bytes, random_: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(random_.randint(1, 4)):
        position = (
            random_.randrange(len(data)) if random_.random() < 0.6 else random_.randrange(min(64, len(data)))
        )
        match random_.randrange(5):
            case 0:
                data[position] = random_.randrange(256)
            case 1:
                data[position] ^= 1 << random_.randrange(8)
            case 2:
                data[position : position + 4] = random_.choice([b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff"])
            case 3:
                del data[position : position + random_.randint(1, 16)]
            case 4:
                data = data[: max(position, 8)]
        data = data or bytearray(b"\0")
    return bytes(data)


def test_kernels(tmp_path: Path) -> None:
    weights = RNG.integers(0, 256, (5, 4), dtype=np.uint8)
    expected = weights / weights.sum()
    Image.fromarray(weights).save(tmp_path / "a.png")
    Image.fromarray(weights).convert("RGB").save(tmp_path / "rgb.png")
    np.save(tmp_path / "a.npy", weights.astype(float) * 1e300)
    np.save(tmp_path / "four.npy", weights[None, None])
    np.savez(tmp_path / "a.npz", weights)
    np.savez_compressed(tmp_path / "named.npz", other=np.ones(3), kernel=weights)
    for name in ("a.png", "rgb.png", "a.npy", "four.npy", "a.npz", "named.npz"):
        kernel = read_kernel(tmp_path / name)
        assert kernel.shape == (5, 4), name
        assert np.allclose(kernel, expected, atol=1e-7), name
        assert abs(float(kernel.double().sum()) - 1) < 1e-6


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 3)), r"is all zero"),
        (np.full((3, 3), np.nan), r"NaN or infinite"),
        (-np.eye(3), r"its smallest value is -1, and a kernel is nonnegative"),
        (np.ones((3, 3, 3)), r"has shape \(3, 3, 3\), and a kernel is \(height, width\)"),
        (np.ones((0, 3)), r"has shape \(0, 3\)"),
        (np.ones((3, 3), complex), r"holds complex128, and a kernel is made of real numbers"),
        (np.ones((3000, 3000), np.uint8), r"has some 9000000 values, more than max_pixels"),
        (np.array([object()]), r"not a readable \.npy file of plain numbers"),
    ],
)
def test_wrong_kernels(tmp_path: Path, values: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", values, allow_pickle=True)
    with pytest.raises(FileFormatError, match=message):
        read_kernel(tmp_path / "a.npy")


def _trail() -> np.ndarray:
    kernel = np.zeros((25, 25), np.uint8)
    kernel[np.arange(6, 20), np.arange(6, 20)] = 255
    kernel[12, 0:13] = 200  # to the border
    return kernel


def test_an_inverted_kernel_is_refused_unless_meant(tmp_path: Path) -> None:
    Image.fromarray(255 - _trail()).save(tmp_path / "k.png")
    with pytest.raises(
        FileFormatError, match=r"bright all along its border.*is it inverted.*bright_border=True"
    ):
        read_kernel(tmp_path / "k.png")
    with pytest.raises(FileFormatError, match="is it inverted"):
        KernelReader().read(tmp_path / "k.png")
    y = KernelReader(bright_border=True).read(tmp_path / "k.png").y
    assert torch.equal(y[0, 0], read_kernel(tmp_path / "k.png", bright_border=True))


@pytest.mark.parametrize(
    "kernel",
    [
        _trail(),
        np.ones((9, 9)),
        np.ones((1, 15)),
        np.hypot(*np.mgrid[-7:8, -7:8]) <= 7,  # a disc, cut tightly
        abs(np.hypot(*np.mgrid[-7:8, -7:8]) - 6) < 1.5,  # the ring of a mirror lens
        np.exp(-np.hypot(*np.mgrid[-3:4, -3:4]) / 9),
        np.eye(9) + np.eye(9)[::-1],
    ],
)
def test_a_kernel_that_reaches_its_border_is_not_called_inverted(tmp_path: Path, kernel: np.ndarray) -> None:
    np.save(tmp_path / "k.npy", kernel)
    assert read_kernel(tmp_path / "k.npy").shape == kernel.shape


def test_hostile_kernels(tmp_path: Path) -> None:
    Image.fromarray(DEEP.astype(np.uint8)).save(tmp_path / "colour.png")
    with pytest.raises(FileFormatError, match="is coloured"):
        read_kernel(tmp_path / "colour.png")
    np.savez(tmp_path / "two.npz", a=np.ones((2, 2)), b=np.ones((2, 2)))
    with pytest.raises(FileFormatError, match="holds 2 arrays"):
        read_kernel(tmp_path / "two.npz")
    np.savez_compressed(tmp_path / "bomb.npz", np.zeros((4000, 4000), np.float32))
    with pytest.raises(FileFormatError, match="more than max_pixels"):
        read_kernel(tmp_path / "bomb.npz", max_pixels=10_000)
    np.savez(tmp_path / "pickle.npz", np.array([object()]))
    with pytest.raises(FileFormatError, match=r"not a readable \.npz"):
        read_kernel(tmp_path / "pickle.npz")
    lie = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        lie, {"descr": "<f8", "fortran_order": False, "shape": (2**20, 2**20)}
    )
    (tmp_path / "lie.npy").write_bytes(lie.getvalue())
    with pytest.raises(FileFormatError, match=r"not a readable \.npy"):
        read_kernel(tmp_path / "lie.npy")
    (tmp_path / "junk.npz").write_bytes(b"PK\3\4 nonsense")
    with pytest.raises(FileFormatError, match=r"not a readable \.npz"):
        read_kernel(tmp_path / "junk.npz")
    with pytest.raises(FileFormatError, match=r"not a readable \.npy|cannot be opened"):
        read_kernel(tmp_path / "missing.npy")
