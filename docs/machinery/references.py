"""Names in signatures become links where they are gala_viz's own, and plain text where they are another package's."""

from __future__ import annotations

import modules
from docutils.nodes import Element, document
from sphinx.addnodes import pending_xref


def with_full_names(_app: object, doctree: document) -> None:
    """Give each name in a signature the full name by which its module imports it; others lose their reference.

    Left to itself Sphinx would take any object of that last name, and there are several called ``Arguments``.
    """
    for node in list(doctree.findall(pending_xref)):
        target, module = node.get("reftarget", ""), node.get("py:module")
        if node.get("refdomain") != "py" or target.startswith("gala_viz"):
            continue
        full = modules.offered(target) if module == "gala_viz" else modules.names_in(module or "gala_viz").get(target)
        if full is None:
            node.replace_self(node.children)
            continue
        node["reftarget"], node["from_signature"] = modules.home_of(full), True
        node.attributes.pop("refspecific", None)


def resolved(_app: object, _env: object, node: Element, contnode: Element) -> Element | None:
    """Plain text for what a module calls by a name and keeps for itself; a name in a text must lead somewhere."""
    return contnode if node.get("from_signature") else None
