"""What ``/`` of a server says about the pages that it serves (``pages/index.html``)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServedPage:
    """A page: its address below the server's own, what its link on the list says, a sentence on it, its heading."""

    name: str
    title: str
    sentence: str = ""
    heading: str = ""


KNOWN_PAGES = (
    ServedPage(
        "compare",
        "Compare two networks",
        "What two networks rely on, image by image, beside what people mark; with all settings of the maps.",
        "Compare what two networks rely on",
    ),
    ServedPage(
        "explore",
        "Explore all images",
        "Every image as a point: where two networks see like people, and where they differ.",
        "Explore a whole collection",
    ),
    ServedPage(
        "grid",
        "Many photographs at once",
        "Rows of photographs, columns of maps, methods and layers of two networks.",
        "Many photographs at once",
    ),
    ServedPage("game", "Play ClickMe", "Paint the telling parts of photographs until a network recognises them."),
    ServedPage("experiment", "Take part in an experiment", "Say what images show that appear for a moment."),
)
"""Pages of this project, in the order of the list."""
HEADINGS = {page.name: page.heading for page in KNOWN_PAGES}
"""Name -> heading of a page, also while it waits."""
UNLISTED = frozenset({"experimenter"})
"""Pages that are served and not for visitors."""


def listed_pages(names: Iterable[str]) -> list[ServedPage]:
    """Return what the list says about the pages with these ``names``: those of this project, then any others."""
    names = set(names) - UNLISTED
    known = [page for page in KNOWN_PAGES if page.name in names]
    return known + [ServedPage(name, name) for name in sorted(names - {page.name for page in known})]
