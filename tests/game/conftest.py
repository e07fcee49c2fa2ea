"""A game on a real server, in the test's own loop."""

from contextlib import asynccontextmanager

import pytest
import tornado.httpserver
import tornado.web
from tornado.testing import bind_unused_port

from gala_viz.game.handlers import routes
from tests.game import shapes
from tests.loops import in_own_loop


@asynccontextmanager
async def served(game, prefix="/lab"):
    """The address of ``game`` under ``prefix``."""
    server = tornado.httpserver.HTTPServer(tornado.web.Application(routes(game, prefix, {"gala_viz": "test"})))
    socket, port = bind_unused_port()
    server.add_socket(socket)
    try:
        yield f"http://127.0.0.1:{port}{prefix}"
    finally:
        server.stop()
        await server.close_all_connections()
        await game.close()


@pytest.fixture
def playing(tmp_path):
    """``run(script, **settings)``: play ``script(url, game)`` on a fresh game."""

    def run(script, *, records=None, count=9, limits=shapes.FREE, **spec):
        async def whole():
            where = records or tmp_path / "records.sqlite"
            game = shapes.game(tmp_path / "photos", where, count, limits, **spec)
            async with served(game) as url:
                return await script(url, game)

        return in_own_loop(whole(), 120)

    return run
