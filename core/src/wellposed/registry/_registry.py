"""The registry is a value: a table of records, each with the pack that it came from.

One process default exists for convenience (:func:`wellposed.registry.default`); every function that
needs a registry takes ``registry=``, so a test or a notebook can hand in another.
"""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import PurePath
from typing import Any, Self

import attrs

from wellposed._version import __version__
from wellposed.errors import RegistryError
from wellposed.nearest import did_you_mean
from wellposed.plugins import GROUP, Command, Component, Kind, ReportSection
from wellposed.registry._loader import Found, discover, interrogate
from wellposed.registry._metadata import Claim
from wellposed.registry._missing import Missing
from wellposed.registry._packs import Pack, PackFailure
from wellposed.registry._targets import call, resolve, shown, signature_of


@attrs.frozen
class Description:
    """What ``describe`` tells of a component."""

    name: str
    kind: str
    summary: str
    signature: str
    doc: str
    pack: str
    dist: str
    version: str
    target: str
    examples: str | None
    reference: str | None
    needs: str | None = None

    def as_dict(self) -> dict[str, str | None]:
        """Return plain data, for JSON."""
        return attrs.asdict(self)


class Registry:
    """Components, kinds and commands by name.

    Make one with :meth:`discover` or take the process default; :meth:`isolated` gives a copy that
    :meth:`add` may extend.

    Attributes
    ----------
    packs
        The packs that loaded, the core first, then by name.
    failures
        What did not load, and why: :class:`PackFailure` values.
    disabled
        ``{pack: switch}`` for installed packs that an environment variable keeps out.
    """

    def __init__(self, found: Found | None = None) -> None:
        found = Found((), (), {}) if found is None else found
        self.packs: tuple[Pack, ...] = found.packs
        self.disabled: Mapping[str, str] = dict(found.disabled)
        self._objects: dict[str, Any] = {}
        self._open = False
        self._kinds: dict[str, Kind] = {}
        self._commands: dict[str, Command] = {}
        self._components: dict[str, Component] = {}
        self._origin: dict[str, Pack] = {}
        self.failures: tuple[PackFailure, ...] = (*found.failures, *self._enter_all(found.packs))

    @classmethod
    def discover(cls, environ: Mapping[str, str] | None = None) -> Self:
        """Load the installed packs.

        Never raises on account of a pack, unless the switch ``WELLPOSED_STRICT_PLUGINS=1`` asks for it.
        """
        registry = cls(discover(__version__, environ))
        strict = (os.environ if environ is None else environ).get("WELLPOSED_STRICT_PLUGINS", "")
        if registry.failures and strict not in ("", "0"):
            listed = "; ".join(map(str, registry.failures))
            first = registry.failures[0].error
            raise RegistryError(f"WELLPOSED_STRICT_PLUGINS is set, and {listed}.") from first
        return registry

    def _kind_trouble(self, component: Component) -> str | None:
        if component.kind in self._kinds:
            return None
        return (
            f"{component.name!r} is of kind {component.kind!r}, which no loaded pack defines; "
            f"kinds: {', '.join(self._kinds)}.{did_you_mean(component.kind, self._kinds)}"
        )

    def _enter_all(self, packs: Sequence[Pack]) -> list[PackFailure]:
        """Fill the tables; kinds before the components that are of them."""
        failures = self._enter(packs, "kinds", self._kinds) + self._enter(packs, "commands", self._commands)
        failures += self._enter(packs, "components", self._components, self._kind_trouble)
        self._origin |= {record.name: pack for pack in packs for record in pack.components}
        return failures

    def _enter(
        self,
        packs: Sequence[Pack],
        hook: str,
        table: dict[str, Any],
        trouble: Callable[[Any], str | None] = lambda record: None,
    ) -> list[PackFailure]:
        """Fill ``table`` from every pack; of two packs that claim a word, the first keeps it."""
        failures = []
        for pack in packs:
            for record in getattr(pack, hook):
                text = trouble(record)
                if record.name in table:
                    text = f"the {hook[:-1]} {record.name!r} is already defined by another pack; rename it."
                if text:
                    failures.append(pack.failure("components", RegistryError(text), record.name))
                else:
                    table[record.name] = record
        return failures

    def names(self, kind: str | None = None) -> list[str]:
        """Return the component names, sorted; only those of ``kind`` when given."""
        return [component.name for component in self.components(kind=kind)]

    def components(self, *, pack: str | None = None, kind: str | None = None) -> list[Component]:
        """Return the records, sorted by name, of one pack or one kind when given.

        Raises :class:`~wellposed.errors.RegistryError` for a kind or pack that does not exist.
        """
        if kind is not None and kind not in self._kinds:
            close = did_you_mean(kind, self._kinds)
            raise RegistryError(f"There is no kind {kind!r}; kinds: {', '.join(sorted(self._kinds))}.{close}")
        if pack is not None and all(component.pack != pack for component in self._components.values()):
            self.pack(pack)
        return [
            component
            for _, component in sorted(self._components.items())
            if pack in (None, component.pack) and kind in (None, component.kind)
        ]

    def kinds(self) -> list[Kind]:
        """Return the kinds, sorted by name."""
        return [self._kinds[name] for name in sorted(self._kinds)]

    def commands(self) -> list[Command]:
        """Return the command-line commands that packs add, sorted by name."""
        return [self._commands[name] for name in sorted(self._commands)]

    def report_sections(self) -> list[ReportSection]:
        """Return the report sections that packs add, in the order they appear."""
        sections = [section for pack in self.packs for section in pack.report_sections]
        return sorted(sections, key=lambda section: (section.order, section.name))

    def for_file(self, kind: str, path: str | os.PathLike[str]) -> list[str]:
        """Return the names of readers or writers (``kind``) whose suffixes fit ``path``, longest first."""
        name = PurePath(path).name.lower()
        fits = [
            (-len(suffix), component.name)
            for component in self.components(kind=kind)
            for suffix in component.suffixes
            if name.endswith(suffix)
        ]
        return list(dict.fromkeys(name for _, name in sorted(fits)))

    def component(self, name: str, kind: str | None = None) -> Component:
        """Return the record of ``name``, importing nothing; with ``kind``, only its names are suggested.

        Raises :class:`~wellposed.errors.RegistryError` that says how to get it: the ``pip`` line of a
        pack that is not installed, the cause where a pack failed, the nearest names for a typo.
        """
        found = self._components.get(name)
        if found is None:
            raise self._missing(kind).component(name)
        return found

    def get(self, name: str) -> Any:
        """Import and return the component's class or factory."""
        component = self.component(name)
        if name in self._objects:
            return self._objects[name]
        try:
            return resolve(component.target)
        except (Exception, SystemExit) as error:
            pack = self._origin.get(name)
            by = f" of pack {pack.name!r} ({pack.dist} {pack.version})" if pack else ""
            raise RegistryError(
                f"{name!r}{by} cannot be imported from {component.target}: {type(error).__name__}: {error}. "
                "`wellposed doctor` lists what is broken."
            ) from error

    def create(self, name: str, /, **params: Any) -> Any:
        """Return ``get(name)(**params)``.

        Raises :class:`~wellposed.errors.UnknownParameterError` or
        :class:`~wellposed.errors.ParameterError` in one sentence when the parameters do not fit.
        """
        return call(name, self.get(name), params)

    def describe(self, name: str) -> Description:
        """Return what there is to say about a component; imports it, to read signature and docstring."""
        component, factory = self.component(name), self.get(name)
        pack = self._origin.get(name)
        doc = (inspect.getdoc(factory) or "").partition("\n\n")[0].strip()
        return Description(
            name=name,
            kind=component.kind,
            summary=component.summary,
            signature=shown(signature_of(factory)),
            doc=doc,
            pack=component.pack,
            dist=pack.dist if pack else "",
            version=pack.version if pack else "",
            target=component.target,
            examples=component.examples,
            reference=component.reference,
            needs="; ".join(need.what for need in getattr(factory, "needs", ())) or None,
        )

    def pack(self, name: str) -> Pack:
        """Return the pack called ``name``; :class:`~wellposed.errors.RegistryError` if it is not loaded."""
        for pack in self.packs:
            if pack.name == name:
                return pack
        raise self._missing().pack(name)

    def pack_of(self, name: str) -> Pack | None:
        """Return the pack that component ``name`` came from; ``None`` when it was added in process."""
        self.component(name)
        return self._origin.get(name)

    def is_local(self, name: str, target: object) -> bool:
        """Whether ``name`` was added in process with ``target`` itself."""
        return name in self._objects and self._objects[name] is target

    def isolated(self) -> Registry:
        """Return an independent copy, which :meth:`add` may extend."""
        copy = Registry()
        copy.packs, copy.failures, copy.disabled = self.packs, self.failures, dict(self.disabled)
        copy._objects, copy._kinds = dict(self._objects), dict(self._kinds)
        copy._commands, copy._components = dict(self._commands), dict(self._components)
        copy._origin, copy._open = dict(self._origin), True
        return copy

    def add(self, record: Component | Kind, target: Any = None) -> Self:
        """Add a component or kind to an isolated copy; ``target`` is the object itself, if at hand.

        >>> from wellposed import registry
        >>> from wellposed.plugins import Component
        >>> mine = registry.isolated().add(
        ...     Component(kind="metric", name="lab.bias", target="__main__:bias", summary="Mean error."),
        ...     target=lambda: lambda x_hat, x: (x_hat - x).flatten(1).mean(1),
        ... )
        >>> mine.names("metric")[-1]
        'lab.bias'
        """
        self._require_open(record.name)
        table: dict[str, Any] = self._kinds if isinstance(record, Kind) else self._components
        if record.name in table:
            raise RegistryError(f"{record.name!r} is already registered; choose another name.")
        if isinstance(record, Component):
            trouble = self._kind_trouble(record)
            if trouble:
                raise RegistryError(trouble)
            if target is not None:
                self._objects[record.name] = target
        table[record.name] = record
        return self

    def add_pack(self, name: str, plugin: object) -> Self:
        """Add a pack to an isolated copy: ``plugin`` is its module, or any object with hook implementations.

        For notebooks and for tests of a pack's hooks. What discovery would record as a failure is raised
        here, as :class:`~wellposed.errors.RegistryError`.
        """
        self._require_open(name)
        if any(pack.name == name for pack in self.packs):
            raise RegistryError(f"The pack {name!r} is already loaded; choose another name.")
        where = getattr(plugin, "__name__", type(plugin).__qualname__)
        pack, failures = interrogate(Claim(name, "(in process)", "", EntryPoint(name, where, GROUP)), plugin)
        added = () if pack is None else (pack,)
        failures += self._enter_all(added)
        if failures:
            raise RegistryError(f"{'; '.join(map(str, failures))}.") from failures[0].error
        self.packs += added
        return self

    def _require_open(self, name: str) -> None:
        if not self._open:
            raise RegistryError(
                f"{name!r} cannot be added: a discovered registry does not change. "
                "Use registry.isolated().add(…), and pass the copy as registry=."
            )

    def emit(self, event: str, **arguments: Any) -> None:
        """Tell every pack's ``event`` hook; an exception there becomes a ``RuntimeWarning``."""
        for pack in self.packs:
            try:
                getattr(pack.hooks, event)(**arguments)
            except Exception as error:
                warnings.warn(
                    f"pack {pack.name!r} ({pack.dist} {pack.version}) raised in {event}: "
                    f"{type(error).__name__}: {error}",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _missing(self, kind: str | None = None) -> Missing:
        packs = tuple(pack.name for pack in self.packs)
        return Missing(packs, self.names(kind), self.failures, self.disabled, kind)
