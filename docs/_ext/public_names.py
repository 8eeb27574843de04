"""References by any public name, and docstrings whose mathematics is not mistaken for markup.

``wellposed.Space`` is documented once, under :mod:`wellposed.spaces`; its short name leads there as well.
In docstrings ``|x|`` is a modulus, and not one of reStructuredText's substitutions.
"""

import importlib
import re

from sphinx.util import inspect
from sphinx.util.nodes import make_refnode


def _resolve(target):
    """Return the object called ``target``, a dotted name below an importable module."""
    parts = target.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:cut]))
            for part in parts[cut:]:
                value = getattr(value, part)
        except (ImportError, AttributeError):
            continue
        return value
    return None


def _lead(app, env, node, contnode):
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not target.startswith("wellposed"):
        return None
    value, last = _resolve(target), target.rpartition(".")[2]
    for name, entry in env.domains["py"].objects.items():
        if name.rpartition(".")[2] == last and value is not None and _resolve(name) is value:
            return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, contnode, name)
    return None


def _escape_moduli(app, what, name, obj, options, lines):
    for i, line in enumerate(lines):
        pieces = re.split(r"(``.*?``|`[^`]*`)", line)  # every second one is a literal or a reference
        for j in range(0, len(pieces), 2):
            pieces[j] = pieces[j].replace("|", r"\|")
            if j and re.match(r"\w", pieces[j]):  # ``n``² is a literal and an exponent
                pieces[j] = "\\ " + pieces[j]
        lines[i] = "".join(pieces)


def setup(app):
    # an open function has one signature for its readers, whatever is registered with it
    inspect.is_singledispatch_function = lambda value: False
    app.connect("missing-reference", _lead)
    app.connect("autodoc-process-docstring", _escape_moduli, priority=400)
    return {"parallel_read_safe": True}
