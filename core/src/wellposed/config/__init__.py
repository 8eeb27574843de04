"""Problems as data: a dict, TOML, YAML or JSON file in, objects out, and back.

A configuration names components and gives their parameters; ``"@key"`` refers to another entry:

>>> from wellposed import compose
>>> problem = compose({
...     "blur": {"name": "deblurring.blur", "params": {"kernel": [[[[0.25, 0.5, 0.25]]]]}},
...     "method": {"name": "deblurring.wiener", "params": {"balance": 0.01}},
... })  # doctest: +SKIP
>>> x_hat = problem.method(y, problem.blur)  # doctest: +SKIP

The one idea: *a configuration can reach nothing but the registry*. A name is looked up among installed
components, a value is a number, a text, a list, a table or a reference; nothing is imported or evaluated
because a file says so. All that is wrong is said at once, with its path and the nearest names.

Values beyond plain data are written ``{tensor = [[0, 1]], dtype = "float64"}``,
``{space = [1, 64, 64], dtype = "float32"}`` (``"*"`` frees an axis), ``{spaces = [...]}`` and
``{dtype = "float32"}``; a list of numbers given for a parameter that is annotated ``Tensor`` becomes one.
A text that starts with ``@`` is written with ``@@``.
"""

from __future__ import annotations

from wellposed.config._compose import compose
from wellposed.config._export import to_config
from wellposed.config._files import dump_toml, load_config, save_config
from wellposed.config._problem import Problem

__all__ = ["Problem", "compose", "dump_toml", "load_config", "save_config", "to_config"]
