"""Endings such as ``.mat`` belong to several packs: where the method's pack reads them, it alone is asked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from wellposed.errors import FileFormatError
from wellposed.measurement import Measurement
from wellposed.runs._photos import read_photo
from wellposed.spaces import Space


class Reads:
    def __init__(self, name, accepts):
        self.name, self.accepts = name, accepts

    def read(self, path):
        if not self.accepts:
            raise FileFormatError(f"{path}: not a file of {self.name}")
        return Measurement(torch.zeros(1, 1, 2, 2), meta={"reader": self.name})


def registry(**readers):
    return SimpleNamespace(
        for_file=lambda kind, path: [f"{name}.reader" for name in readers],
        create=lambda name: Reads(name.partition(".")[0], readers[name.partition(".")[0]]),
    )


@pytest.mark.parametrize(("prefer", "expected"), [(None, "ct"), ("mri", "mri"), ("optim", "ct")])
def test_the_pack_of_the_method_reads_first(prefer, expected):
    assert read_photo("a.mat", registry(ct=True, mri=True), prefer=prefer).meta["reader"] == expected


def test_a_reader_that_refuses_leaves_the_file_to_the_next():
    assert read_photo("a.mat", registry(ct=False, mri=True)).meta["reader"] == "mri"


def test_when_all_refuse_the_preferred_one_says_why():
    with pytest.raises(FileFormatError, match="not a file of mri"):
        read_photo("a.mat", registry(ct=False, mri=False), prefer="mri")


def test_a_named_reader_is_the_only_one():
    with pytest.raises(FileFormatError, match="not a file of chosen"):
        read_photo("a.mat", registry(ct=True), reader=Reads("chosen", False))


def test_the_physics_tells_whose_file_is_written():
    from wellposed.cli._saving import _home
    from wellposed.operators import Identity

    measured = Measurement(torch.zeros(1, 1, 2, 2), Identity(Space((1, 2, 2))))
    assert _home(measured, "ct.fbp") == "ct"  # an operator of the core says nothing
    foreign = SimpleNamespace(operator=type("Scan", (), {"__module__": "wellposed_mri.encoding"})())
    assert _home(SimpleNamespace(physics=foreign), "optim.tv") == "mri"


def test_what_a_reader_of_the_methods_pack_refuses_no_other_pack_takes_for_its_own():
    with pytest.raises(FileFormatError, match="not a file of mri"):
        read_photo("a.npy", registry(ct=True, mri=False), prefer="mri")
