"""Presentations that others follow: one session publishes to sessions of the same process that have its link."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

Listener = Callable[[Mapping[str, Any]], None]


class Room:
    """What a presenter shows, by name; ``publish`` calls every listener with what changed, in the presenter's thread.

    Only the session that opened a room publishes in it; its ``token``, which cannot be guessed, lets others listen.
    """

    def __init__(self, token: str) -> None:
        self.token = token
        self._lock = threading.Lock()
        self._present: dict[str, Any] = {}
        self._listeners: list[Listener] = []

    @property
    def n_listeners(self) -> int:
        """Number of those who follow."""
        return len(self._listeners)

    def publish(self, changes: Mapping[str, Any]) -> None:
        """Show ``changes`` (name -> value) to all who follow, and to those who come later."""
        with self._lock:
            self._present.update(changes)
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener(changes)

    def follow(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with what is shown, and with every change; return the function that ends that."""
        with self._lock:
            self._listeners.append(listener)
            present = dict(self._present)
        listener(present)
        return lambda: self._leave(listener)

    def close(self) -> None:
        """End the presentation for all."""
        with _lock:
            _rooms.pop(self.token, None)
        self.publish({"ended": True})
        self._listeners.clear()

    def _leave(self, listener: Listener) -> None:
        with self._lock:
            if listener in self._listeners:
                self._listeners.remove(listener)


_rooms: dict[str, Room] = {}
_lock = threading.Lock()


def open_room() -> Room:
    """Open a new room."""
    room = Room(secrets.token_urlsafe(9))
    with _lock:
        _rooms[room.token] = room
    return room


def find_room(token: str) -> Room | None:
    """Return the room whose link holds ``token``; None where there is none, or no longer."""
    return _rooms.get(token)
