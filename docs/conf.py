"""How the site is built: `make docs`, or ``sphinx-build -W -n docs docs/_build/html``."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

import zobench  # noqa: E402

project = "zobench"
author = "the authors of zobench"
html_show_copyright = False
version = release = zobench.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
    "mathml",
    "docstrings",
    "cells",
    "theorem_boxes",
    "catalogue_pages",
]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "_ext", "_static"]
nitpicky = True
# What looks like a name of zobench must be one; words in backquotes and types in signatures need not.
nitpick_ignore_regex = [("py:.*", r"(?!zobench\.).*"), ("py:class", r".*")]
default_role = "py:obj"
suppress_warnings = ["ref.python"]  # a short name in "Raises" that two modules have

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True}
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_param = False
napoleon_use_ivar = True

copybutton_exclude = ".linenos, .gp, .go"

html_theme = "furo"
html_title = "zobench"
html_static_path = ["_static"]
html_css_files = ["zobench.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
