"""The pane for markup, and what a browser hears of a change."""

from bokeh.document import Document
from bokeh.document.events import ModelChangedEvent

from gala_viz.panels.html_pane import html_pane


def test_new_markup_changes_the_text_alone_so_that_no_page_is_laid_out_anew():
    document, heard = Document(), []
    pane = html_pane("<p>before</p>", styles={"flex": "1"})
    pane.server_doc(document)
    document.on_change(heard.append)
    pane.object = "<p>after &amp; later</p>"
    assert [(event.attr, event.new) for event in heard if isinstance(event, ModelChangedEvent)] == [
        ("text", "&lt;p&gt;after &amp;amp; later&lt;/p&gt;")
    ]
    pane.visible = False
    assert heard[-1].attr == "visible"
