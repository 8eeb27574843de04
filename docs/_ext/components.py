"""Asked of the code while building: ``{components} PACK``, ``{summary} MODULE`` and ``{commands}``."""

import importlib
import inspect

import click
from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.addnodes import pending_xref

from wellposed import registry


class Components(Directive):
    """A table with one row per component of a pack."""

    required_arguments = 1

    def run(self):
        rows = [(c.name, c.kind, c.summary) for c in registry.components(pack=self.arguments[0])]
        if not rows:
            raise self.error(f"no component of a pack {self.arguments[0]!r} is installed")
        cells = [(nodes.literal(text=name), nodes.Text(kind), nodes.Text(what)) for name, kind, what in rows]
        return [_table(("name", "kind", "what it is"), cells, (4, 2, 6))]


class Summary(Directive):
    """A table of a module's public names: each leads to its place in the reference."""

    required_arguments = 1

    def run(self):
        module = importlib.import_module(self.arguments[0])
        document = self.state.document.settings.env.docname
        rows = [
            (_reference(module, name, document), nodes.Text(_first_line(getattr(module, name))))
            for name in module.__all__
            if not name.startswith("__")
        ]
        return [_table(("name", "what it is"), rows, (3, 8))]


class Commands(Directive):
    """What ``--help`` says of every command."""

    def run(self):
        from wellposed.cli._main import wellposed

        shown = []
        for name, command in _all_commands(wellposed, "wellposed"):
            context = click.Context(command, info_name=name, terminal_width=90, max_content_width=90)
            text = command.get_help(context)
            shown += [
                nodes.rubric("", "", nodes.literal(text=name)),
                nodes.literal_block(text, text, language="text"),
            ]
        return shown


def _all_commands(group, path):
    context = click.Context(group, info_name=path)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _all_commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


def _reference(module, name, document):
    is_module = inspect.ismodule(getattr(module, name))
    reference = pending_xref(
        "",
        refdomain="py",
        reftype="mod" if is_module else "obj",
        reftarget=f"{module.__name__}.{name}",
        refdoc=document,
    )
    reference += nodes.literal(text=name)
    return reference


def _first_line(value):
    return (inspect.getdoc(value) or "").split("\n\n")[0].replace("\n", " ").replace("``", "")


def _table(heading, rows, widths):
    group = nodes.tgroup("", cols=len(heading))
    group += [nodes.colspec(colwidth=w) for w in widths]
    head, body = nodes.thead(), nodes.tbody()
    head += _row([nodes.Text(text) for text in heading])
    body += [_row(cells) for cells in rows]
    group += [head, body]
    table = nodes.table()
    table += group
    return table


def _row(cells):
    row = nodes.row()
    row += [nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells]
    return row


def setup(app):
    app.add_directive("components", Components)
    app.add_directive("summary", Summary)
    app.add_directive("commands", Commands)
    return {"parallel_read_safe": True}
