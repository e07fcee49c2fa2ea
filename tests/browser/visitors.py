"""Visitors without a browser: what one of them sends to the server and hears from it, over HTTP and a websocket."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

MAX_MESSAGE_BYTES = 64 * 2**20
READY = {"type": "event", "name": "document_ready", "values": {"type": "map"}}


class Visitor:
    """One session of the comparison: its page is fetched, its document pulled, and photographs are chosen."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.images: list[str] = []
        self._socket: WebSocketClientConnection | None = None
        self._gallery = ""

    async def open(self) -> float:
        """Open the page as a browser does, and return the seconds until its whole document is there."""
        start = time.perf_counter()
        client = AsyncHTTPClient(force_instance=True)
        answer = await client.fetch(self.url, connect_timeout=120, request_timeout=120)
        client.close()
        token = re.search(rb'"token":"([^"]+)"', answer.body)
        assert token is not None, "the page has a session"
        address = HTTPRequest(self.url.replace("http://", "ws://") + "/ws", connect_timeout=120, request_timeout=120)
        self._socket = await websocket_connect(
            address, subprotocols=["bokeh", token[1].decode()], max_message_size=MAX_MESSAGE_BYTES
        )
        await self._message()  # the server greets
        await self._send("PULL-DOC-REQ", {})
        while "doc" not in (content := await self._message()):
            pass
        (gallery,) = [model for model in _models(content) if str(model.get("name")).startswith("ThumbnailGrid")]
        self._gallery = gallery["id"]
        self.images = [_value(item, "id") for item in _value(gallery["attributes"], "items") or []]
        seconds = time.perf_counter() - start
        await self._events({"kind": "MessageSent", "msg_type": "bokeh_event", "msg_data": READY})
        return seconds

    async def choose(self, image: str) -> float:
        """Click a photograph, and return the seconds until all its maps are there."""
        start = time.perf_counter()
        await self._events({"kind": "ModelChanged", "model": {"id": self._gallery}, "attr": "selected", "new": image})
        while not any(_tells_all_samples(event) for event in (await self._message()).get("events", [])):
            pass
        return time.perf_counter() - start

    def close(self) -> None:
        """Leave, as somebody who closes the tab."""
        if self._socket is not None:
            self._socket.close()

    async def _events(self, *events: dict[str, Any]) -> None:
        await self._send("PATCH-DOC", {"events": list(events)})

    async def _send(self, kind: str, content: dict[str, Any]) -> None:
        assert self._socket is not None, "the page is open"
        header = {"msgid": uuid.uuid4().hex.upper(), "msgtype": kind}
        for part in (header, {}, content):
            await self._socket.write_message(json.dumps(part))

    async def _message(self) -> dict[str, Any]:
        """Return the content of the next message; its arrays are received and dropped."""
        header, _, content = [json.loads(await self._part()) for _ in range(3)]
        for _ in range(2 * header.get("num_buffers", 0)):
            await self._part()
        return content

    async def _part(self) -> str | bytes:
        assert self._socket is not None, "the page is open"
        part = await self._socket.read_message()
        if part is None:
            raise ConnectionError("the server closed the connection")
        return part


def _models(content: Any) -> Iterator[dict[str, Any]]:
    """All models in a document as it is sent."""
    if isinstance(content, dict):
        if "id" in content and "attributes" in content:
            yield content
        for value in content.values():
            yield from _models(value)
    elif isinstance(content, list):
        for value in content:
            yield from _models(value)


def _value(entry: dict[str, Any], name: str) -> Any:
    """A value of attributes, or of a dict as Bokeh sends it."""
    return dict(entry["entries"]).get(name) if entry.get("type") == "map" else entry.get(name)


def _tells_all_samples(event: dict[str, Any]) -> bool:
    return event.get("attr") == "text" and str(event.get("new")).startswith("n = 50 of 50")
