"""Notes and saved views in a real database: nothing that somebody wrote is replaced unseen."""

import json
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from gala_viz.records.note_tables import NoteRecord
from gala_viz.records.notes import MAX_TAGS, MAX_TEXT_LENGTH, Note, NoteChangedError, Notes, ReadOnlyError, parse_tags
from gala_viz.records.saved_views import SavedView, SavedViews
from gala_viz.registry import UnknownNameError


@pytest.fixture
def notes(database):
    return Notes(database, "photos")


def test_a_note_comes_back_as_it_was_written(notes):
    written = notes.write(
        Note(image="cat/1", bookmarked=True, tags=("ears", "odd one"), text="**Look** at the ears 🐈")
    )
    assert notes.all() == {"cat/1": written}
    assert written.changed_ms > 0


def test_notes_of_another_person_or_collection_are_not_seen(database, notes):
    notes.write(Note(image="cat/1", text="mine"))
    assert Notes(database, "photos", "anna").all() == {}
    assert Notes(database, "rendered").all() == {}


def test_a_note_changed_elsewhere_is_told_and_not_replaced(notes):
    first = notes.write(Note(image="cat/1", text="one"))
    second = notes.write(Note(image="cat/1", text="two", changed_ms=first.changed_ms))
    assert second.changed_ms > first.changed_ms
    with pytest.raises(NoteChangedError, match="changed elsewhere") as refused:
        notes.write(Note(image="cat/1", text="three", changed_ms=first.changed_ms))
    assert refused.value.stored_note == second
    assert notes.all()["cat/1"].text == "two"


def test_the_first_note_on_an_image_written_in_two_windows_at_once_is_told_to_the_second(database, notes):
    with ThreadPoolExecutor(1) as thread:
        with database.write_transaction() as connection:
            first = {"image": "a", "bookmarked": True, "tags": [], "text": "first", "changed_ms": 7}
            connection.execute(insert(NoteRecord).values(owner="", collection="photos", **first))
            second = thread.submit(notes.write, Note(image="a", text="second"))
            assert not wait([second], timeout=0.5).done
        with pytest.raises(NoteChangedError) as told:
            second.result(timeout=30)
    assert told.value.stored_note.text == notes.get("a").text == "first"


def test_an_empty_note_is_taken_away(notes):
    first = notes.write(Note(image="cat/1", bookmarked=True))
    assert notes.write(Note(image="cat/1", changed_ms=first.changed_ms)).changed_ms == 0
    assert notes.all() == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "x" * (MAX_TEXT_LENGTH + 1)},
        {"tags": ("x" * 41,)},
        {"tags": ("a\nb",)},
        {"tags": (" ",)},
        {"tags": tuple(f"t{k}" for k in range(21))},
        {"tags": "ears"},
        {"bookmarked": "yes"},
        {"image": 7},
    ],
)
def test_what_no_note_can_hold_is_refused(wrong):
    with pytest.raises(ValueError, match=r"a note has|a tag is"):
        Note(**{"image": "a", **wrong})


def test_tags_are_typed_with_commas():
    assert parse_tags(" Ears, odd   one ,#ears,,") == ("ears", "odd one")


def test_an_export_taken_in_twice_changes_nothing_and_joins_what_differs(database, notes):
    notes.write(Note(image="a", bookmarked=True, text="one"))
    notes.write(Note(image="b", tags=("x",)))
    content = json.loads(json.dumps(notes.export_notes()))
    other = Notes(database, "photos", "anna")
    other.write(Note(image="a", tags=("y",), text="hers"))
    assert other.import_notes(content, ["a", "b"]) == (2, 0)
    assert other.all()["a"].text == "hers\n\none"
    assert (other.all()["a"].bookmarked, other.all()["a"].tags) == (True, ("y",))
    before = {image: (note.text, note.tags) for image, note in other.all().items()}
    assert other.import_notes(content, ["a"]) == (1, 1)
    assert {image: (note.text, note.tags) for image, note in other.all().items()} == before


