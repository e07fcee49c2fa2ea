"""From photographs and real networks to pixels, through ``panel serve apps/compare.py``."""

import os
import sys
import time

import numpy as np
import pytest

from tests.browser.conftest import Server, Watched, free_port

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]


def pair(repository):
    """The trained pair where it is; else the unmodified network, twice."""
    names = ("lite0-gala-vanilla", "lite0-gala-human")
    there = all((repository / "models" / name / "weights.safetensors").is_file() for name in names)
    return names if there else ("lite0", "lite0")


@pytest.fixture(scope="module")
def opened(chromium, chromium_path, repository, tmp_path_factory):
    port = free_port()
    command = [sys.executable, "-m", "panel", "serve", str(repository / "apps" / "compare.py"), "--port", str(port)]
    command += ["--args", "--collection", "photos", "--networks", *pair(repository), "--device", "cpu"]
    folder = tmp_path_factory.mktemp("real")
    os.environ["GALA_VIZ_CACHE"] = str(folder / "cache")
    server = Server(command, port, folder / "log.txt", "favicon.ico")
    page = Watched(chromium)
    page.page.set_default_timeout(240_000)
    page.open(f"{server.url}/compare")
    yield page
    page.close()
    server.close()
    assert page.errors == []
    assert page.hosts <= {"localhost"}


def test_a_first_visitor_sees_both_networks_on_the_first_photograph(opened, repository):
    opened.settled()
    opened.page.get_by_text("n = 50 of 50").wait_for()
    for panel in ("photo", "a", "b"):
        assert opened.pixels(panel).std() > 5
    first, second, delta = (opened.array(panel) for panel in ("a", "b", "delta"))
    assert first.shape == second.shape == delta.shape == (224, 224)
    assert np.isfinite(first).all()
    if len(set(pair(repository))) == 1:
        np.testing.assert_array_equal(first, second)
        assert float(np.abs(delta).max()) == 0
    else:
        assert float(np.abs(delta).max()) > 0
    assert opened.page.locator(".column:visible").count() == 4, "no column of people"


def test_every_photograph_of_the_collection_has_its_thumbnail(opened):
    opened.page.wait_for_function("() => true")
    assert opened.page.locator(".tile").count() == 20
    opened.page.locator(".tile img").nth(19).wait_for()


def test_a_photograph_seen_before_is_back_at_once(opened):
    opened.settled()
    before = opened.array("a")
    opened.page.keyboard.press("ArrowRight")
    opened.rest(lambda: opened.array("a").tobytes(), unlike=before.tobytes())
    opened.page.keyboard.press("ArrowLeft")
    end = time.monotonic() + 10
    while not np.array_equal(opened.array("a"), before):
        assert time.monotonic() < end, "its maps are not back"
    assert opened.page.get_by_text("n = 50 of 50").is_visible()
