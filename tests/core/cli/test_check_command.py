"""``wellposed check`` on packs of which some parts are broken."""

from __future__ import annotations

import json
import sys

import pytest

from wellposed import registry as registry_module
from wellposed.cli import main

PACK = """
from wellposed.plugins import Component, hookimpl

@hookimpl
def components():
    yield Component(kind="transform", name="aa.absent", target="nowhere:Shift", summary="Absent.")
    yield Component(kind="transform", name="{}.wrong", target="nowhere:Shift", summary="Wrong prefix.")
    {}
"""
TARGET = "wellposed.transforms:CyclicShifts"
GOOD = f'yield Component(kind="transform", name="aa.shift", target={TARGET!r}, summary="Good.")'


@pytest.fixture
def wellposed(fakes, monkeypatch, capsys):
    def run(*args):
        monkeypatch.setattr(registry_module, "_default", fakes.discover())
        code = main(args)
        out, err = capsys.readouterr()
        return code, out, err

    return run


def test_one_broken_component_does_not_end_the_check_of_a_pack(wellposed, fakes):
    fakes.add("aa", PACK.format("bb", GOOD))
    code, out, _ = wellposed("check", "aa")
    assert code == 1
    assert "FAILED loads: 'bb.wrong' of pack 'aa'" in out
    assert "FAILED constructs: 'aa.absent' of pack 'aa' (wellposed-aa 1.0) cannot be imported" in out
    assert "Traceback" not in out
    assert out.splitlines()[-1] == "1 of 3 passed; FAILED: bb.wrong, aa.absent"
    code, out, _ = wellposed("check", "aa", "--json")
    assert [(r["component"], r["ok"]) for r in json.loads(out)] == [
        ("bb.wrong", False), ("aa.absent", False), ("aa.shift", True),
    ]  # fmt: skip


def test_what_is_not_there_does_not_end_the_check_of_the_rest(wellposed, fakes):
    fakes.add("aa", PACK.format("aa", GOOD))
    code, out, _ = wellposed("check", "zz", "aa.shift")
    assert code == 1
    assert "FAILED loads: There is no pack 'zz'" in out
    assert wellposed("check", "aa.shift")[0] == 0


def test_nothing_could_be_checked(wellposed, fakes, source):
    fakes.add("aa", source("bb.x"))
    code, out, _ = wellposed("check", "aa")
    assert (code, "bb.x" in out) == (3, True)


def test_a_bug_of_the_kit_in_one_component_is_its_failure(wellposed, fakes, monkeypatch):
    from wellposed.testing import Report, Result

    def check(name, **_):
        if name == "aa.absent":
            raise TypeError("a bug")
        return Report(name, "transform", [Result("ok", "passed")])

    monkeypatch.setattr("wellposed.testing.check", check)
    fakes.add("aa", PACK.format("aa", GOOD))
    code, out, _ = wellposed("check", "aa")
    assert code == 1
    assert "FAILED runs: it cannot be checked: TypeError: a bug" in out
    assert "reproduce: wellposed check aa.absent --seed 0" in out
    with pytest.raises(TypeError):
        wellposed("check", "aa.absent")


def test_hypothesis_is_asked_for_in_one_sentence(wellposed, fakes, monkeypatch):
    fakes.good("aa")
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    code, out, err = wellposed("check", "aa.thing")
    assert (code, out) == (3, "")
    assert err == 'Error: `wellposed check` needs hypothesis: pip install "wellposed[testing]"\n'


def test_an_output_in_the_way_names_the_option(tmp_path, capsys):
    (tmp_path / "a.safetensors").write_text("")
    args = ["simulate", str(tmp_path / "photo.png"), "-o", str(tmp_path / "a.safetensors")]
    assert main(args) == 4
    err = capsys.readouterr().err
    assert "pass --force or another name" in err
    assert "overwrite" not in err


def test_the_nearest_names_are_those_of_the_kind(tmp_path, capsys):
    pytest.importorskip("wellposed_optim")
    for name, said in (
        ("optim.wavelet_prio", "Did you mean 'optim.wavelet'"),
        ("nope", "list reconstructor`"),
    ):
        assert main(["compare", "y.safetensors", "-m", name, "-o", str(tmp_path / "out")]) == 3
        err = capsys.readouterr().err
        assert said in err
        assert "wavelet_prior'" not in err


def test_a_check_is_run_on_those_of_a_pack_that_have_it(wellposed, fakes, source):
    fakes.add("aa", PACK.format("aa", GOOD))
    fakes.good("cc")
    code, out, _ = wellposed("check", "aa.shift", "cc", "--check", "inverse")
    assert (code, out.startswith("aa.shift"), "cc.thing" in out) == (0, True, False)
    code, _, err = wellposed("check", "aa.shift", "cc", "--check", "invers")
    assert (code, "Did you mean 'inverse'" in err) == (2, True)
