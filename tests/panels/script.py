"""Views without a server: one script's document for all of them, and waiting that hears their news."""

import time

from gala_viz.panels.bokeh_documents import ScriptDocument

SCRIPT = ScriptDocument()


def until(condition, seconds=30.0):
    """Wait for ``condition``, and between looks let views of ``SCRIPT`` hear what their threads brought."""
    end = time.monotonic() + seconds
    SCRIPT.run_pending()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
        SCRIPT.run_pending()
