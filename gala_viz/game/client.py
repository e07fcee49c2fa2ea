"""A player without a browser: the same addresses, the same messages, the same clock as a page."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from gala_viz.game.game_spec import GameSpec
from gala_viz.wire import PARTICIPANT_COOKIE

REPLY_TIMEOUT_S = 60.0
PAINT_BATCH_S = 0.2


@dataclass(frozen=True, slots=True)
class PresentedRound:
    """A round as a player sees it."""

    round: str
    canvas: NDArray[np.uint8]
    category: str
    practice: bool


@dataclass(slots=True)
class RoundResult:
    """A round as it went: the last message, and for every guess the seconds since the newest point that it saw left."""

    end: dict[str, Any]
    latencies_s: list[float] = field(default_factory=list)
    guesses: list[dict[str, Any]] = field(default_factory=list)


class GameClient:
    """A player of the game at ``url`` (http://host:port/prefix), who says to be simulated."""

    def __init__(self, url: str, *, simulated: bool = True, cookie: str | None = None) -> None:
        self.url, self.simulated, self.cookie = url.rstrip("/"), simulated, cookie
        self.spec = GameSpec()
        self.welcome: dict[str, Any] = {}
        self._socket: WebSocketClientConnection | None = None

    async def connect(self) -> dict[str, Any]:
        """Agree (unless a cookie is known), connect, say hello; the server's welcome."""
        if self.cookie is None:
            body = json.dumps({"agreed": True, "simulated": self.simulated})
            request = HTTPRequest(f"{self.url}/play/consent", "POST", body=body)
            answer = await AsyncHTTPClient().fetch(request)
            self.cookie = SimpleCookie(answer.headers["Set-Cookie"])[PARTICIPANT_COOKIE].value
        address = f"{self.url}/play/socket".replace("http", "ws", 1)
        self._socket = await websocket_connect(
            HTTPRequest(address, headers={"Cookie": f"{PARTICIPANT_COOKIE}={self.cookie}"})
        )
        await self.send({"type": "hello", "pointer": "mouse", "mobile": False, "screen_px": [1280, 720]})
        self.welcome = await self.receive("welcome")
        told = self.welcome["spec"]
        self.spec = GameSpec(**{name: told[name] for name in told})
        return self.welcome

    async def send(self, message: dict[str, Any]) -> None:
        """Send one message."""
        await self._socket.write_message(json.dumps(message))

    async def receive(self, *kinds: str) -> dict[str, Any]:
        """The next message of one of ``kinds`` (or any); others are passed over. ``ConnectionError`` at the end."""
        while True:
            content = await asyncio.wait_for(self._socket.read_message(), REPLY_TIMEOUT_S)
            if content is None:
                raise ConnectionError("the server closed the connection.")
            message = json.loads(content)
            if not kinds or message["type"] in kinds:
                return message

    async def request_round(self, image: str | None = None) -> PresentedRound | None:
        """Ask for a round; None where no image is left. Raises ``ValueError`` where the server refuses."""
        await self.send({"type": "next", **({"image": image} if image else {})})
        told = await self.receive("round", "finished", "paused", "refused")
        if told["type"] != "round":
            if told["type"] == "finished":
                return None
            raise ValueError(told.get("reason", told["type"]))
        content = base64.b64decode(told["picture"].split(",", 1)[1])
        canvas = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        return PresentedRound(told["round"], canvas, told["category"], told["practice"])

    async def play_round(
        self, presented: PresentedRound, points: Iterable[tuple[float, float]], *, pace: float = 1.0
    ) -> RoundResult:
        """Paint ``points`` one every interval until the round ends; when they end, wait for the clock.

        ``pace`` below 1 tries to be faster than the game allows, for tests of that.
        """
        left: dict[int, float] = {}
        played, answered = RoundResult({}), asyncio.Event()
        answered.set()
        painting = asyncio.ensure_future(self._paint(presented.round, points, left, pace, answered))
        try:
            while True:
                told = await self.receive("guess", "end", "refused")
                if told["type"] == "refused":
                    raise ValueError(told["reason"])
                if told.get("round") != presented.round:
                    continue
                if told["type"] == "end":
                    played.end = told
                    return played
                answered.set()
                played.guesses.append(told)
                played.latencies_s.append(time.monotonic() - left[told["n_points"]])
        finally:
            painting.cancel()

    async def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()

    async def _paint(
        self,
        round_id: str,
        points: Iterable[tuple[float, float]],
        left: dict[int, float],
        pace: float,
        answered: asyncio.Event,
    ) -> None:
        """Points go at once while the server answers, together while it has not, as from a page."""
        waiting: list[list[float]] = []
        sent = float("-inf")
        interval_s = self.spec.interval_ms / 1000 * pace
        now = float("-inf")
        for number, (x, y) in enumerate(points):
            await asyncio.sleep(max(0.0, now + interval_s - time.monotonic()))
            now = time.monotonic()
            left[number + 1] = now
            waiting.append([x, y, now * 1000])
            if answered.is_set() or now - sent >= PAINT_BATCH_S:
                await self.send({"type": "paint", "round": round_id, "points": waiting})
                waiting, sent = [], now
                answered.clear()
        if waiting:
            await self.send({"type": "paint", "round": round_id, "points": waiting})


async def wait_until_ready(url: str, timeout_s: float = 60.0) -> None:
    """Wait until the game at ``url`` answers. Raises ``TimeoutError``."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            await AsyncHTTPClient().fetch(f"{url}/play/about")
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise TimeoutError(f"no game has answered at {url} within {timeout_s:g} s.")


PaintStrategy = Callable[[PresentedRound], Iterable[tuple[float, float]]]
"""Where a player paints on what is shown."""


async def play_rounds(url: str, n_rounds: int, strategy: PaintStrategy) -> list[RoundResult]:
    """One new player for up to ``n_rounds`` rounds; fewer where no image is left."""
    player = GameClient(url)
    await player.connect()
    found = []
    try:
        while len(found) < n_rounds and (shown := await player.request_round()) is not None:
            found.append(await player.play_round(shown, strategy(shown)))
    finally:
        await player.close()
    return found
