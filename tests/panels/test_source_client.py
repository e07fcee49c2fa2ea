"""What a page asks and hears, with a source that the test holds up."""

import threading

import pytest

from gala_viz.panels.source_client import SourceClient
from gala_viz.specs import MapRequest, SmoothGradSpec
from tests.panels.fake_source import FakeSource
from tests.panels.script import SCRIPT, until

FIRST, OTHER = "photo 00000", "photo 00001"


class Gate:
    """Where a thread of the source waits until the test lets it pass."""

    def __init__(self):
        self.reached, self._open = threading.Event(), threading.Event()

    def wait(self):
        self.reached.set()
        assert self._open.wait(30)

    def open(self):
        assert self.reached.wait(30)
        self._open.set()


class Gated(FakeSource):
    """Views and maps wait at the gates that the test has put there, one for each question, None: no gate."""

    def __init__(self):
        super().__init__(count=4)
        self.before_view, self.before_maps = [], []

    def view(self, image):
        _pass(self.before_view)
        return super().view(image)

    def maps(self, image, request, cancelled, *, background=False):
        _pass(self.before_maps)
        yield from super().maps(image, request, cancelled)


def _pass(gates):
    gate = gates.pop(0) if gates else None
    if gate is not None:
        gate.wait()


@pytest.fixture
def asked():
    heard, source = [], Gated()
    questions = SourceClient(source, SCRIPT, lambda key, value: heard.append((key, value)))

    def ask(image, n_samples, new_image):
        request = MapRequest(smoothgrad=SmoothGradSpec(n_samples=n_samples))
        questions.request_maps(image, request, new_image)

    yield source, heard, ask
    questions.close()


def test_other_settings_do_not_ask_for_the_photograph_again(asked):
    _, heard, ask = asked
    ask(FIRST, 5, True)
    until(lambda: "scores" in dict(heard))
    ask(FIRST, 10, False)
    until(lambda: [key for key, _ in heard].count("scores") == 2)
    assert [key for key, _ in heard].count("photo") == 1


def test_who_goes_away_comes_back_and_turns_a_knob_at_once_is_told_everything(asked):
    source, heard, ask = asked
    first, again = Gate(), Gate()
    source.before_view, source.before_maps = [None, again], [first]
    ask(FIRST, 5, True)
    assert first.reached.wait(30)
    ask(OTHER, 5, True)
    ask(FIRST, 5, True)
    first.open()  # the first question ends while the third is asked already
    assert again.reached.wait(30)
    SCRIPT.run_pending()
    heard.clear()  # the page has forgotten what the first question brought
    ask(FIRST, 10, False)
    again.open()
    until(lambda: any(key == "maps" and value[1].n_samples == 10 and value[1].done for key, value in heard))
    assert {"photo", "human", "forward", "layers"} <= {key for key, _ in heard}
