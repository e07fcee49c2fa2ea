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
    """A round as a player sees it; ``canvas`` is (y, x, 3) uint8."""

    round: str
    canvas: NDArray[np.uint8]
    category: str
    practice: bool


@dataclass(slots=True)
class RoundResult:
    """A finished round: its last message, its guesses, and the latency of each since its newest point was painted."""

    end: dict[str, Any]
    latencies_s: list[float] = field(default_factory=list)
    guesses: list[dict[str, Any]] = field(default_factory=list)


class GameClient:
    """A player of the game at ``url`` (http://host:port/prefix), registered as ``simulated`` by default."""

    def __init__(self, url: str, *, simulated: bool = True, cookie: str | None = None) -> None:
        self.url, self.simulated, self.cookie = url.rstrip("/"), simulated, cookie
        self.spec = GameSpec()
        self.welcome: dict[str, Any] = {}
        self._socket: WebSocketClientConnection | None = None

    async def connect(self) -> dict[str, Any]:
        """Agree (unless a cookie is known), connect, say hello; return the server's welcome."""
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
        settings = self.welcome["spec"]
        self.spec = GameSpec(**{name: settings[name] for name in settings})
        return self.welcome

    async def send(self, message: dict[str, Any]) -> None:
        """Send one ``message`` as JSON."""
        await self._socket.write_message(json.dumps(message))

    async def receive(self, *kinds: str) -> dict[str, Any]:
        """Return the next message of one of ``kinds`` (default: any); ``ConnectionError`` where the connection ends."""
        while True:
            content = await asyncio.wait_for(self._socket.read_message(), REPLY_TIMEOUT_S)
            if content is None:
                raise ConnectionError("the server closed the connection.")
            message = json.loads(content)
            if not kinds or message["type"] in kinds:
                return message

    async def request_round(self, image: str | None = None) -> PresentedRound | None:
        """Request a round; None where no image is left. Raises ``ValueError`` where the server refuses or pauses."""
        await self.send({"type": "next", **({"image": image} if image else {})})
        message = await self.receive("round", "finished", "paused", "refused")
        if message["type"] != "round":
            if message["type"] == "finished":
                return None
            raise ValueError(message.get("reason", message["type"]))
        content = base64.b64decode(message["picture"].split(",", 1)[1])
        canvas = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        return PresentedRound(message["round"], canvas, message["category"], message["practice"])

    async def play_round(
        self, presented: PresentedRound, points: Iterable[tuple[float, float]], *, pace: float = 1.0
    ) -> RoundResult:
        """Paint ``points`` (x, y), one an interval, until the round ends; when they end, wait for the clock.

        A ``pace`` below 1 paints faster than the game allows, for tests of that. Raises ``ValueError`` where the server
        refuses points.
        """
        painted_at: dict[int, float] = {}
        result, answered = RoundResult({}), asyncio.Event()
        answered.set()
        painting = asyncio.ensure_future(self._paint(presented.round, points, painted_at, pace, answered))
        try:
            while True:
                message = await self.receive("guess", "end", "refused")
                if message["type"] == "refused":
                    raise ValueError(message["reason"])
                if message.get("round") != presented.round:
                    continue
                if message["type"] == "end":
                    result.end = message
                    return result
                answered.set()
                result.guesses.append(message)
                result.latencies_s.append(time.monotonic() - painted_at[message["n_points"]])
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
        painted_at: dict[int, float],
        pace: float,
        answered: asyncio.Event,
    ) -> None:
        """Send points at once while the server answers, and together while it has not, as a page does."""
        waiting: list[list[float]] = []
        sent = float("-inf")
        interval_s = self.spec.interval_ms / 1000 * pace
        now = float("-inf")
        for number, (x, y) in enumerate(points):
            await asyncio.sleep(max(0.0, now + interval_s - time.monotonic()))
            now = time.monotonic()
            painted_at[number + 1] = now
            waiting.append([x, y, now * 1000])
            if answered.is_set() or now - sent >= PAINT_BATCH_S:
                await self.send({"type": "paint", "round": round_id, "points": waiting})
                waiting, sent = [], now
                answered.clear()
        if waiting:
            await self.send({"type": "paint", "round": round_id, "points": waiting})


async def wait_until_ready(url: str, timeout_s: float = 60.0) -> None:
    """Wait until the game at ``url`` answers. Raises ``TimeoutError`` after ``timeout_s``."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            await AsyncHTTPClient().fetch(f"{url}/play/about")
            return
        except OSError:
            await asyncio.sleep(0.1)
    raise TimeoutError(f"no game has answered at {url} within {timeout_s:g} s.")


PaintStrategy = Callable[[PresentedRound], Iterable[tuple[float, float]]]
"""Round as it is presented -> points (x, y) in canvas pixels at which the player paints."""


async def play_rounds(url: str, n_rounds: int, strategy: PaintStrategy) -> list[RoundResult]:
    """Play up to ``n_rounds`` rounds as one new player, fewer where no image is left; return their results."""
    player = GameClient(url)
    await player.connect()
    results = []
    try:
        while len(results) < n_rounds and (presented := await player.request_round()) is not None:
            results.append(await player.play_round(presented, strategy(presented)))
    finally:
        await player.close()
    return results
