"""For the commands of packs: a component as it is typed, ``NAME`` or ``NAME:KEY=VALUE,KEY=VALUE``."""

from __future__ import annotations

from typing import Any

from wellposed.cli._params import create, parse_method

__all__ = ["component"]


def component(text: str, kind: str, option: str) -> Any:
    """Return the component that ``text`` describes, which must be of ``kind``; ``option`` is named in errors.

    Values are those of ``--param``: numbers, texts, lists, and ``@NAME`` for the component of that name.

    Raises
    ------
    click.UsageError
        For a text of another form.
    WellposedError
        For an unknown name, another kind, or parameters that do not fit.
    """
    from wellposed import registry

    name, params = parse_method(text, option)
    return create(name, kind, params, registry.default())
