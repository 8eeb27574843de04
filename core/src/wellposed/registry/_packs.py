"""Plain values of discovery: what loaded, and what did not and why."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from wellposed.plugins import Command, Component, Kind, ReportSection

Stage = Literal["metadata", "duplicate", "requirements", "import", "hooks", "components", "target", "switch"]
"""How far a pack came: metadata, name, API range, import, hooks, records, what the records point at;
``switch`` stands for a pack that an environment variable names and nobody has installed."""

CURES: dict[str, str] = {
    "metadata": "reinstall the distribution: pip install --force-reinstall {dist}",
    "duplicate": "uninstall one of the distributions, or rename its entry point",
    "requirements": "install versions that fit: pip install --upgrade wellposed {dist}",
    "import": "install what it misses, or report the error to the pack's authors; "
    "WELLPOSED_DISABLE_PLUGINS={pack} silences it",
    "hooks": "the pack's _plugin.py must follow wellposed.plugins.Hooks; report it to the pack's authors",
    "components": "the pack's _plugin.py yields a wrong record; report it to the pack's authors",
    "switch": "install the pack, or correct WELLPOSED_PLUGINS",
    "target": "install what the target misses, or report the error to the pack's authors",
}


@attrs.frozen
class Pack:
    """A pack that loaded: its name (the components' prefix), its distribution, and its records."""

    name: str
    dist: str
    version: str
    module: str
    hooks: Any = attrs.field(repr=False, eq=False)
    components: tuple[Component, ...] = attrs.field(default=(), repr=False)
    kinds: tuple[Kind, ...] = attrs.field(default=(), repr=False)
    commands: tuple[Command, ...] = attrs.field(default=(), repr=False)
    report_sections: tuple[ReportSection, ...] = attrs.field(default=(), repr=False)

    def failure(self, stage: Stage, error: BaseException, item: str | None = None) -> PackFailure:
        """Return the failure of this pack, or of its record ``item``, at ``stage``."""
        return PackFailure(self.name, self.dist, self.version, stage, error, item)


@attrs.frozen
class PackFailure:
    """Why a pack, or one record of it (``item``), is not available.

    The registry goes on without it; whoever uses it gets this as the cause.
    """

    pack: str
    dist: str
    version: str
    stage: Stage
    error: BaseException = attrs.field(eq=False)
    item: str | None = None

    @property
    def cause(self) -> str:
        """The error in one line."""
        text = " ".join(str(self.error).split())
        kind = type(self.error).__name__
        return f"{kind}: {text}" if text else kind

    @property
    def fix(self) -> str:
        """What to do about it."""
        return CURES[self.stage].format(pack=self.pack, dist=self.dist or self.pack)

    def __str__(self) -> str:
        """Return one sentence with the pack, the stage and the cause."""
        what = f"pack {self.pack!r}" if self.item is None else f"{self.item!r} of pack {self.pack!r}"
        source = f"{self.dist} {self.version}".strip()
        return f"{what} ({source}) failed at {self.stage}: {self.cause}"
