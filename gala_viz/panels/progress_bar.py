"""A text, a bar and a button, in the browser: progress_bar.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets


class ProgressBar(MessagingComponent):
    """A text, a bar and a button that sends ``{"press": "cancel" | "start"}``; ``start_label`` names what it starts."""

    text = param.String(default="")
    fraction = param.Number(default=0, bounds=(0, 1))
    busy = param.Boolean(default=False)
    start_label = param.String(default="")

    _esm = read_scripts("progress_bar")
    _stylesheets = [read_stylesheets("progress_bar")]  # noqa: RUF012
