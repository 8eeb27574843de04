"""Tables asked of the code while building: ``{components} PACK`` and ``{summary} MODULE``."""

import importlib
import inspect

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
    return {"parallel_read_safe": True}
