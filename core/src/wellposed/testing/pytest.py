"""The kit in pytest: one test per component and check, in three lines of a stranger's pack.

>>> from wellposed.testing import components, parametrize_with_checks
>>> @parametrize_with_checks(components(pack="core", kind="noise"))
... def test_component(component, check):
...     check(component)

Hypothesis profiles ``wellposed`` (the default) and ``wellposed-thorough`` say how many examples are drawn:
``pytest --hypothesis-profile=wellposed-thorough``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import attrs
import hypothesis
import pytest

from wellposed.testing.check import check as run_check
from wellposed.testing.construct import CONSTRUCTS
from wellposed.testing.kinds import kind_of
from wellposed.testing.report import Report
from wellposed.testing.table import checks_of

if TYPE_CHECKING:
    from wellposed.registry import Registry

__all__ = ["components", "parametrize_with_checks"]

EXAMPLES = 4

hypothesis.settings.register_profile("wellposed", derandomize=True, deadline=None, max_examples=EXAMPLES)
hypothesis.settings.register_profile("wellposed-thorough", derandomize=True, deadline=None, max_examples=50)


def components(
    pack: str | None = None, kind: str | None = None, registry: Registry | None = None
) -> list[str]:
    """Return the names of registered components, of one pack or one kind when given."""
    from wellposed import registry as registries

    source = registry or registries.default()
    return [record.name for record in source.components(pack=pack, kind=kind)]


def parametrize_with_checks(
    subjects: Iterable[Any], *, seed: int = 0, registry: Registry | None = None, **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Parametrise ``def test(component, check): check(component)`` over components × checks.

    Parameters
    ----------
    subjects
        Names of registered components, or objects.
    seed, registry, options
        As for :func:`wellposed.testing.check`; ``domain`` for objects that know none.

    Notes
    -----
    Each component is checked once, when its first test runs. A check that does not apply passes; one that
    rests on a failed one is skipped, and a known failure is an xfail, both with their reasons.
    """
    cases = [
        pytest.param(subject, _One(name, runner), id=f"{runner.label}-{name}")
        for subject, runner in ((s, _Runner(s, seed, registry, options)) for s in subjects)
        for name in runner.names()
    ]
    return pytest.mark.parametrize(("component", "check"), cases)


@attrs.define
class _Runner:
    """Checks one component on first use."""

    subject: Any
    seed: int
    registry: Registry | None
    options: dict[str, Any]
    _report: Report | None = None

    @property
    def label(self) -> str:
        return self.subject if isinstance(self.subject, str) else type(self.subject).__name__

    def names(self) -> list[str]:
        built = [CONSTRUCTS] if isinstance(self.subject, str) else []
        return built + [check.name for check in checks_of(self._kind(), self.registry)]

    def _kind(self) -> str:
        if not isinstance(self.subject, str):
            return str(self.options.get("kind") or kind_of(self.subject))
        from wellposed import registry as registries

        return (self.registry or registries.default()).component(self.subject).kind

    def report(self) -> Report:
        if self._report is None:
            options = {"max_examples": _examples(), **self.options}
            self._report = run_check(self.subject, seed=self.seed, registry=self.registry, **options)
        return self._report


@attrs.frozen
class _One:
    """One check of one component, to be called by the test."""

    name: str
    runner: _Runner

    def __call__(self, component: Any) -> None:
        result = self.runner.report()[self.name]
        if result.status == "failed":
            pytest.fail(f"{result.message}\nreproduce: {result.reproduce}", pytrace=False)
        if result.status == "expected":
            pytest.xfail(result.message)
        if result.message.startswith("not run, since"):
            pytest.skip(result.message)


def _examples() -> int:
    profile = hypothesis.settings.get_current_profile_name()
    return hypothesis.settings().max_examples if profile.startswith("wellposed") else EXAMPLES
