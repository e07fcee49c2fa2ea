"""The journal: private, one for each server, whole after a crash, and without whom it should forget."""

import json
import stat
import threading

import pytest

from gala_viz.records.database import Database, DatabaseError
from gala_viz.records.journal import (
    Journal,
    journal_folder,
    refused_entries,
    remove_participant,
    remove_unknown_participants,
)


def entry(number, participant="ann"):
    return {"participant": participant, "number": number}


@pytest.fixture
def database(tmp_path):
    opened = Database(tmp_path / "records.sqlite")
    yield opened
    opened.close()


def crashed(database, *entries):
    """A journal whose server is gone without a word."""
    journal = Journal(database)
    for one in entries:
        journal.append(one)
    journal._lock.release()
    return journal.path


def test_the_next_server_finds_what_a_dead_one_received_and_only_once(database):
    crashed(database, entry(1), entry(2))
    second, third = Journal(database), Journal(database)
    assert second.recover() == [entry(1), entry(2)]
    assert third.recover() == []
    second._lock.release()
    assert third.recover() == [entry(1), entry(2)], "what was adopted and not yet stored is not lost either"


def test_the_journal_of_a_running_server_is_left_alone(database):
    running, starting = Journal(database), Journal(database)
    running.append(entry(1))
    assert starting.recover() == []
    running.append(entry(2))
    running.close()
    assert starting.recover() == [entry(1), entry(2)]


def test_what_a_dead_server_wrote_anew_and_did_not_finish_goes_away_whoever_adopted_it(database):
    dead = crashed(database, entry(1))
    adopted = crashed(database, entry(2))
    for path in (dead, adopted, journal_folder(database) / "refused.jsonl"):
        path.with_suffix(".new").write_bytes(dead.read_bytes())
    adopted.unlink()
    journal = Journal(database)
    assert journal.recover() == [entry(1)]
    assert not list(journal.folder.glob("*.new"))
    adopted.with_suffix(".new").write_bytes(journal.path.read_bytes())
    remove_participant(database, "ann")
    assert not list(journal.folder.glob("*.new"))


def test_a_line_that_was_cut_off_costs_no_other(database, caplog):
    path = crashed(database, entry(1), entry(2))
    content = path.read_bytes()
    path.write_bytes(content[:-5])
    journal = Journal(database)
    assert journal.recover() == [entry(1)]
    assert "1 lines are damaged" in caplog.text


def test_what_is_appended_after_a_cut_line_is_whole(database):
    journal = Journal(database)
    journal.append(entry(1))
    journal.path.write_bytes(journal.path.read_bytes()[:-5])
    journal.append(entry(2))
    journal.close()
    assert Journal(database).recover() == [entry(2)]


def test_a_changed_number_is_noticed(database, caplog):
    path = crashed(database, entry(1), entry(2))
    path.write_bytes(path.read_bytes().replace(b'"number":1', b'"number":7'))
    assert Journal(database).recover() == [entry(2)]
    assert "damaged" in caplog.text


def test_only_this_account_may_read_it(database):
    journal = Journal(database)
    journal.append(entry(1))
    journal.rewrite([entry(1)])
    journal.refuse(entry(2), "nobody wants it")
    for path in (journal.folder, *journal.folder.iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_a_participant_is_cleared_from_running_dead_and_refused_journals(database):
    dead = crashed(database, entry(1), entry(2, "bob"))
    running = Journal(database)
    running.append(entry(3))
    running.append(entry(4, "bob"))
    running.refuse(entry(5), "no")
    running.refuse(entry(6, "bob"), "no")
    assert remove_participant(database, "ann") == 3
    assert remove_participant(database, "ann") == 0
    assert all(b"ann" not in path.read_bytes() for path in journal_folder(database).iterdir())
    assert [one["number"] for one in refused_entries(database)] == [6]
    running.append(entry(7, "bob"))
    assert dead.exists()
    running.close()
    assert sorted(one["number"] for one in Journal(database).recover()) == [2, 4, 7]


def test_refused_entries_of_those_who_are_no_longer_there_go_away(database):
    journal = Journal(database)
    for number, who in enumerate(("ann", "bob", "ann")):
        journal.refuse(entry(number, who), "no")
    assert remove_unknown_participants(database, lambda who: who == "bob") == 2
    assert refused_entries(database) == [{**entry(1, "bob"), "refused": "no"}]


def test_nothing_is_lost_between_those_who_append_and_those_who_remove(database):
    journal = Journal(database)

    def append():
        for number in range(300):
            journal.append(entry(number, "bob" if number % 2 else "ann"))

    threads = [threading.Thread(target=append) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        remove_participant(database, "ann")
    remove_participant(database, "ann")
    journal.close()
    found = Journal(database).recover()
    assert sorted(one["number"] for one in found) == sorted(3 * list(range(1, 300, 2)))


def test_an_empty_journal_leaves_nothing_behind(database):
    journal = Journal(database)
    journal.append(entry(1))
    journal.rewrite([])
    journal.close()
    assert list(journal_folder(database).iterdir()) == []


def test_a_folder_that_cannot_be_written_is_told_at_the_start(database):
    journal_folder(database).write_text("a file in its place")
    with pytest.raises(DatabaseError, match="cannot be written"):
        Journal(database)


def test_databases_of_one_machine_have_journals_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("GALA_VIZ_DATA", str(tmp_path / "data"))

    class Named:
        def __init__(self, name):
            self.name = name

    urls = [
        "postgresql+psycopg://ann:***@db.example/game",
        "postgresql+psycopg://ann:***@db.example/other",
        "postgresql+psycopg://ann:***@db.example:5433/game",
        f"sqlite:///{tmp_path}/game.sqlite",
    ]
    folders = [journal_folder(Named(url)) for url in urls]
    assert len(set(folders)) == 4
    assert journal_folder(Named(urls[0].replace("ann", "bob"))) == folders[0], "whoever connects to it"
    assert folders[3].parent == tmp_path
    assert {folder.parent for folder in folders[:3]} == {tmp_path / "data" / "journals"}


def test_an_entry_reads_as_plain_json_after_its_checksum(database):
    path = crashed(database, entry(1))
    told, _, body = path.read_text().rstrip("\n").partition(" ")
    assert json.loads(body) == entry(1)
    assert len(told) == 8


def test_a_journal_may_be_closed_by_another_thread(database):
    journal = Journal(database)
    journal.append(entry(1))
    thread = threading.Thread(target=journal.close)
    thread.start()
    thread.join()
    assert Journal(database).recover() == [entry(1)]
