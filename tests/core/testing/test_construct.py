"""A constructor that raises is a finding about the component, told where its author can act on it."""

from __future__ import annotations

import sys
import textwrap

import pytest

from wellposed import registry
from wellposed.errors import RegistryError
from wellposed.plugins import Component
from wellposed.testing import check

pytest_plugins = ["pytester"]

STRANGER = """
    import torch
    from hypothesis import strategies as st
    from wellposed import LinearOperator, Space

    class Taken(LinearOperator):
        def __init__(self, h):
            super().__init__(Space((1, 2, 3)), Space((1, 2, 3)))
            self.register_buffer("H", h)

    class Sometimes(LinearOperator):
        def __init__(self, n):
            space = Space((1, 2, 3), torch.float64)
            super().__init__(space, space)
            self.n = 1 // n

        def _forward(self, x):
            return self.n * x

        def _adjoint(self, y):
            return self.n * y

    class Late(LinearOperator):
        def __init__(self, h):
            self.register_buffer("h", h)

    def taken():
        return st.just({"h": torch.ones(2)})

    def sometimes():
        return st.sampled_from([{"n": 1}, {"n": 0}])

    def broken():
        raise OSError("no phantom here")
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    (tmp_path / "construct_stranger.py").write_text(textwrap.dedent(STRANGER))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield registry.isolated()
    sys.modules.pop("construct_stranger", None)


def add(mine, target, examples=None):
    where = None if examples is None else f"construct_stranger:{examples}"
    target = f"construct_stranger:{target}"
    mine.add(Component(kind="physics", name="zoo.it", target=target, summary="It.", examples=where))
    return mine


def test_a_taken_name_is_told_with_the_authors_line_and_a_hint(mine):
    report = check("zoo.it", registry=add(mine, "Taken", "taken"))
    assert report.failed == {"constructs"}
    assert "attribute 'H' already exists" in report["constructs"].message
    assert "at construct_stranger.py:9." in report["constructs"].message
    assert "'H' is a name of the base class" in report["constructs"].message
    assert report["constructs"].reproduce == "wellposed check zoo.it --seed 0 --check constructs"
    assert report["adjoint"].message == "not run, since constructs failed"


def test_one_check_alone(mine):
    add(mine, "Taken", "taken")
    assert [r.check for r in check("zoo.it", registry=mine, checks=["constructs"]).results] == ["constructs"]
    assert check("zoo.it", registry=mine, checks=["adjoint"]).failed == {"constructs"}


def test_the_examples_that_can_be_built_are_checked(mine):
    report = check("zoo.it", registry=add(mine, "Sometimes", "sometimes"), max_examples=10)
    assert report.failed == {"constructs"}
    assert "ZeroDivisionError" in report["constructs"].message
    assert report["constructs"].message.endswith("at construct_stranger.py:15 [with n=0]")
    assert report["adjoint"].status == "passed"


@pytest.mark.parametrize(
    ("target", "examples", "message"),
    [
        ("Sometimes", "broken", "OSError: no phantom here at construct_stranger.py:"),
        ("Taken", None, "Its record names no examples"),
        ("Absent", "taken", "'zoo.it' cannot be imported from construct_stranger:Absent"),
        ("Late", "taken", "Call super().__init__(…) first"),
    ],
)
def test_whatever_stops_a_component_from_being_built_is_its_failure(mine, target, examples, message):
    report = check("zoo.it", registry=add(mine, target, examples))
    assert report.failed == {"constructs"}
    assert message in report["constructs"].message


def test_hypothesis_is_asked_for(mine, monkeypatch):
    add(mine, "Taken", "taken")
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(RegistryError, match=r'needs hypothesis: pip install "wellposed\[testing\]"'):
        check("zoo.it", registry=mine)


def test_in_pytest_it_is_one_failed_test_and_the_others_are_skipped(pytester):
    pytester.makepyfile(construct_stranger=textwrap.dedent(STRANGER))
    pytester.makepyfile(
        """
        from wellposed import registry
        from wellposed.plugins import Component
        from wellposed.testing import parametrize_with_checks

        mine = registry.isolated().add(Component(
            kind="physics", name="zoo.it", target="construct_stranger:Taken", summary="It.",
            examples="construct_stranger:taken",
        ))

        @parametrize_with_checks(["zoo.it"], registry=mine)
        def test_it(component, check):
            check(component)
        """
    )
    outcome = pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rA")
    found = outcome.parseoutcomes()
    assert (found["failed"], found.get("passed", 0)) == (1, 0)
    assert found["skipped"] > 5
    outcome.stdout.fnmatch_lines(["*'H' already exists*construct_stranger.py:8*"])