def test_tags_for_which_there_is_no_room_are_put_beneath_the_text(database, notes):
    notes.write(Note(image="a", tags=tuple(f"mine {k}" for k in range(MAX_TAGS - 1)), text="one"))
    content = json.loads(json.dumps(notes.export_notes()))
    other = Notes(database, "photos", "anna")
    other.write(Note(image="a", tags=("hers", "and hers", "third")))
    for _ in range(2):
        other.import_notes(content)
        note = other.all()["a"]
        assert note.tags == ("hers", "and hers", "third", *(f"mine {k}" for k in range(MAX_TAGS - 3)))
        assert note.text == f"one\n\nMore tags: mine {MAX_TAGS - 3}, mine {MAX_TAGS - 2}"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)


@given(json_like | st.fixed_dictionaries({"format": st.just(1), "notes": st.lists(json_like, max_size=3)}))
def test_no_file_of_another_kind_is_taken_in(content):
    never = Notes(None, "photos")  # the database is not reached
    empty = isinstance(content, dict) and content.get("format") == 1 and content.get("notes") == []
    if not empty:
        with pytest.raises(ValueError, match=r"expected|unknown settings|a note has|a tag|Note"):
            never.import_notes(content)


def test_a_saved_view_opens_under_its_name_for_everybody(database):
    views = SavedViews(database, "photos", "anna")
    views.save(SavedView(name="  ears of  cats", page="compare", query="v=1&image=cat/1"))
    assert SavedViews(database, "photos", "ben").load_query("ears of cats", "compare") == "v=1&image=cat/1"
    assert [view.name for view in views.own_views()] == ["ears of cats"]
    assert SavedViews(database, "photos", "ben").own_views() == []
    with pytest.raises(UnknownNameError, match="Did you mean 'ears of cats'"):
        views.load_query("ears of cat", "compare")
    with pytest.raises(UnknownNameError, match="no saved view"):
        views.load_query("ears of cats", "explore")


def test_a_name_that_is_taken_is_refused_whoever_has_it(database):
    SavedViews(database, "photos", "anna").save(SavedView(name="ears", page="compare", query="a"))
    for other in (SavedViews(database, "photos", "anna"), SavedViews(database, "rendered", "ben")):
        with pytest.raises(ValueError, match="called “ears” already"):
            other.save(SavedView(name="ears", page="compare", query="b"))
    SavedViews(database, "photos", "ben").delete("ears")
    assert SavedViews(database, "photos", "anna").load_query("ears", "compare") == "a", "only its maker deletes a view"
    SavedViews(database, "photos", "anna").delete("ears")
    assert SavedViews(database, "photos", "anna").own_views() == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "x" * 61, "?v=1", "<b>"])
def test_names_are_such_as_a_link_can_hold(database, name):
    with pytest.raises(ValueError, match="a name of letters"):
        SavedViews(database, "photos").save(SavedView(name=name, page="compare", query=""))


def test_who_may_only_read_sees_and_exports_everything_and_changes_nothing(database, notes):
    written = notes.write(Note(image="cat/1", text="mine", bookmarked=True))
    SavedViews(database, "photos").save(SavedView(name="ears", page="compare", query="v=1&n=20"))
    reader, views = Notes(database, "photos", read_only=True), SavedViews(database, "photos", read_only=True)
    changes = [
        lambda: reader.write(Note(image="cat/1", changed_ms=written.changed_ms)),
        lambda: reader.write(Note(image="cat/2", text="new")),
        lambda: reader.import_notes({"format": 1, "notes": [{"image": "cat/2", "text": "new"}]}),
        lambda: views.save(SavedView(name="paws", page="compare", query="")),
        lambda: views.delete("ears"),
    ]
    for change in changes:
        with pytest.raises(ReadOnlyError, match="read-only here"):
            change()
    assert reader.all() == notes.all() == {"cat/1": written}
    assert reader.get("cat/1") == written
    assert reader.export_notes() == notes.export_notes()
    assert [view.name for view in views.own_views()] == ["ears"]
    assert views.load_query("ears", "compare") == "v=1&n=20"
