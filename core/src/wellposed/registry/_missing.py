"""What to say when a name is not there: the cause, or the line that installs it, or the nearest names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from wellposed.errors import RegistryError
from wellposed.nearest import did_you_mean, nearest
from wellposed.registry._known import KNOWN, install_line
from wellposed.registry._packs import PackFailure


@attrs.frozen
class Missing:
    """Builds errors from what a registry knows; every method returns an error with its cause attached."""

    packs: tuple[str, ...]
    components: Iterable[str]
    failures: tuple[PackFailure, ...]
    disabled: Mapping[str, str]
    kind: str | None = None

    def component(self, name: str) -> RegistryError:
        """Return the error for a component name that is not in the table."""
        pack, dot, _ = name.partition(".")
        exact = [failure for failure in self.failures if failure.item == name]
        failures = exact or self._pack_failures(pack)
        if failures:
            return _caused_by(failures, f"{name!r} is not available: ")
        if dot and pack not in self.packs:
            text = self._absence(pack)
            if text:
                return RegistryError(f"{name!r} is not available: {text}")
        return RegistryError(f"There is no component {name!r}.{self._suggestion(name)}")

    def pack(self, name: str) -> RegistryError:
        """Return the error for a pack that is not loaded."""
        failures = self._pack_failures(name)
        if failures:
            return _caused_by(failures)
        known = [*self.packs, *KNOWN]
        text = f"There is no pack {name!r}; loaded: {', '.join(self.packs)}.{did_you_mean(name, known)}"
        return RegistryError(self._absence(name) or text)

    def _pack_failures(self, pack: str) -> list[PackFailure]:
        return [failure for failure in self.failures if failure.pack == pack and failure.item is None]

    def _absence(self, pack: str) -> str | None:
        if pack in self.disabled:
            return f"pack {pack!r} is installed, but {self.disabled[pack]} keeps it out."
        if pack in KNOWN:
            return f"pack {pack!r} ({KNOWN[pack]}) is not installed: {install_line(pack)}"
        return None

    def _suggestion(self, name: str) -> str:
        """Name what is near by what follows the prefix, the same pack first: prefixes alone are alike."""
        pack, dot, tail = name.partition(".")
        by_tail: dict[str, list[str]] = {}
        for known in self.components:
            by_tail.setdefault(known.partition(".")[2], []).append(known)
        close = [known for word in nearest(tail if dot else name, by_tail) for known in by_tail[word]]
        close.sort(key=lambda known: not known.startswith(f"{pack}."))
        if not close:
            return f" `wellposed list{f' {self.kind}' if self.kind else ''}` shows all."
        return f" Did you mean {' or '.join(map(repr, close[:3]))}?"


def _caused_by(failures: list[PackFailure], subject: str = "") -> RegistryError:
    error = RegistryError(f"{subject}{'; '.join(map(str, failures))}. `wellposed doctor` says more.")
    error.__cause__ = failures[0].error
    return error
