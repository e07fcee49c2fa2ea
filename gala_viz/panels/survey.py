"""Many images scored at a press: a button that says how many, how far it is, Cancel."""

from __future__ import annotations

from collections.abc import Callable

from gala_viz.panels.gallery import SCORE, Gallery
from gala_viz.panels.markup import photographs
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.questions import Questions
from gala_viz.panels.state import CHOOSING
from gala_viz.specs import MapRequest

CANCELLED = "Cancelled; what was scored stays."


class Survey(ProgressView):
    """Scores the images that a gallery's filters admit, with the present ``request``, in a thread of its own."""

    def __init__(self, questions: Questions, gallery: Gallery, request: Callable[[], MapRequest]) -> None:
        super().__init__(questions.cancel_survey, SCORE, self.start)
        self._questions, self._gallery, self._request = questions, gallery, request
        gallery.choosing.param.watch(lambda *_: self._offer(), CHOOSING)

    def start(self) -> None:
        """Begin; what was scored before is not computed again."""
        images = self._gallery.to_score()
        self.say(f"Scoring {photographs(len(images))}…", 0, busy=True)
        self._questions.ask_survey(self._request(), images)

    def cancelled(self) -> None:
        """Say that it was stopped."""
        self.say(CANCELLED, 0, busy=False)

    def failed(self, error: Exception) -> None:
        """Say what went wrong."""
        self.say(f"Stopped by an error: {error or type(error).__name__}", 0, busy=False)

    def _offer(self) -> None:
        count = len(self._gallery.to_score())
        self.line.action = SCORE if count == len(self._gallery.index) else f"Score these {count:,}"
