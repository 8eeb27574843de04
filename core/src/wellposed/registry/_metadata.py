"""Who claims to be a pack: read from distribution metadata, before anything of it is imported.

``importlib.metadata.entry_points()`` is not used, because one distribution with a damaged
``entry_points.txt`` makes it raise for all.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator
from importlib import metadata

import attrs

from wellposed.errors import RegistryError
from wellposed.plugins import GROUP
from wellposed.registry._packs import PackFailure, Stage


@attrs.frozen
class Claim:
    """A distribution's claim on a pack name."""

    pack: str
    dist: str
    version: str
    entry: metadata.EntryPoint
    requires: tuple[str, ...] = ()

    def failure(self, stage: Stage, error: BaseException, item: str | None = None) -> PackFailure:
        """Return the failure of this claim at ``stage``."""
        return PackFailure(self.pack, self.dist, self.version, stage, error, item)


def claims() -> Iterator[Claim | PackFailure]:
    """Yield every claim of the installed distributions; of two copies on the path, the first counts."""
    seen: set[str] = set()
    for dist in metadata.distributions():
        try:
            yield from _claims_of(dist, seen)
        except Exception as error:
            where = str(getattr(dist, "_path", "?"))
            yield PackFailure("?", where, "?", "metadata", error)


def _claims_of(dist: metadata.Distribution, seen: set[str]) -> Iterator[Claim]:
    text = dist.read_text("entry_points.txt")
    if not text or GROUP not in text:
        return
    entries = [entry for entry in dist.entry_points if entry.group == GROUP]
    fields = dist.metadata
    name, version = fields["Name"], fields["Version"]
    if not name or not version:
        raise RegistryError(f"{getattr(dist, '_path', dist)} has no Name or Version in its METADATA.")
    if _canonical(name) in seen:
        return
    seen.add(_canonical(name))
    requires = tuple(fields.get_all("Requires-Dist") or ())
    for entry in entries:
        yield Claim(entry.name, name, version, entry, requires)


_PLAIN = re.compile(r"wellposed\s*\(?(?P<range>(?:(?:>=|<=|<|>)\s*\d+(?:\.\d+)*\s*,?\s*)+)\)?")
_NAME = re.compile(r"[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?")
_OF_AN_EXTRA = re.compile(r";\s*extra\s*==\s*[\"'][^\"']*[\"']\s*$")
_BOUND = re.compile(r"(>=|<=|<|>)\s*([\d.]+)")
_COMPARE = {">=": operator.ge, "<=": operator.le, "<": operator.lt, ">": operator.gt}


def check_range(claim: Claim, version: str) -> None:
    """Raise :class:`RegistryError` unless the claim's requirement on ``wellposed`` admits ``version``.

    A distribution that states no requirement is let in: there is nothing to compare with.
    """
    for line in claim.requires:
        if not _admits(line, version):
            raise RegistryError(
                f"{claim.dist} {claim.version} needs wellposed{_range(line)}, "
                f"but wellposed {version} is installed."
            )


def _admits(line: str, version: str) -> bool:
    """Whether a requirement is not on ``wellposed``, or admits ``version``."""
    name = _NAME.match(line)
    if (name is not None and _canonical(name[0]) != "wellposed") or _OF_AN_EXTRA.search(line):
        return True
    plain = _PLAIN.fullmatch(line)
    if plain and re.fullmatch(r"\d+(\.\d+)*", version):
        bounds = _BOUND.findall(plain["range"])
        return all(_COMPARE[sign](_release(version), _release(bound)) for sign, bound in bounds)
    # Anything but numbers and inequalities is the standard's business, whose parser costs 30 ms to import
    from packaging.requirements import Requirement

    requirement = Requirement(line)
    if _canonical(requirement.name) != "wellposed":
        return True
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return True
    return requirement.specifier.contains(version, prereleases=True)


def _range(line: str) -> str:
    return re.sub(r"^[A-Za-z]+|[\s()]", "", line.partition(";")[0])


def _release(version: str) -> tuple[int, ...]:
    numbers = [int(part) for part in version.strip(".").split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
