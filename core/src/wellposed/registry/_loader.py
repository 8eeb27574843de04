"""Find packs and load their records; nothing a pack does wrong stops the others.

pluggy's own ``load_setuptools_entrypoints`` is eager, dies with the first broken pack, drops duplicates
silently and leaves half-registered plugins; so each pack gets a plugin manager of its own, and enters
the result only when all of it is sound.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping
from importlib import metadata
from typing import Any

import attrs
import pluggy

from wellposed import plugins
from wellposed.errors import RegistryError
from wellposed.nearest import did_you_mean
from wellposed.plugins import RECORDS, Hooks
from wellposed.registry._importing import load_plugin
from wellposed.registry._metadata import Claim, check_range, claims
from wellposed.registry._packs import Pack, PackFailure, Stage

_CORE = metadata.EntryPoint("core", "wellposed._plugin", plugins.GROUP)


@attrs.frozen
class Found:
    """What one discovery saw."""

    packs: tuple[Pack, ...]
    failures: tuple[PackFailure, ...]
    disabled: Mapping[str, str]


def discover(version: str, environ: Mapping[str, str] | None = None) -> Found:
    """Load every pack that the metadata and the switches admit, in sorted order. Never raises."""
    environ = os.environ if environ is None else environ
    failures: list[PackFailure] = []
    by_pack: dict[str, list[Claim]] = defaultdict(list)
    for claim in claims():
        if isinstance(claim, PackFailure):
            failures.append(claim)
        else:
            by_pack[claim.pack].append(claim)
    failures += _take_core(by_pack, version)
    if not failures:  # else what is damaged may well be what was asked for
        failures += _unknown(by_pack, environ)
    packs: list[Pack] = []
    disabled: dict[str, str] = {}
    for name in sorted(by_pack, key=lambda pack: (pack != "core", pack)):
        reason = _switched_off(name, environ)
        if reason:
            disabled[name] = reason
        else:
            pack, troubles = _load_alone(by_pack[name], version)
            packs += [pack] if pack else []
            failures += troubles
    return Found(tuple(packs), tuple(failures), disabled)


def _take_core(by_pack: dict[str, list[Claim]], version: str) -> list[PackFailure]:
    """Make the core its own pack, installed or run from source; nobody else may take its name."""
    strangers = [claim for claim in by_pack["core"] if claim.dist != "wellposed"]
    by_pack["core"] = [Claim("core", "wellposed", version, _CORE)]
    text = "the pack name 'core' belongs to wellposed; {} may not use it."
    return [claim.failure("duplicate", RegistryError(text.format(claim.dist))) for claim in strangers]


def _switched_off(pack: str, environ: Mapping[str, str]) -> str | None:
    """Return why the environment's switches keep ``pack`` out, or ``None``."""
    allowed = environ.get("WELLPOSED_PLUGINS")
    refused = environ.get("WELLPOSED_DISABLE_PLUGINS", "")
    if pack == "core":
        return None
    if pack in _words(refused):
        return f"WELLPOSED_DISABLE_PLUGINS={refused}"
    if allowed is not None and pack not in _words(allowed):
        return f"WELLPOSED_PLUGINS={allowed}"
    return None


def _unknown(by_pack: Mapping[str, list[Claim]], environ: Mapping[str, str]) -> list[PackFailure]:
    """Return a failure for each pack that WELLPOSED_PLUGINS names and no distribution brings."""
    asked = _words(environ.get("WELLPOSED_PLUGINS", ""))
    text = "WELLPOSED_PLUGINS names {!r}, a pack that is unknown: no installed distribution brings it.{}"
    return [
        PackFailure(
            pack,
            "",
            "not installed",
            "switch",
            RegistryError(text.format(pack, did_you_mean(pack, by_pack.keys() - {"core"}))),
        )
        for pack in sorted(asked - set(by_pack) - {"core"})
    ]


def _words(text: str) -> set[str]:
    return {word.strip() for word in text.split(",") if word.strip()}


def _load_alone(group: list[Claim], version: str) -> tuple[Pack | None, list[PackFailure]]:
    """Load the pack that has one claim; quarantine all claims on a name that several make."""
    if len(group) > 1:
        owners = " and ".join(sorted(f"{claim.dist} {claim.version}" for claim in group))
        error = RegistryError(f"{owners} both claim the pack name {group[0].pack!r}; neither is used.")
        return None, [claim.failure("duplicate", error) for claim in group]
    return _load(group[0], version)


def _load(claim: Claim, version: str) -> tuple[Pack | None, list[PackFailure]]:
    stage: Stage = "requirements"
    try:
        check_range(claim, version)
        stage = "import"
        module = load_plugin(claim.entry)
    except (Exception, SystemExit) as error:
        return None, [claim.failure(stage, error)]
    return interrogate(claim, module)


def interrogate(claim: Claim, plugin: object) -> tuple[Pack | None, list[PackFailure]]:
    """Ask an imported plugin (a module, or any object with hook implementations) for its records."""
    stage: Stage = "hooks"
    try:
        hooks = _hooks_of(plugin)
        stage = "components"
        asked = {name: _ask(hooks, name) for name in RECORDS}
    except (Exception, SystemExit) as error:
        return None, [claim.failure(stage, error)]
    kept, failures = _sound(claim, asked)
    return Pack(claim.pack, claim.dist, claim.version, claim.entry.value, hooks, **kept), failures


def _hooks_of(plugin: object) -> Any:
    """Register ``plugin`` in a manager of its own; raises on unknown hooks and wrong arguments."""
    manager = pluggy.PluginManager("wellposed")
    manager.add_hookspecs(Hooks)
    manager.register(plugin)
    manager.check_pending()
    if not manager.get_hookcallers(plugin):
        raise RegistryError(
            f"{getattr(plugin, '__name__', plugin)} implements no hook; mark its functions with "
            "wellposed.plugins.hookimpl."
        )
    return manager.hook


def _ask(hooks: Any, name: str) -> list[Any]:
    return [record for answer in getattr(hooks, name)() for record in answer]


def _sound(claim: Claim, asked: Mapping[str, list[Any]]) -> tuple[dict[str, Any], list[PackFailure]]:
    """Split what a pack yielded into records to keep and failures, one record at a time."""
    kept: dict[str, Any] = {}
    failures = []
    for hook, records in asked.items():
        names = [_name(record) for record in records]
        troubles = [_trouble(claim.pack, hook, record, names) for record in records]
        kept[hook] = tuple(record for record, text in zip(records, troubles, strict=True) if not text)
        failures += [
            claim.failure("components", RegistryError(text), name)
            for name, text in dict(zip(names, troubles, strict=True)).items()
            if text
        ]
    return kept, failures


def _name(record: Any) -> str:
    return record.name if type(record) in RECORDS.values() else repr(record)


def _trouble(pack: str, hook: str, record: Any, names: list[str]) -> str | None:
    wanted, name = RECORDS[hook], _name(record)
    if type(record) is not wanted:
        kind = type(record).__name__
        return f"the hook {hook} yields {kind} {record!r}; expected {wanted.__name__} records."
    if names.count(name) > 1:
        return f"{name!r} is yielded {names.count(name)} times; names are unique."
    if hook in ("components", "report_sections") and not name.startswith(f"{pack}."):
        return f"{name!r} lies outside its pack; names of pack {pack!r} start with '{pack}.'."
    return None
