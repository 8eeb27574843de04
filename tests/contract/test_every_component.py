"""Every component that is installed keeps every promise of its kind."""

from __future__ import annotations

from wellposed.testing import components, parametrize_with_checks


@parametrize_with_checks(components())
def test_component(component, check):
    check(component)
