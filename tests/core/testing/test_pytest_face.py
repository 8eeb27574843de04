"""A stranger's pack gets its tests by three lines."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

THREE_LINES = """
import sys
sys.path.insert(0, {here!r})
from zoo.wrong_operators import ScaledAdjoint, Tilt
import torch
from wellposed import Space
from wellposed.testing import components, parametrize_with_checks

DOMAIN = Space((1, 6, 7), torch.float64)

@parametrize_with_checks(components(pack="core", kind="transform")[:1])
def test_installed(component, check):
    check(component)

@parametrize_with_checks([Tilt(), ScaledAdjoint()], domain=DOMAIN)
def test_mine(component, check):
    check(component)

@parametrize_with_checks([ScaledAdjoint()], domain=DOMAIN, expected_failures={{"adjoint": "on purpose"}})
def test_known(component, check):
    check(component)
"""


@pytest.fixture
def outcome(pytester):
    pytester.makepyfile(THREE_LINES.format(here=str(Path(__file__).parent)))
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-rA")


def test_each_check_of_each_component_is_a_test(outcome):
    text = outcome.stdout.str()
    assert "test_installed[core.cyclic_shifts-inverse]" in text
    assert "test_mine[Tilt-adjoint]" in text


def test_a_failure_says_what_and_how_to_reproduce_it(outcome):
    outcome.assert_outcomes(
        failed=1,
        xfailed=1,
        passed=outcome.parseoutcomes()["passed"],
        skipped=outcome.parseoutcomes()["skipped"],
    )
    outcome.stdout.fnmatch_lines(
        ["*A_adjoint is not the adjoint of A: scaled by 2*", "*reproduce: wellposed.testing.check(obj*"]
    )


def test_a_known_failure_is_an_xfail_with_its_reason(outcome):
    outcome.stdout.fnmatch_lines(["XFAIL*test_known[[]ScaledAdjoint-adjoint[]]*on purpose*"])
