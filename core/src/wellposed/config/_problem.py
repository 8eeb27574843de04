"""The composed objects by name."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any


class Problem(Mapping[str, Any]):
    """Objects that a configuration describes: ``problem.blur`` or ``problem["blur"]``.

    Read-only. ``config`` returns the configuration that makes the same objects again, with the versions
    of the distributions that made them.
    """

    def __init__(self, objects: Mapping[str, Any], config: Mapping[str, Any]) -> None:
        self._objects = dict(objects)
        self._config = copy.deepcopy(dict(config))

    @property
    def config(self) -> dict[str, Any]:
        """A copy of the configuration, versions included."""
        return copy.deepcopy(self._config)

    @property
    def versions(self) -> dict[str, str]:
        """``{distribution: version}`` of everything that made the objects."""
        return dict(self._config["wellposed"]["versions"])

    def __getitem__(self, name: str) -> Any:
        """Return the object called ``name``."""
        return self._objects[name]

    def __getattr__(self, name: str) -> Any:
        """Return the object called ``name``."""
        if not name.startswith("_") and name in self._objects:
            return self._objects[name]
        raise AttributeError(f"the problem has no {name!r}; it has: {', '.join(self._objects) or 'nothing'}.")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, in the order of the configuration."""
        return iter(self._objects)

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self._objects)

    def __dir__(self) -> list[str]:
        """Offer the names to completion."""
        return [*super().__dir__(), *self._objects]

    def __repr__(self) -> str:
        """Show names and components."""
        rows = (f"{key}={self._config[key]['name']}" for key in self._objects)
        return f"Problem({', '.join(rows)})"
