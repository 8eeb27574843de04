"""The kit is tested as it tests: each wrong component is caught by its own check, and by no other."""

from __future__ import annotations

import re

import pytest
from zoo import wrong_operators

from wellposed.testing import check

WRONG = [*wrong_operators.cage.entries]


@pytest.mark.parametrize("entry", [pytest.param(e, id=e.name) for e in WRONG])
def test_a_wrong_component_is_caught_by_its_own_check_and_no_other(entry):
    report = check(entry.make(), **entry.options)
    assert report.failed == {entry.check}, str(report)
    assert re.search(entry.message, report[entry.check].message), report[entry.check].message


def test_the_zoo_is_large():
    assert len(WRONG) >= 30
    assert len({e.name for e in WRONG}) == len(WRONG)
