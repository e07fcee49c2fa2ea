"""Serve the comparison page on a fake source: ``python serve_fake.py PORT [delay_s] [count] [loading_s]``."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import panel as pn

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from gala_viz.panels.compare import compare_page
from gala_viz.panels.shared import shared_source
from tests.panels.fake_source import FakeSource


def main(port: int, delay_s: float = 0.0, count: int = 24, loading_s: float = 0.0) -> None:
    def build(say):
        say("Loading networks…")
        time.sleep(loading_s)
        return FakeSource(count=int(count), delay_s=delay_s)

    pn.serve({"compare": lambda: compare_page(shared_source("fake", build))}, port=port, show=False, title="gala_viz")


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(float, sys.argv[2:]))
