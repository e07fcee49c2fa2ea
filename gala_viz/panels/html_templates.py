"""HTML from templates whose values are text: Jinja escapes every name that comes from files, networks or visitors."""

from __future__ import annotations

from functools import cache
from typing import Any

import jinja2

_ENVIRONMENT = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)


def render_html(template: str, **values: Any) -> str:
    """Return a template as HTML.

    Parameters
    ----------
    template : str
        Jinja template, a constant of the program.
    **values
        What it names, as text; HTML is given as ``markupsafe.Markup``.

    Returns
    -------
    str
        HTML in which every value is text.
    """
    return html_template(template).render(values)


@cache
def html_template(template: str) -> jinja2.Template:
    """Return a template whose values are text, compiled once."""
    return _ENVIRONMENT.from_string(template)
