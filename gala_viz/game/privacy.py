"""What players are told about what is kept of them."""

from __future__ import annotations

from gala_viz.participant_texts import participant_texts


def game_privacy_note(collection: str) -> list[str]:
    """Return sentences for the page of consent, true of what the records hold; ``collection`` is the title shown."""
    return [sentence.format(collection=collection) for sentence in participant_texts("game")["privacy"]]
