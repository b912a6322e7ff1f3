"""Settings of Sphinx, for `make docs`."""

from edgekit.version import __version__

project = "edgekit"
author = "the edgekit authors"
copyright = "2026, the edgekit authors"  # noqa: A001  Sphinx asks for this name
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["schema"]
default_role = "code"  # docstrings write code in single backquotes, as Markdown does
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
python_maximum_signature_line_length = 80

html_theme = "furo"
html_title = f"edgekit {__version__}"
html_copy_source = False
html_show_sphinx = False
