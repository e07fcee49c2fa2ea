"""Notes and saved views of a page: what the editor is told, and that one wrong thing loses nothing else."""

import json

import panel as pn
import pytest

from gala_viz.panels.compare.compare_view import CompareView
from gala_viz.panels.gallery.collection_index import CollectionIndex
from gala_viz.panels.notes.notes_view import NotesView
from gala_viz.panels.page_persistence import READ_ONLY_TEXT, SHARED_NOTES_TEXT, PagePersistence
from gala_viz.panels.view_state import CurrentImage
from gala_viz.records.database import Database
from gala_viz.records.notes import MAX_TAG_LENGTH, MAX_TEXT_LENGTH, Note, Notes
from gala_viz.records.saved_views import SavedView, SavedViews
from tests.panels.fake_source import FakeSource
from tests.panels.script import SCRIPT, until

IMAGE = "photo 00001"


@pytest.fixture
def view(tmp_path):
    database = Database(tmp_path / "records.sqlite")
    made = NotesView(
        Notes(database, "photos"), SavedViews(database, "photos"), CollectionIndex(FakeSource(count=6)), CurrentImage(),
        SCRIPT, page="compare", query=lambda: "v=1&image=photo 00001",
    )  # fmt: skip
    made.sent = []
    made.component._send_msg = made.sent.append
    yield made
    made.close()
    database.close()


def asked(view, **message):
    """What the browser is told when it sends ``message``."""
    view.sent.clear()
    view._heard(message)
    until(lambda: view.sent)
    (told,) = view.sent
    return told


def draft(text="", tags="", seen=0, *, bookmarked=False):
    return {"image": IMAGE, "bookmarked": bookmarked, "tags": tags, "text": text, "seen": seen}


def test_a_tag_that_is_refused_takes_nothing_else_along(view):
    told = asked(view, save=draft("all that I saw", f"ears, {'x' * 61}, paws"))
    assert told["saved"]["text"] == "all that I saw"
    assert told["saved"]["tags"] == "ears, paws"
    assert f"at most {MAX_TAG_LENGTH} letters were expected, 61 came" in told["refused"]
    told = asked(view, save=draft("more", "ears", told["saved"]["seen"]))
    assert (told["saved"]["text"], told["refused"]) == ("more", "")


def test_a_text_too_long_is_refused_with_words_and_what_was_kept_stays(view):
    first = asked(view, save=draft("kept"))["saved"]
    told = asked(view, save=draft("x" * (MAX_TEXT_LENGTH + 10_000), "ears", first["seen"], bookmarked=True))
    assert "at most 20,000 letters; this one has 30,000. Take 10,000 away" in told["refused"]
    stored = view.notes.all()[IMAGE]
    assert (stored.text, stored.tags, stored.bookmarked) == ("kept", ("ears",), True)


def test_what_fails_is_told_beside_the_controls_it_was_asked_with(view):
    assert asked(view, keep="ears")["about"] == "views"
    told = asked(view, keep="ears")
    assert (told["about"], told["wrong"]) == ("views", True)
    assert "called “ears” already" in told["told"]
    assert asked(view, keep="paws") == {"told": "The view “paws” is saved.", "about": "views", "kept": "paws"}
    assert [one["name"] for one in view.component.saved_views] == ["ears", "paws"]
    assert asked(view, drop="ears")["about"] == "views"
    assert [one["name"] for one in view.component.saved_views] == ["paws"]
    for wrong in ("no JSON", "[]", 7):
        told = asked(view, **{"import": wrong})
        assert (told["about"], told["wrong"]) == ("files", True)
    assert set(asked(view, save={**draft("a"), "image": "uploaded"})) == {"failed"}


def test_who_waits_at_a_conflict_is_told_of_every_later_change(view):
    first = view.notes.write(Note(image=IMAGE, text="from tab one"))
    assert asked(view, save=draft("from tab two"))["conflict"]["text"] == "from tab one"
    view.notes.write(Note(image=IMAGE, text="from tab one ONE", changed_ms=first.changed_ms))
    told = asked(view, look=IMAGE)["stored"]
    assert told["text"] == "from tab one ONE"
    assert asked(view, save=draft("from tab two", seen=told["seen"]))["saved"]["text"] == "from tab two"


def test_where_notes_are_read_only_whatever_a_browser_sends_changes_nothing(tmp_path):
    database = Database(tmp_path / "records.sqlite")
    kept = Notes(database, "photos").write(Note(image=IMAGE, text="kept", bookmarked=True))
    SavedViews(database, "photos").save(SavedView(name="ears", page="compare", query="v=1"))
    view = NotesView(
        Notes(database, "photos", read_only=True), SavedViews(database, "photos", read_only=True),
        CollectionIndex(FakeSource(count=6)), CurrentImage(), SCRIPT, page="compare",
        owner_text="Read-only.", read_only_reason="Why.",
    )  # fmt: skip
    view.sent = []
    view.component._send_msg = view.sent.append
    until(lambda: view.component.items)
    assert view.component.items[0]["image"] == IMAGE
    assert (view.component.read_only, view.component.owner_text, view.component.read_only_reason) == (
        True,
        "Read-only.",
        "Why.",
    )
    exported = json.dumps(Notes(database, "photos").export_notes())
    assert "read-only here" in asked(view, save=draft("", seen=kept.changed_ms))["failed"]
    for message in ({"import": exported}, {"keep": "paws"}, {"drop": "ears"}):
        told = asked(view, **message)
        assert told["wrong"]
        assert "read-only here" in told["told"]
    assert json.loads(asked(view, export=True)["download"])["notes"][0]["text"] == "kept"
    assert Notes(database, "photos").all() == {IMAGE: kept}
    assert [one.name for one in SavedViews(database, "photos").own_views()] == ["ears"]
    view.close()
    database.close()


@pytest.mark.parametrize(
    ("user", "cookies", "read_only_notes", "read_only", "where"),
    [
        (None, {}, False, False, SHARED_NOTES_TEXT),
        (None, {}, True, True, READ_ONLY_TEXT),
        ("anna", {}, True, False, "Notes of anna."),
        ("guest", {"is_guest": "1"}, True, True, READ_ONLY_TEXT),
        ("guest", {"is_guest": "1"}, False, False, SHARED_NOTES_TEXT),
    ],
)
def test_only_a_login_writes_where_others_reach_the_server(
    user, cookies, read_only_notes, read_only, where, tmp_path, monkeypatch
):
    monkeypatch.setattr(type(pn.state), "user", property(lambda _: user))
    monkeypatch.setattr(type(pn.state), "cookies", property(lambda _: cookies))
    source = FakeSource(count=6)
    shown = CompareView(source, CollectionIndex(source), SCRIPT)
    database = Database(tmp_path / "records.sqlite")
    keeping = PagePersistence(
        "compare", {}, shown.gallery, SCRIPT, database, lambda _: None, read_only_notes=read_only_notes
    )
    assert keeping.notes_view.notes.read_only == keeping.notes_view.saved_views.read_only == read_only
    assert keeping.notes_view.component.owner_text == where
    assert bool(keeping.notes_view.component.read_only_reason) == read_only
    assert keeping.notes_hint == ("read-only here" if read_only else "kept as you type")
    keeping.close()
    shown.close()
    database.close()
