"""A click group whose commands are records, imported one at a time."""

from __future__ import annotations

from typing import Any

import click

from wellposed import registry
from wellposed.cli._exit import MEANINGS
from wellposed.cli._table import BUILTIN, ELSEWHERE
from wellposed.errors import RegistryError
from wellposed.nearest import did_you_mean
from wellposed.plugins import Command
from wellposed.registry import PackFailure, Registry, install_line
from wellposed.registry._targets import resolve


class Commands(click.Group):
    """The built-in commands and those of the packs; a built-in name cannot be taken over."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, the built-in ones first."""
        return list(table())

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import one command; a broken one becomes a command that says what is wrong."""
        record = BUILTIN.get(name) or table().get(name)
        if record is None:
            return None
        try:
            command = resolve(record.target)
            if not isinstance(command, click.Command):
                raise TypeError(f"{record.target} is a {type(command).__name__}, not a click.Command")
        except (Exception, SystemExit) as error:
            return _broken(record, error)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Answer an unknown word by the nearest command, or by the pack that brings it."""
        name = args[0]
        # a built-in command asks no pack, so that `doctor` works where discovery itself fails
        if name not in BUILTIN and name not in table():
            if name in ELSEWHERE:
                pack = ELSEWHERE[name]
                raise RegistryError(f"The command {name!r} comes with pack {pack!r}: {install_line(pack)}")
            ctx.fail(f"There is no command {name!r}.{did_you_mean(name, table())}")
        return name, self.get_command(ctx, name), args[1:]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from their records, importing none."""
        added = [command for command in table().values() if command.name not in BUILTIN]
        for title, commands in (("Commands", list(BUILTIN.values())), ("Commands of packs", added)):
            if commands:
                with formatter.section(title):
                    formatter.write_dl([(command.name, command.summary) for command in commands])
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in MEANINGS.items()])


def table() -> dict[str, Command]:
    """Return every command by name."""
    added = {command.name: command for command in registry.default().commands()}
    return {**BUILTIN, **{name: command for name, command in added.items() if name not in BUILTIN}}


def clashes(packs: Registry) -> list[PackFailure]:
    """Return a failure for each command of a pack that carries a built-in name."""
    return [
        pack.failure(
            "components", RegistryError(f"`wellposed {command.name}` is built in; rename it."), command.name
        )
        for pack in packs.packs
        for command in pack.commands
        if command.name in BUILTIN
    ]


def _broken(record: Command, error: BaseException) -> click.Command:
    def fail(**_: Any) -> None:
        raise RegistryError(
            f"The command {record.name!r} cannot be imported from {record.target}: "
            f"{type(error).__name__}: {error}. `wellposed doctor` lists what is broken."
        ) from error

    return click.Command(
        record.name,
        callback=fail,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
