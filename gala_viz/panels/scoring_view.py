"""Scoring of many images: a button that says how many, the progress, Cancel."""

from __future__ import annotations

from collections.abc import Callable

from gala_viz.panels.gallery.gallery import SCORE_LABEL, Gallery
from gala_viz.panels.markup import photograph_count
from gala_viz.panels.progress_view import ProgressView
from gala_viz.panels.source_client import SourceClient
from gala_viz.panels.view_state import GALLERY_SETTINGS
from gala_viz.specs import MapRequest

CANCELLED_TEXT = "Cancelled; what was scored stays."


class ScoringView(ProgressView):
    """Scores the images that a gallery's filters let through with the present ``request()``, in a thread of its own."""

    def __init__(self, source_client: SourceClient, gallery: Gallery, request: Callable[[], MapRequest]) -> None:
        super().__init__(source_client.cancel_scoring, SCORE_LABEL, self.start)
        self._questions, self._gallery, self._request = source_client, gallery, request
        gallery.settings.param.watch(lambda *_: self._offer(), GALLERY_SETTINGS)

    def start(self) -> None:
        """Start scoring; images that have scores are not computed again."""
        images = self._gallery.images_to_score()
        self.show_text(f"Scoring {photograph_count(len(images))}…", 0, busy=True)
        self._questions.request_scoring(self._request(), images)

    def show_scoring_cancelled(self) -> None:
        """Say that scoring was cancelled."""
        self.show_text(CANCELLED_TEXT, 0, busy=False)

    def show_scoring_error(self, error: Exception) -> None:
        """Say what went wrong."""
        self.show_text(f"Stopped by an error: {error or type(error).__name__}", 0, busy=False)

    def _offer(self) -> None:
        count = len(self._gallery.images_to_score())
        self.bar.start_label = SCORE_LABEL if count == len(self._gallery.index) else f"Score these {count:,}"
