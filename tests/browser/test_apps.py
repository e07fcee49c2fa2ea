"""The other apps as ``panel serve`` serves them: the experimenter's door, the experiment with its addresses."""

import os
import sys

import pytest

from gala_viz.cli import main
from tests.browser.accessibility import check_accessible
from tests.browser.conftest import Server, Watched, free_port
from tests.experiment.folder_of_animals import make
from tests.tiers import slow

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]
SECRET = "a long password"


@pytest.fixture(scope="module")
def served(chromium_path, repository, tmp_path_factory):
    """``served(app, *arguments)``: the address of an app's own server, or of a page that the ``command`` serves."""
    servers = []

    def serve(name, *arguments, command=""):
        folder, port = tmp_path_factory.mktemp(name), free_port()
        options = ["--port", str(port)]
        if command:
            start = [sys.executable, "-m", "gala_viz", command, *options, "--no-show", *arguments]
        else:
            app = str(repository / "apps" / f"{name}.py")
            start = [sys.executable, "-m", "panel", "serve", app, *options, "--args", *arguments]
        os.environ["GALA_VIZ_PASSWORD"] = SECRET
        servers.append(Server(start, port, folder / "log.txt", "favicon.ico"))
        return f"{servers[-1].url}/{name}"

    yield serve
    for one in servers:
        one.close()


@pytest.fixture
def browser(chromium):
    opened = Watched(chromium)
    opened.page.set_default_timeout(120_000)
    yield opened
    opened.close()
    waiting = "Failed to load resource: the server responded with a status of 404 (Not Found)"
    assert set(opened.errors) <= {waiting}  # a page asks until what is behind it has been loaded
    assert opened.hosts <= {"localhost"}


@pytest.mark.parametrize("command", [pytest.param("", marks=pytest.mark.slow), "game"])
def test_the_experimenters_door_opens_to_its_password_alone(served, browser, tmp_path, command):
    page, records = browser.page, str(tmp_path / "r.sqlite")
    page.goto(served("experimenter", "--collection", "photos", "--records", records, command=command))
    password = page.get_by_label("Password").first
    password.fill("a guess")
    page.get_by_role("button", name="Open").click()
    page.get_by_text("not the password").wait_for()
    assert page.get_by_text("Files").count() == 0
    password.fill(SECRET)
    page.get_by_role("button", name="Open").click()
    page.get_by_role("heading", name="Files").wait_for()
    page.get_by_text("no new rounds are given").first.wait_for()
    page.get_by_role("table", name="Rounds of each image").locator("tbody tr").nth(11).wait_for()
    check_accessible(page, tab=False)  # the focus of a switch is its thumb's, not its input's


@pytest.mark.slow
def test_the_experimenter_finds_an_images_map_with_the_keyboard_and_sees_all_on_a_telephone(served, chromium, tmp_path):
    records = str(tmp_path / "r.sqlite")
    visitor = Watched(chromium, 390, 844, color_scheme="dark")
    page = visitor.page
    page.set_default_timeout(120_000)
    page.goto(served("experimenter", "--collection", "photos", "--records", records, command="game"))
    page.get_by_label("Password").first.fill(SECRET)
    page.keyboard.press("Enter")
    first = page.locator("td button").first
    first.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Nobody has painted this image yet").wait_for()
    assert first.get_attribute("aria-pressed") == "true"
    page.get_by_role("button", name="Go to page 2").click()
    page.locator("td button[aria-pressed=true]").wait_for(state="detached")
    main = page.get_by_role("main")
    assert main.evaluate("main => [main, ...main.querySelectorAll('*')].every(e => e.scrollWidth <= 390)")
    assert page.get_by_role("button", name="Compute reliability").bounding_box()["x"] >= 0
    letters = page.get_by_role("heading", name="Files").evaluate("e => getComputedStyle(e).color")
    assert min(int(part) for part in letters.strip("rgba()").split(",")[:3]) > 200, "light, as the system asks"
    check_accessible(page, tab=False)
    visitor.close()


@pytest.mark.slow
def test_an_experiment_is_served_with_the_addresses_that_its_page_asks(served, browser, tmp_path):
    photos, maps = make(tmp_path, each=8)
    folder = tmp_path / "e"
    prepare = ["experiment", "prepare", "--folder", str(folder), "--collection", str(photos), "--split", "all"]
    prepare += ["--images", "8", "--practice", "2", "--maps", f"clickme=files:{maps}", "saliency=opencv:fine-grained"]
    assert main(prepare) == 0
    page = browser.page
    page.goto(served("experiment", "--folder", str(folder), "--records", str(tmp_path / "r.sqlite")))
    page.get_by_role("button", name="I agree and take part").wait_for()
    page.get_by_text("10 images, about a minute").wait_for()
    assert page.title() == "What did you see?"
    check_accessible(page)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("meta[name=viewport]").count() == 1


@pytest.mark.parametrize(
    ("app", "options", "told"),
    [
        *slow(
            ("game", ["--collection", "nowhere"], "no collection or folder called 'nowhere'"),
            ("experiment", ["--folder", "nowhere"], "gala-viz experiment prepare makes an experiment's file"),
            ("explore", ["--devise", "gpu"], "The options after --args are not understood"),
        ),
    ],
)
def test_an_app_that_cannot_start_says_why_on_its_page(served, browser, app, options, told):
    browser.page.goto(served(app, *options))
    browser.page.get_by_role("alert").get_by_text(told).wait_for()
    assert browser.page.title() == {"game": "ClickMe", "experiment": "What did you see?"}.get(app, f"gala_viz: {app}")
