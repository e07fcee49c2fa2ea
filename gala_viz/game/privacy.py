"""What players are told about what is kept of them."""

from __future__ import annotations

from gala_viz.game.server import GameServer


def privacy_note(game: GameServer) -> list[str]:
    """Sentences for the page of consent, true of what the records hold."""
    return [
        "You see photographs and paint the parts that tell what they show. Your painting is used for research on how "
        "people and computers recognise things.",
        "Kept are: where and when you painted, the score, whether you used a mouse, a pen or a finger, the size of "
        "your screen, and a nickname if you choose one. It is all stored under a random number.",
        "Not kept are: your name, your address in the network, your browser's name, or anything from other pages. A "
        "cookie holds a random secret so that you can go on another day; there are no other cookies and no trackers.",
        f"The photographs are from: {game.collection.title}. Some rounds have two photographs side by side, to see "
        "whether the task is understood.",
        "You may stop at any time. Whoever runs this game can delete everything of yours; tell them the number that "
        "the page shows below your scores.",
    ]
