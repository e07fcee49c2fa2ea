"""Messages of browser parts in the order in which they were sent, and what a change costs."""

from __future__ import annotations

from types import SimpleNamespace

import panel as pn
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc, state
from panel.models.esm import DataEvent
from panel.util import edit_readonly

from gala_viz.panels.browser_component import MessagingComponent
from gala_viz.panels.compare.compare_page import compare_page
from tests.loops import in_own_loop
from tests.panels.fake_source import FakeSource
from tests.panels.ready_source import ready


class Heard(MessagingComponent):
    """A part without a script."""

    _esm = "export function render() {}"


@pytest.fixture
def served():
    """A document as a server holds it; what is put off waits in ``later``."""
    document = Document()
    later = []
    document._session_context = lambda: SimpleNamespace(session=None)
    document.add_next_tick_callback = lambda callback: later.append(callback)
    document.later = later
    return document


def send(part, document, data):
    part._server_event(document, DataEvent(model=None, data=data))


async def run(document):
    while document.later:
        await document.later.pop(0)()


def test_messages_are_heard_in_the_order_in_which_they_were_sent_whatever_else_is_under_way(served):
    heard = []
    part = Heard(on_message=heard.append)
    assert served.session_context is not None
    send(part, served, {"n": 1})  # the document is not in its turn
    with set_curdoc(served):
        state._change_callbacks.pop(served, None)
        send(part, served, {"n": 2})  # it is: Panel would hear this at once
    assert heard == []
    in_own_loop(run(served))
    assert heard == [{"n": 1}, {"n": 2}]


@pytest.mark.parametrize("data", ["\ud800", {"query": "a\udfff"}, {"\ud800": 1}, {"search": ["a\0"]}])
def test_a_message_with_a_text_that_is_no_unicode_is_not_heard_and_the_next_one_is(served, data, caplog):
    heard = []
    part = Heard(on_message=heard.append)
    send(part, served, data)
    send(part, served, {"query": "é\U0001f418"})
    in_own_loop(run(served))
    assert heard == [{"query": "é\U0001f418"}]
    assert "a text is valid Unicode" in caplog.text


def test_a_change_of_one_part_does_not_walk_through_the_document(monkeypatch):
    part = Heard()
    document = Document()
    pn.Column(part, pn.pane.HTML("beside it")).server_doc(document)
    model = next(iter(part._models.values()))[0].data
    monkeypatch.setattr("bokeh.model.Model.references", lambda self: pytest.fail("the document was walked through"))
    part._patch_datamodel_ref(model, document.roots[0].ref["id"])
    assert model.tags.count(f"__ref:{document.roots[0].ref['id']}") == 1


def test_a_page_is_not_told_of_every_callback_of_every_session():
    page = compare_page(ready(FakeSource()))
    try:
        with edit_readonly(state):
            state.busy = True
        assert page.busy is False
    finally:
        with edit_readonly(state):
            state.busy = False
