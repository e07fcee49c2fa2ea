"""Inputs by which the gallery is searched, filtered and sorted."""

from __future__ import annotations

from typing import Any

from gala_viz.panels.form import Field, as_options
from gala_viz.panels.gallery.collection_index import VERDICTS, CollectionIndex
from gala_viz.store.source import MapSource

MAX_CATEGORIES = 5000


def filter_fields(source: MapSource, index: CollectionIndex) -> list[Field]:
    """Return the inputs, named like the parameters of ``GallerySettings``; those without a choice are not visible."""
    first, second = (network.title for network in source.networks)
    words = ("any", "both right", "both wrong", f"only {first} right", f"only {second} right")
    orders = (
        ("id", "id"),
        (f"alignment of {first}", "first"),
        (f"alignment of {second}", "second"),
        (f"gain of {second}", "gain"),
        ("size of the delta", "delta"),
    )

    def choice(name: str, label: str, options: tuple[tuple[str, Any], ...], **more: Any) -> Field:
        return Field(name=name, label=label, kind="choice", value=options[0][1], options=options, **more)

    categories = (("", ""), *as_options(index.categories[:MAX_CATEGORIES]))
    splits = (("all", ""), *as_options(index.splits))
    return [
        Field(name="search", label="Search", kind="text", value="", hint="id or category"),
        Field(
            name="category",
            label="Category",
            kind="pick",
            value="",
            options=categories,
            hint="all",
            visible=len(categories) > 1,
        ),
        choice("split", "Split", splits, visible=len(splits) > 1),
        choice("verdict", "Predictions", tuple(zip(words, VERDICTS, strict=True))),
        choice("note_filter", "Notes", (("any", ""),), visible=False),
        choice("order", "Sort by", orders),
        Field(name="descending", label="Largest first", kind="switch", value=True, visible=False),
        Field(
            name="human_only",
            label="With maps",
            kind="switch",
            value=False,
            visible=bool(source.map_kinds),
        ),
        Field(
            name="learnt",
            label="Learnt from too",
            kind="switch",
            value=False,
            visible=bool(index.learnt.any() and not index.learnt.all()),
        ),
    ]
