"""What an installed component is tested on: constructor arguments and, where needed, where its inputs live.

A component's record names a zero-argument function that returns a hypothesis strategy of these (or of
plain dicts of constructor arguments), so that a pack is tested with no test code of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from wellposed.spaces import AnySpace


@attrs.frozen(eq=False)
class Example:
    """One way to build a component, and what it needs to be tried.

    Parameters
    ----------
    arguments
        Keyword arguments of the component's constructor.
    domain
        The space of the component's inputs, when the component does not know it.
    physics
        The physics that a reconstructor, sampler or loss is tried on; ``None`` takes the kit's own.
    expected_failures
        ``{check: reason}`` of checks that are known to fail on this example; strict.
    """

    arguments: Mapping[str, Any] = attrs.field(factory=dict)
    domain: AnySpace | None = None
    physics: Any = None
    expected_failures: Mapping[str, str] = attrs.field(factory=dict)

    @classmethod
    def of(cls, drawn: Example | Mapping[str, Any]) -> Example:
        """Return ``drawn`` itself, or wrap a plain dict of constructor arguments."""
        return drawn if isinstance(drawn, Example) else cls(dict(drawn))
