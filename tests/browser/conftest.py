"""One server on fake sources, one Chromium, and pages that notice every error and every request to another host."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

WAIT_MS = 60_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_server(url: str, process: subprocess.Popen, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"the server ended with {process.returncode}")
        try:
            urllib.request.urlopen(url, timeout=30).read()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"{url} did not answer within {seconds} s")


class Server:
    """A process that serves pages; ``halt`` stops it in its tracks, ``go_on`` lets it continue."""

    records: Path
    """The database of a game or an experiment."""
    gate: Path
    """A file whose making lets the late source load."""

    def __init__(self, command: list[str], port: int, log: Path, ready: str = "") -> None:
        self.url = f"http://localhost:{port}"
        self.log = log.open("w")
        environment = {"BOKEH_VALIDATE_DOC": "true", **os.environ}  # what is wrong with a document is in the log
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT, env=environment)
        try:
            wait_for_server(f"{self.url}/{ready}", self.process)
        except BaseException:
            self.close()
            raise

    def halt(self) -> None:
        import signal

        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        import signal

        os.kill(self.process.pid, signal.SIGCONT)

    def close(self) -> None:
        self.go_on()
        self.process.terminate()
        self.process.wait(20)
        self.log.close()


class Relay:
    """Passes connections on to a server of this machine; ``cut`` ends all of them, until ``mend``."""

    def __init__(self, server: Server, *, websockets: bool = True) -> None:
        self._target = int(server.url.rpartition(":")[2])
        self._websockets, self._is_open = websockets, True
        self._ends: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://localhost:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                visitor, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                return
            if not self._is_open:
                visitor.close()
                server.close()
                continue
            self._ends |= {visitor, server}
            for ends in ((visitor, server), (server, visitor)):
                threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket) -> None:
        try:
            while content := source.recv(65536):
                if not self._websockets and b"Upgrade: websocket" in content:
                    break
                target.sendall(content)
        except OSError:
            pass
        for end in (source, target):
            _shut(end)
            self._ends.discard(end)

    def cut(self) -> None:
        self._is_open = False
        for end in tuple(self._ends):
            _shut(end)

    def mend(self) -> None:
        self._is_open = True

    def close(self) -> None:
        self._listener.close()
        self.cut()


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def check_words_without_websockets(chromium: Any, server: Server, path: str) -> None:
    """A page whose websockets a proxy does not pass on is loaded a second time, and then says what to do."""
    relay = Relay(server, websockets=False)
    visitor = Watched(chromium)
    visitor.page.goto(f"{relay.url}/{path}")
    told = visitor.page.get_by_role("alert").filter(has_text="refused this page its connection")
    told.get_by_text(f"--allow-websocket-origin {relay.url.removeprefix('http://')}").wait_for()
    told.get_by_role("button", name="Load the page again").wait_for()
    visitor.close()
    relay.close()


def rows(server: Server, table: Any) -> list:
    """All rows of a table in the records of ``server.records``."""
    from sqlalchemy import select

    from gala_viz.records.database import Database

    database = Database(server.records)
    with database.read_connection() as connection:
        found = connection.execute(select(table.__table__)).all()
    database.close()
    return list(found)


@pytest.fixture(scope="session")
def server(chromium_path, repository, tmp_path_factory) -> Iterator[Server]:
    port = free_port()
    script = repository / "tests" / "browser" / "serve_fake.py"
    folder = tmp_path_factory.mktemp("server")
    gate = folder / "gate"
    server = Server([sys.executable, str(script), str(port), str(gate)], port, folder / "log.txt", "compare")
    server.gate = gate
    yield server
    server.close()


class Watched:
    """A page, with what went wrong in it."""

    def __init__(self, chromium: Any, width: int = 1280, height: int = 720, **context: Any) -> None:
        self.context = chromium.new_context(viewport={"width": width, "height": height}, **context)
        self.page = self.context.new_page()
        self.page.set_default_timeout(WAIT_MS)
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("request", self._seen)

    def _told(self, message: Any) -> None:
        """Errors, but for the icon that browsers look for at the root of a host, which is not ours under a prefix."""
        if message.type == "error" and not message.location.get("url", "").endswith("/favicon.ico"):
            self.errors.append(message.text)

    def _seen(self, request: Any) -> None:
        if request.url.startswith(("http", "ws")):
            self.hosts.add(request.url.split("/")[2].split(":")[0])

    def open(self, url: str, ready: str = ".tile img") -> Watched:
        self.page.goto(url)
        self.page.wait_for_selector(ready, state="attached")
        return self

    def settled(self) -> None:
        """Wait until the maps of the present photograph are done and drawn."""
        self.page.get_by_text("done in").wait_for()
        self.page.wait_for_function(f"() => {{ {DEEP} return deep(document, '[data-painted]').length > 0 }}")
        self.frames()

    def show_more(self) -> None:
        """Open the inputs that are not in the bar, unless they are open."""
        button = self.page.get_by_role("button", name=re.compile("^More"))
        if button.get_attribute("aria-pressed") != "true":
            button.click()
            self.page.locator(".id").first.click()  # keys are the page's again
        self.page.get_by_role("slider", name="Opacity").wait_for()

    def frames(self, count: int = 3) -> None:
        """Let the browser draw ``count`` frames."""
        self.page.evaluate(
            "n => new Promise(done => { const next = () => n-- > 0 ? requestAnimationFrame(next) : done(); next() })",
            count,
        )

    def rest(self, read: Callable[[], Any], unlike: Any = None) -> Any:
        """What ``read`` gives once it gives the same twice, and something other than ``unlike``."""
        end = time.monotonic() + WAIT_MS / 1000
        before = None
        while (now := read()) != before or now == unlike:
            if time.monotonic() > end:
                pytest.fail(f"after {WAIT_MS / 1000:g} s still {now!r}")
            before = now
            self.page.wait_for_timeout(100)
        return now

    def model(self, name: str, expression: str) -> Any:
        """``expression`` over ``m``, the Bokeh model whose name ends in ``name``."""
        return self.page.evaluate(
            "([name, code]) => { for (const m of Bokeh.documents[0]._all_models.values()) "
            "if (m.name?.endsWith?.('/' + name)) return new Function('m', 'return ' + code)(m); "
            "throw new Error('no model ' + name) }",
            [name, expression],
        )

    def array(self, panel: str) -> np.ndarray:
        """The array that a panel's data source holds in the browser."""
        shape, flat = self.model(
            f"source/{panel}",
            "(a => [[...a.shape], Array.from(a, v => Number.isFinite(v) ? v : null)])(m.get_column('image')[0])",
        )
        kind = np.uint32 if panel in ("photo", "noisy", "erased") else np.float32
        return np.array([np.nan if v is None else v for v in flat]).astype(kind).reshape(shape)

    def box(self, panel: str) -> dict[str, float]:
        """Where a panel's frame lies in the window, in CSS pixels."""
        return self.model(
            f"figure/{panel}",
            "(() => { const v = Bokeh.index.find_one(m); const o = v.canvas_view.el.getBoundingClientRect(); "
            "const f = v.frame.bbox; return {x: o.x + f.left, y: o.y + f.top, width: f.width, height: f.height} })()",
        )

    def pixels(self, panel: str) -> np.ndarray:
        """The drawn frame of a panel, uint8 (y, x, 3)."""
        import io

        from PIL import Image

        box = self.box(panel)
        picture = self.page.screenshot(clip={k: round(v) for k, v in box.items()})
        return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))

    def still(self, panel: str) -> np.ndarray:
        """The drawn frame of a panel, once two pictures of it in a row are the same."""
        pictures: list[np.ndarray] = []

        def look() -> bytes:
            pictures.append(self.pixels(panel))
            return pictures[-1].tobytes()

        self.rest(look)
        return pictures[-1]

    def looks_like(self, panel: str, picture: np.ndarray, within: float) -> bool:
        """Whether a panel comes to show ``picture``, but for ``within`` of 255 in the mean."""
        end = time.monotonic() + WAIT_MS / 1000
        while np.abs(self.pixels(panel).astype(int) - picture).mean() >= within:
            if time.monotonic() > end:
                return False
            self.page.wait_for_timeout(100)
        return True

    def point(self, panel: str, x: float, y: float, side: int = 224) -> None:
        """Move the mouse to a position given in pixels of the photograph's frame and wait until it is read."""
        for _ in range(30):
            self.hover(panel, x, y, side)
            at = self.readout()["photo"]
            if "x" in at and abs(int(at["x"]) - x) <= 2 and abs(int(at["y"]) - y) <= 2:
                return
            self.page.wait_for_timeout(100)
        pytest.fail(f"the crosshair did not come to {x}, {y}; the readout says {at}")

    def hover(self, panel: str, x: float, y: float, side: int = 224) -> None:
        """Move the mouse, whatever comes of it."""
        box = self.box(panel)
        self.page.mouse.move(box["x"] + 2, box["y"] + 2)
        self.page.mouse.move(box["x"] + x / side * box["width"], box["y"] + y / side * box["height"])
        self.frames()

    def readout(self) -> dict[str, dict[str, str]]:
        """What the strip under the main row says: panel -> data attributes."""
        return self.page.evaluate(READOUT)

    def close(self) -> None:
        self.context.close()


