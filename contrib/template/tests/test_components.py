"""Every component of this pack keeps its promises: adjoints, declared structure, batches, gradients."""

from wellposed.testing import components, parametrize_with_checks


@parametrize_with_checks(components(pack="template"))
def test_component(component, check):
    check(component)
