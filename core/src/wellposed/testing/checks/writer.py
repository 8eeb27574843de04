"""Writers: a file appears whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from wellposed.testing.case import Case as BaseCase
from wellposed.testing.case import Check, Failure, need


class Case(BaseCase):
    """A writer."""


def writes(case: Case) -> None:
    """Write a small grey image, change nothing of it, and leave nothing else behind."""
    need(case.component, "write")
    image = torch.rand(1, 1, 5, 6, generator=case.generator(1))
    before = image.clone()
    suffixes = tuple(getattr(case.component, "suffixes", (".png",)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{suffixes[0]}"
        case.component.write(path, image, {})
        if not path.exists() or path.stat().st_size == 0:
            raise Failure("write() left no file, or an empty one")
        # a format may be a pair, image.cfl and image.hdr
        mine = {f"image{suffix}" for suffix in suffixes}
        if strays := [p.name for p in Path(folder).iterdir() if p.name not in mine]:
            raise Failure(f"write() left {strays} behind")
    if not torch.equal(image, before):
        raise Failure("write() changes the image in place")


CHECKS = (Check("writes", writes),)
