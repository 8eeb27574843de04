"""The conformance kit on everything that this pack registers."""

from __future__ import annotations

from wellposed.testing import components, parametrize_with_checks


@parametrize_with_checks(components(pack="mri"))
def test_conforms(component, check):
    check(component)
