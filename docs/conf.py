"""Settings of the documentation site: ``make docs``, or ``sphinx-build docs build/docs``.

Nothing is downloaded when the site is built or read. Notebooks are executed once and kept in a cache beside the site;
``-D nb_execution_mode=off``, or GALA_VIZ_DOCS_EXECUTE=0 in the environment, leaves them as they are.
"""

import os
import re
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE / "machinery"), str(ROOT)]

# Help texts have one width and no colours; notebooks run with this checkout.
os.environ["COLUMNS"] = "80"
os.environ["NO_COLOR"] = "1"
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

import generated  # noqa: E402
import mathml  # noqa: E402
import offline  # noqa: E402
import references  # noqa: E402

_about = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

project = _about["name"]
release = version = _about["version"]
author = "the authors of gala_viz"
copyright = f"{author}, {_about['license']} licence"

extensions = ["myst_nb"]
exclude_patterns = ["experiment", "paper/[!R]*", "**/.ipynb_checkpoints", "**/README.md"]
nitpicky = True
suppress_warnings = ["mystnb.unknown_mime_type"]  # what widgets and HoloViews send to a running kernel's page

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
myst_links_external_new_tab = False

nb_execution_mode = "off" if os.environ.get("GALA_VIZ_DOCS_EXECUTE") == "0" else "cache"
nb_execution_in_temp = True  # what a notebook writes is not kept
nb_execution_timeout = 900
nb_execution_show_tb = True
nb_merge_streams = True
nb_ipywidgets_js = {}  # widgets need a running kernel; without one nothing is fetched for them

python_maximum_signature_line_length = 88
toc_object_entries_show_parents = "hide"
add_module_names = False
modindex_common_prefix = ["gala_viz."]

html_theme = "pydata_sphinx_theme"
html_title = "gala_viz"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
smartquotes = False
html_math_renderer = "mathml"
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "navbar_persistent": ["search-button-field"],
    "header_links_before_dropdown": 8,
    "navigation_depth": 3,
    "show_toc_level": 2,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
    "pygments_light_style": "tango",
    "pygments_dark_style": "github-dark",
}
html_sidebars = {page: [] for page in ("index", "search", "start", "benchmarks", "results", "sources")}

_MARKER = re.compile(r"^<!-- (\w+)(?: (.+?))? -->$", re.MULTILINE)


def _filled_in(app, docname, source):
    """Put what is generated in the place of its marker: a comment like ``<!-- modules gala_viz.networks -->``."""
    for kind, argument in _MARKER.findall(source[0]):
        for path in generated.sources_of(kind, argument or None):
            app.env.note_dependency(str(path))
    if docname.startswith("notebooks/"):
        source[0] = generated.with_links_of_the_site(source[0])
    source[0] = _MARKER.sub(lambda found: generated.text_of(found[1], found[2]), source[0])


def _with_notebooks(app):
    """Let the notebooks, where there are any, be found among the pages."""
    generated.copy_notebooks(ROOT / "notebooks", HERE / "notebooks")


def _always_anew(app, env, added, changed, removed):
    """Build the list of notebooks each time: it depends on what there is."""
    return ["notebooks"]


def setup(app):
    """Connect what is generated, the mathematics and the references."""
    app.connect("builder-inited", _with_notebooks)
    app.connect("env-get-outdated", _always_anew)
    app.connect("source-read", _filled_in)
    app.connect("doctree-read", references.with_full_names)
    app.connect("build-finished", offline.with_own_scripts)
    app.connect("missing-reference", references.resolved)
    mathml.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
