"""``wellposed describe``: one component, with its signature."""

from __future__ import annotations

import click

from wellposed import registry
from wellposed.cli._output import examples, json_option, print_json


@click.command(
    "describe", epilog=examples("wellposed describe deblurring.blur", "wellposed describe optim.tv --json")
)
@click.argument("name")
@json_option
def command(name: str, as_json: bool) -> None:
    """Show what the component NAME is, what it takes, and who made it."""
    found = registry.describe(name)
    if as_json:
        print_json(found.as_dict())
        return
    click.secho(found.name, bold=True, nl=False)
    click.echo(f" ({found.kind}): {found.summary}\n")
    click.echo(f"  {found.name}{found.signature}\n")
    if found.doc and found.doc != found.summary:
        click.echo(click.wrap_text(found.doc, initial_indent="  ", subsequent_indent="  ") + "\n")
    if found.needs:
        click.echo(f"  Needs: {found.needs}")
    if found.reference:
        click.echo(f"  Reference: {found.reference}")
    click.echo(f"  From: {found.dist} {found.version} ({found.target})")
