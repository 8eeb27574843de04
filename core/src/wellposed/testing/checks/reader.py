"""Readers: a file that is not what they expect is one clear error, and never a crash."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from wellposed.errors import FileFormatError
from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Failure, need


class Case(BaseCase):
    """A reader."""


def reads(case: Case) -> None:
    """Offer ``read(path)``."""
    need(case.component, "read")


def damaged(case: Case) -> None:
    """Raise ``FileFormatError`` on garbage, on an empty file and on a truncated start of a known format."""
    generator = case.generator(1)
    noise = bytes(torch.randint(0, 256, (512,), generator=generator, dtype=torch.uint8).tolist())
    contents = {"garbage": noise, "an empty file": b""}
    for magic in (
        b"\x89PNG\r\n\x1a\n",
        b"\x89HDF\r\n\x1a\n",
        b"II*\x00",
        b"PK\x03\x04",
        b"\x93NUMPY\x01\x00",
    ):
        contents[f"garbage that begins like {magic[:4]!r}"] = magic + noise
    suffixes = getattr(case.component, "suffixes", (".dat",))
    with tempfile.TemporaryDirectory() as folder:
        for what, content in contents.items():
            path = Path(folder) / f"file{next(iter(suffixes), '.dat')}"
            path.write_bytes(content)
            _expect_refusal(case, path, what)


def absent(case: Case) -> None:
    """Say that a file does not exist as an ``OSError``."""
    try:
        case.component.read("/no/such/file.dat")
    except (OSError, FileFormatError):
        return
    raise Failure("read() of a file that does not exist returns something")


def _expect_refusal(case: Case, path: Path, what: str) -> None:
    try:
        case.component.read(path)
    except FileFormatError:
        return
    except Exception as error:
        raise Failure(f"{what} raises {type(error).__name__} instead of FileFormatError: {error}") from error
    raise Failure(f"{what} is read without complaint; raise FileFormatError")


CHECKS = (
    Check("reads", reads),
    Check("damaged", damaged, after=("reads",)),
    Check("absent", absent, after=("reads",)),
)
