"""The experimenter's page: closed without its password, and then true to the records."""

import zipfile
from types import SimpleNamespace

import numpy as np
import pytest
from bokeh.document import Document
from panel.io.state import set_curdoc

from gala_viz.panels.connection_monitor import ConnectionMonitor
from gala_viz.panels.game.experimenter_markup import round_counts
from gala_viz.panels.game.experimenter_page import ExperimenterPage
from gala_viz.plots.game_records import map_preview
from gala_viz.records.database import Database
from gala_viz.records.overview import overview
from gala_viz.records.password import ATTEMPTS_PER_MIN, TOTAL_ATTEMPTS_PER_MIN, Password, read_password
from tests.loops import in_own_loop
from tests.records.test_export import lab  # noqa: F401  # records of five people on four photographs

SECRET = "a long password"


class Guarded:
    """A database that tells when it is read."""

    def __init__(self, database):
        self._database, self.reads = database, 0

    def __getattr__(self, name):
        self.reads += 1
        return getattr(self._database, name)


@pytest.fixture
def page(lab):  # noqa: F811
    _, collection, database = lab
    return ExperimenterPage(collection, Guarded(database), Password(SECRET))


def words(page):
    return " ".join(str(getattr(part, "object", "")) for part in page.body.select())


def test_the_page_says_when_its_server_is_gone(page):
    assert ConnectionMonitor in [type(part) for part in page.page.header]


@pytest.mark.parametrize("tried", ["", "wrong", SECRET + "x", SECRET.upper(), "ä" * 20])
def test_nothing_is_read_before_the_password_was_right(page, tried):
    page.password_input.value = tried
    page.check_password()
    assert page._database.reads == 0
    assert "rounds" not in words(page)
    if tried:
        assert "not the password" in page.refusal_pane.object


def test_a_few_wrong_tries_close_the_door_for_a_while(page):
    for number in range(12):
        page.password_input.value = f"wrong {number}"
    assert "too many tries" in page.refusal_pane.object
    page.password_input.value = SECRET
    assert page._database.reads == 0


def session_from(address):
    """A document whose session a browser at ``address`` opened."""
    context = SimpleNamespace(request=SimpleNamespace(remote_ip=address, arguments={}, cookies={}, headers={}))
    document = Document()
    document._session_context = lambda: context
    return document


def test_wrong_tries_from_one_address_do_not_close_the_door_for_others(lab):  # noqa: F811
    _, collection, database = lab
    password = Password(SECRET)
    pages = []
    for address in ("192.0.2.1", "192.0.2.2"):
        with set_curdoc(session_from(address)):
            pages.append(ExperimenterPage(collection, Guarded(database), password))
    guessing, own = pages
    for number in range(ATTEMPTS_PER_MIN + 1):
        guessing.password_input.value = f"wrong {number}"
    assert "too many tries" in guessing.refusal_pane.object
    guessing.password_input.value = SECRET
    assert guessing._database.reads == 0
    own.password_input.value = SECRET
    assert own._database.reads > 0


def test_right_passwords_are_not_counted_as_tries():
    password = Password(SECRET)
    assert all(password.matches(SECRET, "192.0.2.1") for _ in range(2 * TOTAL_ATTEMPTS_PER_MIN))


def test_many_addresses_together_have_few_tries_too():
    password = Password(SECRET)
    for number in range(TOTAL_ATTEMPTS_PER_MIN):
        assert not password.matches("wrong", f"2001:db8:0:{number:x}::1")
    with pytest.raises(PermissionError, match="too many tries"):
        password.matches(SECRET, "192.0.2.1")


def test_addresses_that_one_host_has_for_itself_are_one():
    password = Password(SECRET)
    for number in range(ATTEMPTS_PER_MIN):
        assert not password.matches("wrong", f"2001:db8::{number:x}")
    with pytest.raises(PermissionError, match="too many tries"):
        password.matches("wrong", "2001:db8::ffff%eth0")
    assert password.matches(SECRET, "2001:db8:0:1::1")
    assert password.matches(SECRET, "::ffff:192.0.2.1")


def test_a_page_without_a_password_stays_closed(lab):  # noqa: F811
    _, collection, database = lab
    page = ExperimenterPage(collection, Guarded(database), None)
    assert "closed" in words(page)
    assert page._database.reads == 0


def test_the_right_password_shows_what_was_collected(page, lab):  # noqa: F811
    _, collection, database = lab
    page.password_input.value = SECRET
    assert "<b>5</b> participants, 15 rounds" in words(page)
    table = page.image_counts
    assert table["rounds"].sum() == 15
    assert table["simulated rounds"].sum() == 6
    page.image_table.selected = table["image"][0]
    assert "collected ClickMe, n = " in page.map_preview_pane.object
    in_own_loop(page._show_reliability(None))
    assert "n = 4 images" in page.reliability_pane.object
    assert "Filtered as an export: 12 of 15 rounds kept; dropped: mobile devices: 3." in page.reliability_pane.object
    assert "0.000 to 0.975" in words(page), "the interval of a catch score of one trial"
    assert "leaves out participants whose interval lies below 0.95" in words(page)
    assert "Of all finished rounds, not filtered." in words(page), "the maps"
    page.pause_switch.value = True
    assert overview(database).paused
    page.pause_switch.value = False
    assert not overview(database).paused
    assert len(collection.images) == len(table)


@pytest.mark.parametrize("kind", ["csv", "npz", "tfrecords", "zarr"])
def test_files_hold_all_rounds(page, kind):
    page.password_input.value = SECRET
    with zipfile.ZipFile(page._zipped(kind, False)) as archive:
        names = archive.namelist()
        assert any(kind in name for name in names)
        assert b'"rounds": 15' in archive.read("clicks.json")


def test_names_are_text():
    evil = "<script>alert(1)</script>"
    told = map_preview(np.zeros((20, 30, 3), np.uint8), None, evil, "", 0)
    assert "<script" not in told
    found = SimpleNamespace(outcomes={evil: 1}, collections={}, n_participants=0, n_simulated=0)
    assert "<script" not in round_counts(evil, found)


def test_a_password_comes_from_the_environment_or_a_file_and_is_not_short(tmp_path, monkeypatch):
    monkeypatch.delenv("GALA_VIZ_PASSWORD", raising=False)
    assert read_password() is None
    monkeypatch.setenv("GALA_VIZ_PASSWORD", SECRET)
    assert read_password().matches(SECRET, "192.0.2.1")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    assert read_password(tmp_path / "secret").matches(SECRET, "192.0.2.1")
    with pytest.raises(ValueError, match="at least 8"):
        Password("short")


def test_records_are_not_made_by_looking(tmp_path):
    database = Database(tmp_path / "r.sqlite")
    assert overview(database).outcomes == {}
    database.close()


@pytest.mark.parametrize("attempt", ["\ud800", "\0", "9" * 400])
def test_what_is_no_text_is_not_the_password_and_raises_no_error(attempt):
    assert not Password(SECRET).matches(attempt, "192.0.2.1")
