"""Formulas as MathML, which browsers draw by themselves: nothing is fetched, offline or not."""

import re

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml


def _mathml(node, **options):
    """Convert the TeX of ``node``; bars of norms hug what they enclose and keep their size."""
    bar = r'<mi mathvariant="normal">\1</mi>'
    return re.sub(r'<mo(?: class="mathopen")?>([|‖])</mo>', bar, tex2mathml(node.astext(), **options))


def _inline(self, node):
    self.body.append(_mathml(node))
    raise nodes.SkipNode


def _display(self, node):
    number = f'<span class="eqno">({node["number"]})</span>' if node.get("number") else ""
    identity = f' id="{node["ids"][0]}"' if node["ids"] else ""
    self.body.append(f'<div class="math"{identity}>{number}{_mathml(node, as_block=True)}</div>')
    raise nodes.SkipNode


def setup(app):
    app.add_html_math_renderer("mathml", (_inline, None), (_display, None))
    return {"parallel_read_safe": True}
