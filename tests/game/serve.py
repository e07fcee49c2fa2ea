"""A small game as a server of its own: python -m tests.game.serve PORT PHOTOGRAPHS RECORDS [LIMIT_MS [PREFIX]]."""

import sys
from pathlib import Path

from gala_viz.commands.page_server import ServerAddress, serve
from gala_viz.game.handlers import game_routes
from gala_viz.panels.game.game_page import game_page
from tests.game import shapes


def main() -> None:
    port, photographs, records = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    limit_ms = float(sys.argv[4]) if len(sys.argv) > 4 else 7000.0
    prefix = sys.argv[5] if len(sys.argv) > 5 else ""
    game = shapes.game(photographs, records, count=24, limit_ms=limit_ms, n_practice=1)
    serve({"game": game_page}, ServerAddress(port=port, prefix=prefix, show=False), patterns=game_routes(game)(""))


if __name__ == "__main__":
    main()
