"""The built-in commands, in the order in which ``--help`` shows them."""

from __future__ import annotations

from wellposed.plugins import Command

BUILTIN = {
    command.name: command
    for command in (
        Command("list", "wellposed.cli.list_components:command", "List components, all or of one kind."),
        Command("describe", "wellposed.cli.describe:command", "Show what a component is and takes."),
        Command("demo", "wellposed.cli.demo:command", "See it work: a photograph, blurred and restored."),
        Command("reconstruct", "wellposed.cli.reconstruct:command", "Reconstruct a photo or a measurement."),
        Command("simulate", "wellposed.cli.simulate:command", "Make a measurement whose truth is known."),
        Command("compare", "wellposed.cli.compare:command", "Compare methods on one measurement."),
        Command("run", "wellposed.cli.run:command", "Simulate, reconstruct and compare by a configuration."),
        Command("check", "wellposed.cli.check:command", "Run the conformance checks of a component or pack."),
        Command("plugins", "wellposed.cli.plugins:command", "List the installed packs."),
        Command("doctor", "wellposed.cli.doctor:command", "Find what is broken here, and how to mend it."),
        Command("new", "wellposed.cli.new:command", "Start a pack of your own."),
    )
}

ELSEWHERE = {"train": "train"}
"""Commands of packs that may not be installed: the command, and the pack that brings it."""
