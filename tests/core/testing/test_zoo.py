"""The kit is tested as it tests: wrong components are caught by their own check alone, right ones pass."""

from __future__ import annotations

import re

import pytest
from zoo import (
    lying_operators,
    right_operators,
    right_others,
    wrong_habits,
    wrong_judges,
    wrong_methods,
    wrong_noise,
    wrong_operators,
)

from wellposed.testing import check

WRONG = [
    entry
    for module in (wrong_operators, wrong_habits, lying_operators, wrong_noise, wrong_methods, wrong_judges)
    for entry in module.cage.entries
]
RIGHT = [*right_operators.cage.entries, *right_others.cage.entries]


@pytest.mark.parametrize("entry", [pytest.param(e, id=e.name) for e in WRONG])
def test_a_wrong_component_is_caught_by_its_own_check_and_no_other(entry):
    report = check(entry.make(), **entry.options)
    assert report.failed == {entry.check}, str(report)
    assert re.search(entry.message, report[entry.check].message), report[entry.check].message


@pytest.mark.parametrize("entry", [pytest.param(e, id=e.name) for e in RIGHT])
def test_a_right_component_of_unusual_kind_passes(entry):
    report = check(entry.make(), **entry.options)
    assert report.ok, str(report)
    assert any(r.status == "passed" for r in report.results)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_other_seeds_find_the_same(seed):
    for entry in [*WRONG[::7], *RIGHT[::5]]:
        report = check(entry.make(), seed=seed, **entry.options)
        assert report.failed == ({entry.check} if entry.check else frozenset()), str(report)


def test_the_zoo_is_large_and_has_every_check():
    from wellposed.testing import checks_of
    from wellposed.testing.table import BUILTIN

    assert len(WRONG) >= 30
    assert len(RIGHT) >= 20
    assert len({e.name for e in (*WRONG, *RIGHT)}) == len(WRONG) + len(RIGHT)
    caught = {e.check for e in WRONG}
    known = {c.name for kind in BUILTIN for c in checks_of(kind)}
    # `device` needs an accelerator; `reads` and `absent` are a missing method and a missing file
    assert known - caught <= {"device", "reads", "absent"}
