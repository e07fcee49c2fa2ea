"""The editor and the lists of notes, in the browser: notes_panel.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets


class NotesPanel(MessagingComponent):
    """The editor and the lists; sends save, look (at what is stored), go, export, import, and keep or drop (a view)."""

    image = param.String(default="", doc="The photograph in view; empty where none can be noted on.")
    note = param.Dict(default={}, doc="Its note as it is stored, with ``html``.")
    items = param.List(default=[], doc="All notes: image, category, bookmarked, tags, excerpt.")
    saved_views = param.List(default=[], doc="Saved views: name and link.")
    owner_text = param.String(default="", doc="Where notes are kept, and whose they are.")
    read_only = param.Boolean(default=False, doc="Whether nothing can be changed.")
    read_only_reason = param.String(default="", doc="Why, and what to do: the tooltip of ``owner_text``.")

    _esm = read_scripts("tab_storage", "text_export", "notes/notes_list", "notes/notes_panel")
    _stylesheets = [read_stylesheets("notes/notes_panel")]  # noqa: RUF012
