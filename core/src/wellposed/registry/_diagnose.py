"""What `wellposed doctor` asks of every record: whether it points at something that imports.

Discovery never imports a target, so a missing one is found here, or when somebody uses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from wellposed.registry._packs import Pack, PackFailure
from wellposed.registry._targets import resolve

if TYPE_CHECKING:
    from wellposed.registry._registry import Registry


def target_failures(registry: Registry) -> list[PackFailure]:
    """Import every target of every record and return what failed, one failure a record."""
    from wellposed.testing.table import KindChecks

    failures, kit = [], _has_kit()
    for pack in registry.packs:
        for item, target in _targets(pack, kit):
            try:
                found = resolve(target)
                if not callable(found) and not isinstance(found, KindChecks):
                    raise TypeError(f"{target} is a {type(found).__name__}, which cannot be called")
            except (Exception, SystemExit) as error:
                failures.append(pack.failure("target", error, item))
    return failures


def _has_kit() -> bool:
    """Whether ``wellposed[testing]`` is installed, for which alone examples and checks are."""
    try:
        import hypothesis  # noqa: F401
    except ImportError:
        return False
    return True


def _targets(pack: Pack, kit: bool) -> Iterator[tuple[str, str]]:
    for component in pack.components:
        yield component.name, component.target
        if component.examples and kit:
            yield component.name, component.examples
    for command in pack.commands:
        yield command.name, command.target
    for section in pack.report_sections:
        yield section.name, section.target
    for kind in pack.kinds:
        checks = kind.checks if kit else None
        yield from ((kind.name, target) for target in (kind.protocol, checks) if target)
