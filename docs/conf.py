"""Sphinx settings; ``make docs`` builds without warnings and without the network."""

import sys
from pathlib import Path

from wellposed import __version__

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "wellposed"
author = "the wellposed authors"
copyright = "2026, the wellposed authors"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "mathml",
    "public_names",
    "components",
    "pictures",
]
exclude_patterns = ["_build", "_ext"]

myst_enable_extensions = ["dollarmath", "deflist", "colon_fence", "attrs_inline"]
myst_heading_anchors = 3
html_math_renderer = "mathml"

napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_param = False  # or ``a, b`` explained together would be explained twice
autodoc_typehints = "none"
autodoc_member_order = "bysource"
add_module_names = False
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "wellposed"
html_static_path = ["_static"]
html_css_files = ["wellposed.css"]
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#1f5fa8", "color-brand-content": "#1f5fa8"},
    "dark_css_variables": {"color-brand-primary": "#7fb2ea", "color-brand-content": "#7fb2ea"},
}
html_show_sourcelink = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
