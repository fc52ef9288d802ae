"""How Sphinx builds these pages, without the network: warnings are errors, links are checked."""

from __future__ import annotations

import sys
from pathlib import Path

import persidict_core

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "docs"))

import charts  # noqa: E402

project = "persidict"
html_show_copyright = False
release = version = persidict_core.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "references",
]
exclude_patterns = ["_build"]
nitpicky = True
nitpick_ignore_regex = [
    # Of the standard library, and of type variables, these pages hold nothing.
    ("py:.*", r"(abc|collections|contextlib|enum|os|re|types|typing)\..*"),
    ("py:.*", r"(Any|BinaryIO|Callable|ClassVar|Final|Iterable|Iterator|Literal|Mapping|NoReturn)"),
    ("py:.*", r"(Self|Sequence|optional|[A-Z]|persidict_core\..*\.[A-Z])"),
]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
suppress_warnings = ["myst.header"]  # What is included begins with a heading of its own level.

default_role = "py:obj"
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

napoleon_custom_sections = [("Attributes", "params_style")]
python_maximum_signature_line_length = 70
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = f"persidict {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": True,
}
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

charts.draw(ROOT / "benchmarks" / "results", ROOT / "docs" / "_build" / "charts")