DEEP = (
    "const deep = (root, css) => { const out = [...root.querySelectorAll(css)]; "
    "for (const e of root.querySelectorAll('*')) if (e.shadowRoot) out.push(...deep(e.shadowRoot, css)); return out };"
)
READOUT = (
    f"() => {{ {DEEP} "
    "return Object.fromEntries(deep(document, '.cell').map(c => [c.dataset.panel, {...c.dataset}])) }"
)


@pytest.fixture
def visit(chromium, server) -> Iterator[Callable[..., Watched]]:
    """Open pages of the fake server; at the end none of them may have had an error or asked another host."""
    opened: list[Watched] = []

    def open_page(path: str = "compare", ready: str = ".tile img", **options: Any) -> Watched:
        opened.append(Watched(chromium, **options))
        return opened[-1].open(f"{server.url}/{path}", ready)

    yield open_page
    for one in opened:
        one.close()
        assert one.errors == []
        assert one.hosts <= {"localhost"}


@pytest.fixture(scope="module")
def _standing(chromium, server) -> Iterator[Watched]:
    page = Watched(chromium).open(f"{server.url}/compare")
    yield page
    page.close()


@pytest.fixture
def page(_standing) -> Watched:
    """The comparison page, open, on its first photograph, its maps done; shared by the tests of a module."""
    _standing.page.keyboard.press("Escape")
    _standing.page.locator(".id").first.scroll_into_view_if_needed()
    tile = _standing.page.locator('.tile[data-image="photo 00000"]')
    tile.click()
    _standing.page.locator(".id").get_by_text("photo 00000", exact=True).wait_for()
    _standing.settled()
    yield _standing
    assert _standing.errors == []
    assert _standing.hosts <= {"localhost"}
