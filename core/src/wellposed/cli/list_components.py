"""``wellposed list``: what there is, from records alone."""

from __future__ import annotations

import click

from wellposed import registry
from wellposed.cli._output import examples, json_option, print_json, print_table


@click.command(
    "list",
    epilog=examples("wellposed list", "wellposed list reconstructor", "wellposed list --pack mri --json"),
)
@click.argument("kind", required=False)
@click.option("--pack", help="Only the components of one pack.")
@json_option
def command(kind: str | None, pack: str | None, as_json: bool) -> None:
    """List components, all or of one KIND (physics, reconstructor, noise, …)."""
    found = registry.components(kind=kind, pack=pack)
    if as_json:
        rows = ({"name": c.name, "kind": c.kind, "summary": c.summary, "target": c.target} for c in found)
        print_json(list(rows))
        return
    if found:
        print_table(("name", "kind", "summary"), ((c.name, c.kind, c.summary) for c in found))
    else:
        of_kind = f" of kind {kind!r}" if kind else ""
        in_pack = f" in pack {pack!r}" if pack else ""
        click.echo(f"There are no components{of_kind}{in_pack}.")
    for failure in registry.failures():
        if failure.stage == "switch":
            click.echo(str(failure.error), err=True)
    broken = len(registry.failures())
    if broken:
        click.echo(f"{broken} pack problem(s): `wellposed doctor` says what and why.", err=True)
