"""Words, a bar and a button, in the browser: progress_bar.js."""

from __future__ import annotations

import param

from gala_viz.panels.browser_component import MessagingComponent, read_scripts, read_stylesheets


class ProgressBar(MessagingComponent):
    """Words, a bar and a button; sends ``{"press": "cancel" | "start"}``. ``action`` names what can be started."""

    text = param.String(default="")
    share = param.Number(default=0, bounds=(0, 1))
    busy = param.Boolean(default=False)
    action = param.String(default="")

    _esm = read_scripts("progress_bar")
    _stylesheets = [read_stylesheets("progress_bar")]  # noqa: RUF012
