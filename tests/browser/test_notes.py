"""Notes and saved views in a real browser: nothing that was written is lost, and what fails is told in its place."""

from pathlib import Path

import pytest

from gala_viz.records.database import Database
from gala_viz.records.notes import Note, Notes
from gala_viz.records.saved_views import SavedView, SavedViews
from tests.browser.conftest import DEEP, WAIT_MS


@pytest.fixture
def stored(server):
    """The notes that the server keeps; what a test leaves of notes and views is taken away."""
    database = Database(server.gate.parent / "notes.sqlite")
    notes, views = Notes(database, "fake"), SavedViews(database, "fake")
    before = notes.all().keys(), views.own_views()
    yield notes
    for image, note in notes.all().items():
        if image not in before[0]:
            notes.write(Note(image=image, changed_ms=note.changed_ms))
    for view in views.own_views():
        if view not in before[1]:
            views.delete(view.name)
    database.close()


def text_of(watched):
    return watched.page.get_by_label("Notes", exact=True).last


def go(watched, image, text):
    """Show another photograph; ``text`` must stand in its editor."""
    from playwright.sync_api import expect

    watched.page.locator(f'.tile[data-image="{image}"]').click()
    expect(text_of(watched)).to_have_value(text, timeout=WAIT_MS)


@pytest.mark.slow
def test_views_and_files_tell_beside_their_own_controls_what_went_wrong(visit, stored):
    one = visit("compare")
    views, files = one.page.locator(".views-told"), one.page.locator(".files-told")
    name, save = one.page.get_by_label("Name of this view"), one.page.get_by_role("button", name="Save view")
    save.click()
    views.get_by_text("A name was expected").wait_for()
    for words in ("is saved", "called “twice” already"):
        name.fill("twice")
        save.click()
        views.get_by_text(words).wait_for()
    assert name.input_value() == "twice", "what was typed still stands"
    one.page.locator("input[type=file][accept*=json]").set_input_files(
        {"name": "notes.json", "mimeType": "application/json", "buffer": b"no notes"}
    )
    files.get_by_text("this is no JSON").wait_for()
    assert one.page.locator(".note-told").inner_text() == ""
    assert not one.page.get_by_role("button", name="Save mine").is_visible()
    name.fill("thrice")
    save.click()
    views.get_by_text("“thrice” is saved").wait_for()
    assert views.get_attribute("class").split() == ["views-told", "told", "muted"]

    cross = one.page.get_by_title("Delete the view “thrice”")
    cross.dblclick()
    assert cross.inner_text() == "Delete?"
    assert "thrice" in one.page.locator(".views a").all_inner_texts()
    cross.click()
    views.get_by_text("“thrice” is deleted").wait_for()
    assert "thrice" not in one.page.locator(".views a").all_inner_texts()
    assert "twice" in one.page.locator(".views a").all_inner_texts()


@pytest.mark.slow
def test_a_refused_tag_or_text_is_told_and_stands_until_it_is_mended(visit, stored):
    one = visit("compare?image=photo%2000012")
    told, tags = one.page.locator(".note-told"), one.page.get_by_label("Tags")
    tags.fill("x" * 61)
    told.get_by_text("40 letters were expected, 61 came").wait_for()
    text_of(one).fill("all that I saw")
    one.page.locator(".shown").get_by_text("all that I saw").wait_for()
    assert stored.get("photo 00012").text == "all that I saw"
    assert "61 came" in told.inner_text()
    text_of(one).fill("x" * 30_000)
    told.get_by_text("this one has 30,000").wait_for()
    go(one, "photo 00013", "")
    go(one, "photo 00012", "x" * 30_000)
    assert "this one has 30,000" in told.inner_text()
    text_of(one).fill("short")
    tags.fill("ears")
    told.get_by_text("Kept.").wait_for()
    assert (stored.get("photo 00012").text, stored.get("photo 00012").tags) == ("short", ("ears",))


@pytest.mark.slow
def test_a_conflict_waits_for_a_choice_and_shows_what_is_stored_now(visit, stored):
    one = visit("compare?image=photo%2000014")
    image, told = "photo 00014", one.page.locator(".note-told")
    first = stored.write(Note(image=image, text="from tab one"))
    text_of(one).fill("from tab two")
    told.get_by_text("Changed in another window").wait_for()
    second = stored.write(Note(image=image, text="from tab one ONE", changed_ms=first.changed_ms))
    one.page.locator(".shown").get_by_text("from tab one ONE").wait_for()
    text_of(one).press_sequentially(" TWO")
    go(one, "photo 00015", "")
    go(one, image, "from tab two TWO")
    assert stored.get(image) == second, "nothing is replaced before somebody says so"
    with one.page.expect_event("dialog") as asked:
        one.page.close(run_before_unload=True)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()
    one.page.get_by_role("button", name="Save mine").click()
    told.get_by_text("Kept.").wait_for()
    assert stored.get(image).text == "from tab two TWO"


FORCE = f"""() => {{ {DEEP} for (const one of deep(document, '.star, .tags, .text, .all .line')) {{
  one.disabled = one.hidden = false
}} }}"""
"""Opens what the page shuts, as anybody can in a browser of their own."""


@pytest.mark.slow
def test_read_only_notes_are_seen_and_exported_and_nothing_that_the_page_sends_changes_them(visit, stored):
    image = "photo 00016"
    kept = stored.write(Note(image=image, text="**kept**", tags=("ears",)))
    views = SavedViews(stored._database, "fake")
    views.save(SavedView(name="locked view", page="compare", query="v=1&image=photo 00016"))
    one = visit("locked?image=photo%2000016")
    locked = one.page.locator(".locked")
    locked.get_by_text("Notes are read-only here: there is no login.").wait_for()
    assert "--shared-notes" in locked.get_attribute("title")
    one.page.locator(".shown strong").get_by_text("kept").wait_for()
    assert text_of(one).is_disabled()
    assert one.page.get_by_label("Tags").is_disabled()
    one.page.locator(".views a").get_by_text("locked view").wait_for()
    for name in ("Import", "Save view"):
        assert not one.page.get_by_role("button", name=name).is_visible()
    assert one.page.get_by_title("Delete the view “locked view”").count() == 0
    one.page.keyboard.press("s")
    with one.page.expect_download() as saved:
        one.page.get_by_role("button", name="Export").click()
    content = Path(saved.value.path()).read_text(encoding="utf-8")
    assert image in content
    one.page.evaluate(FORCE)
    text_of(one).fill("")
    one.page.locator(".note-told").get_by_text("Not kept: notes, bookmarks and saved views are read-only").wait_for()
    one.page.get_by_label("Name of this view").fill("mine")
    one.page.get_by_role("button", name="Save view").click()
    one.page.locator(".views-told.wrong").get_by_text("read-only here").wait_for()
    assert stored.get(image) == kept
    assert "mine" not in [view.name for view in views.own_views()]
