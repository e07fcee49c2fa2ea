"""Records in SQLite and in PostgreSQL: the same rounds, choices, leaders, deletions."""

import shutil
import sqlite3
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gala_viz.cli import main
from gala_viz.collections.clickme.catch_score import CatchScore
from gala_viz.commands.records import _copies_beside
from gala_viz.game.game_spec import GameSpec
from gala_viz.game.judge import Judge
from gala_viz.records.database import Database, DatabaseError
from gala_viz.records.finished_rounds import catch_scores, count_rounds_by_image, finished_rounds
from gala_viz.records.image_counts import register_images
from gala_viz.records.journal import Journal, count_waiting_entries, refused_entries
from gala_viz.records.leaderboard import LeaderboardPeriod, leaderboard, player_statistics
from gala_viz.records.participants import Participants, clean_nickname
from gala_viz.records.pause import is_paused, set_paused
from gala_viz.records.round_updates import CanvasPoint, NetworkGuess, Outcome, RoundUpdate
from gala_viz.records.round_writer import RoundWriter
from gala_viz.records.rounds import ParticipantWithdrawnError, Rounds, RoundTakenOverError
from gala_viz.records.tables import (
    CATCH,
    GAME,
    PRACTICE,
    GameSession,
    Guess,
    ImageCount,
    Participant,
    Round,
    RoundPoint,
    now_ms,
)
from gala_viz.records.upgrade import backup_files

SPEC = GameSpec()
SETTINGS = {"canvas_px": 256}
IMAGES = [f"image {number}" for number in range(6)]


@pytest.fixture
def table(database):
    """Records with six images, and what writes and reads them."""
    register_images(database, "shapes", IMAGES)
    return database, Participants(database), Rounds(database)


def player(people, *, simulated=False):
    participant, _ = people.create(simulated=simulated)
    visit = people.start_session(participant, {"pointer": "mouse"}, mobile=False, versions={})
    return participant, visit


def played(table, participant, visit, *, place=1, at_ms=700.0, combo=1, kind=GAME, points=3):
    """One round, played to its end."""
    _, _, rounds = table
    row = rounds.claim_round(participant, visit, "shapes", kind=kind, settings=SETTINGS)
    if row is None:
        return None
    rounds.record_presentation(row.id, "hare", (10.0, 0.0, 266.0, 256.0))
    judge, new = Judge(SPEC), RoundUpdate()
    for number in range(points):
        new.points += judge.paint([(50.0 + number, 60.0, 60.0 * number)], 60.0 * number)
    guess = NetworkGuess(n_points=points, at_ms=at_ms, place=place, categories=["hare"], probabilities=[0.5])
    new.guesses.append(guess)
    judge.judge_guess(place, at_ms) or judge.apply_time_limit(9000.0)
    rounds.finish_round(row.id, judge.round_end(now_ms(), combo=combo), new)
    return row


def count(database, table):
    with database.read_connection() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_a_round_is_written_whole(table):
    database, people, _ = table
    row = played(table, *player(people))
    with database.read_connection() as connection:
        found = connection.execute(select(Round.__table__)).one()
        points = connection.execute(select(RoundPoint.__table__).order_by(RoundPoint.number)).all()
        guess = connection.execute(select(Guess.__table__)).one()
    assert (found.id, found.outcome, found.category, found.kind) == (row.id, "won", "hare", GAME)
    assert found.score == pytest.approx(72.9)
    assert found.box == [10.0, 0.0, 266.0, 256.0]
    assert [(p.x_px, p.t_ms, p.at_ms) for p in points] == [(50.0, 0.0, 0.0), (51.0, 60.0, 60.0), (52.0, 120.0, 120.0)]
    assert (guess.place, guess.categories, guess.probabilities) == (1, ["hare"], [0.5])


def test_points_are_written_while_the_round_is_played(table):
    database, people, rounds = table
    row = rounds.claim_round(*player(people), "shapes", settings=SETTINGS)
    judge, new = Judge(SPEC), RoundUpdate(began_ms=77)
    for number in range(6):
        new.points += judge.paint([(50.0 + number, 60.0, 60.0 * number)], 60.0 * number)
        if number % 2:
            rounds.write_updates(row.id, new)
            new = RoundUpdate(first=number + 1)
    with database.read_connection() as connection:
        numbers = connection.scalars(select(RoundPoint.number).order_by(RoundPoint.number)).all()
    assert numbers == list(range(6))
    assert rounds.get_round(row.id).began_ms == 77
    assert not new


def test_two_servers_may_enter_the_same_images_at_once(database):
    """The second waits for the first one's transaction, and then finds the images there."""
    with ThreadPoolExecutor(1) as thread:
        with database.write_transaction() as connection:
            row = {"collection": "shapes", "image": IMAGES[1], "n_rounds": 3, "rank": 0.5}
            connection.execute(insert(ImageCount), [row])
            second = thread.submit(register_images, database, "shapes", IMAGES)
            assert not wait([second], timeout=0.5).done
        second.result(timeout=30)
    with database.read_connection() as connection:
        counts = dict(connection.execute(select(ImageCount.image, ImageCount.n_rounds)).all())
    assert counts == {image: 3 if image == IMAGES[1] else 0 for image in IMAGES}


def everything(database):
    with database.read_connection() as connection:
        return [connection.execute(select(one.__table__)).all() for one in (Round, RoundPoint, Guess)] + [
            connection.execute(select(ImageCount.image, ImageCount.n_rounds)).all()
        ]


@pytest.mark.parametrize("place", [1, 99])
def test_parts_of_a_round_can_be_written_any_number_of_times(table, place):
    database, people, rounds = table
    row = rounds.claim_round(*player(people), "shapes", settings=SETTINGS)
    judge, parts = Judge(SPEC), []
    for number in range(6):
        points = judge.paint([(50.0 + number, 60.0, 60.0 * number)], 60.0 * number)
        guess = NetworkGuess(
            n_points=number + 1, at_ms=60.0 * number, place=7, categories=["hare"], probabilities=[0.1]
        )
        parts.append(RoundUpdate(first=number, points=points, guesses=[guess], began_ms=None if number else 77))
    judge.judge_guess(place, 700.0) or judge.skip(900.0)
    parts.append(RoundUpdate(end=judge.round_end(123_456, combo=2)))
    for part in parts:
        assert rounds.write_updates(row.id, part).refusals == ()
    once = everything(database)
    assert rounds.write_updates(row.id, *parts).refusals == ()
    for part in reversed(parts):
        assert rounds.write_updates(row.id, part).refusals == ()
    assert everything(database) == once
    assert len(once[1]) == len(once[2]) == 6
    assert sum(n for _, n in once[3]) == (1 if place == 1 else 0)


def test_one_impossible_row_is_refused_with_its_reason_and_all_others_are_stored(table):
    database, people, rounds = table
    row = rounds.claim_round(*player(people), "shapes", settings=SETTINGS)
    good = [CanvasPoint(float(number), 2.0, 60.0 * number, 60.0 * number) for number in range(5)]
    bad = CanvasPoint(None, 2.0, 3.0, 4.0)
    guesses = [
        NetworkGuess(n_points=n, at_ms=1.0, place=place, categories=["hare"], probabilities=[0.5])
        for n, place in ((1, 3), (2, None), (3, 1))
    ]
    judge = Judge(SPEC)
    judge.skip(5.0)
    part = RoundUpdate(points=[*good[:3], bad, *good[3:]], guesses=guesses, began_ms=5)
    written = rounds.write_updates(row.id, part, RoundUpdate(end=judge.round_end(99)))
    (point,), (guess,) = (refused.update.points or refused.update.guesses for refused in written.refusals)
    assert (point, guess) == (bad, guesses[1])
    assert all("null" in refused.reason.lower() for refused in written.refusals)
    found, points, stored, _ = everything(database)
    assert [one.number for one in points] == [0, 1, 2, 4, 5]
    assert [one.n_points for one in stored] == [1, 3]
    assert (found[0].outcome, found[0].began_ms) == ("skipped", 5)


def test_another_point_under_the_same_number_never_replaces_the_first(table):
    database, people, rounds = table
    row = rounds.claim_round(*player(people), "shapes", settings=SETTINGS)
    first, other = CanvasPoint(1.0, 2.0, 3.0, 4.0), CanvasPoint(9.0, 2.0, 3.0, 4.0)
    rounds.write_updates(row.id, RoundUpdate(points=[first]))
    (refused,) = rounds.write_updates(row.id, RoundUpdate(points=[other])).refusals
    assert refused.update.points == [other]
    assert "number 0" in refused.reason
    assert [one.x_px for one in everything(database)[1]] == [1.0]


def test_a_round_that_another_server_found_open_ends_as_its_judge_says(table):
    """The judge's word came late: its server was away. The count of the image follows, once."""
    database, people, rounds = table
    participant, visit = player(people)
    row = rounds.claim_round(participant, visit, "shapes", settings=SETTINGS)
    begun = RoundUpdate(points=[CanvasPoint(1.0, 2.0, 3.0, 4.0)], began_ms=5)
    rounds.write_updates(row.id, begun)
    assert rounds.resume_open_round(participant, "another visit", "shapes") is None
    assert (rounds.get_round(row.id).outcome, rounds.get_round(row.id).elapsed_ms) == ("interrupted", None)
    assert sum(n for _, n in everything(database)[3]) == 0
    assert rounds.write_updates(row.id, begun, session_id=visit).ended_elsewhere
    judge = Judge(SPEC)
    judge.paint([(1.0, 2.0, 3.0)], 0.0)
    judge.judge_guess(1, 700.0)
    end = RoundUpdate(end=judge.round_end(99))
    for _ in range(2):
        assert rounds.write_updates(row.id, end, session_id=visit).refusals == ()
    assert (rounds.get_round(row.id).outcome, rounds.get_round(row.id).ended_ms) == ("won", 99)
    assert sum(n for _, n in everything(database)[3]) == 1
    judge = Judge(SPEC)
    judge.skip(5.0)
    (refused,) = rounds.write_updates(row.id, RoundUpdate(end=judge.round_end(100)), session_id=visit).refusals
    assert "ended already (won)" in refused.reason


def test_a_round_that_is_shown_again_belongs_to_the_window_that_shows_it(table):
    _, people, rounds = table
    participant, visit = player(people)
    row = rounds.claim_round(participant, visit, "shapes", settings=SETTINGS)
    later = people.start_session(participant, {"pointer": "touch"}, mobile=True, versions={})
    assert rounds.resume_open_round(participant, later, "shapes").id == row.id
    assert rounds.get_round(row.id).visit_id == later, "whose device recorded it"
    part = RoundUpdate(points=[CanvasPoint(1.0, 2.0, 3.0, 4.0)])
    with pytest.raises(RoundTakenOverError):
        rounds.write_updates(row.id, part, session_id=visit, participant=participant)
    people.withdraw_participant(participant)
    with pytest.raises(ParticipantWithdrawnError):
        rounds.write_updates(row.id, part, session_id=later, participant=participant)


def test_a_secret_is_known_by_its_hash_alone(table):
    database, people, _ = table
    participant, secret = people.create()
    assert people.find_by_secret(secret) == participant
    assert people.find_by_secret(participant) is None
    assert people.find_by_secret("") is None
    with database.read_connection() as connection:
        row = connection.execute(select(Participant.__table__)).one()
    assert secret not in str(row)


def test_the_image_with_the_fewest_rounds_comes_first_and_none_twice(table):
    database, people, _ = table
    one, other = player(people), player(people)
    seen = [played(table, *one).image for _ in range(4)]
    assert len(set(seen)) == 4
    fresh = [played(table, *other).image for _ in range(2)]
    assert set(fresh) == set(IMAGES) - set(seen)
    rest = [played(table, *one).image for _ in range(2)]
    assert set(rest) == set(fresh)
    assert played(table, *one) is None
    counts = count_rounds_by_image(database, "shapes")
    assert sum(counts.values()) == 8
    assert max(counts.values()) - min(counts.values()) <= 1


def test_ties_are_broken_by_chance(table):
    _, people, rounds = table
    firsts = {rounds.claim_round(*player(people), "shapes", kind=PRACTICE, settings=SETTINGS).image for _ in range(1)}
    drawn = Counter()
    for _ in range(24):
        drawn[rounds.claim_round(*player(people), "shapes", settings=SETTINGS).image] += 1
    assert set(drawn.values()) == {4}
    assert firsts <= set(IMAGES)


def test_an_image_can_be_asked_for_once(table):
    _, people, rounds = table
    who = player(people)
    assert rounds.claim_round(*who, "shapes", requested="image 3", settings=SETTINGS).image == "image 3"
    assert rounds.claim_round(*who, "shapes", requested="image 3", settings=SETTINGS).image != "image 3"
    assert rounds.claim_round(*who, "shapes", requested="../../etc/passwd", settings=SETTINGS).image in IMAGES


def test_skipped_rounds_and_practice_do_not_count_towards_an_image(table):
    database, people, rounds = table
    who = player(people)
    row = rounds.claim_round(*who, "shapes", settings=SETTINGS)
    judge = Judge(SPEC)
    judge.skip(0.0)
    rounds.finish_round(row.id, judge.round_end(now_ms(), skip_reason="other"), RoundUpdate())
    played(table, *who, kind=PRACTICE)
    with database.read_connection() as connection:
        assert connection.scalar(select(func.sum(ImageCount.n_rounds))) == 0
    assert count_rounds_by_image(database, "shapes") == {}


def test_a_round_ends_once(table):
    database, people, rounds = table
    who = player(people)
    row = played(table, *who)
    judge = Judge(SPEC)
    judge.skip(0.0)
    rounds.finish_round(row.id, judge.round_end(now_ms()), RoundUpdate())
    assert rounds.get_round(row.id).outcome == "won"
    with database.read_connection() as connection:
        assert connection.scalar(select(func.sum(ImageCount.n_rounds))) == 1


def test_after_a_restart_a_shown_round_waits_and_a_begun_one_is_interrupted(table):
    database, people, rounds = table
    who = player(people)
    begun = rounds.claim_round(*who, "shapes", settings=SETTINGS)
    rounds.write_updates(begun.id, RoundUpdate(points=Judge(SPEC).paint([(1, 2, 3)], 0.0), began_ms=5))
    waiting = rounds.claim_round(*who, "shapes", settings=SETTINGS)
    assert Rounds(database).resume_open_round(*who, "shapes").id == waiting.id
    assert rounds.get_round(begun.id).outcome == "interrupted"
    assert rounds.resume_open_round(*who, "shapes").id == waiting.id
    with database.read_connection() as connection:
        assert connection.scalar(select(func.sum(ImageCount.n_rounds))) == 1


def test_a_game_meets_the_open_rounds_of_its_own_collection_alone(table):
    """Two games on one database: the other's round is neither shown here, nor ended, nor moved to this session."""
    database, people, rounds = table
    register_images(database, "scenes", IMAGES)
    participant, session_id = player(people)
    shown = rounds.claim_round(participant, session_id, "shapes", settings=SETTINGS)
    begun = rounds.claim_round(participant, session_id, "shapes", settings=SETTINGS)
    rounds.write_updates(begun.id, RoundUpdate(points=Judge(SPEC).paint([(1, 2, 3)], 0.0), began_ms=5))
    elsewhere = people.start_session(participant, {"pointer": "mouse"}, mobile=False, versions={})
    assert rounds.resume_open_round(participant, elsewhere, "scenes") is None
    for row in (shown, begun):
        assert (rounds.get_round(row.id).outcome, rounds.get_round(row.id).visit_id) == (None, session_id)
    assert rounds.resume_open_round(participant, session_id, "shapes").id == shown.id
    assert rounds.get_round(begun.id).outcome == "interrupted"


def test_two_servers_on_one_database_do_not_collide(where, table):
    """Eight participants on two connections at once take 48 different rounds, evenly over the images."""
    _, people, _ = table
    players = [player(people) for _ in range(8)]
    servers = [Database(where), Database(where)]
    taken, wrong = [], []

    def play(number):
        rounds = Rounds(servers[number % 2])
        try:
            while (row := rounds.claim_round(*players[number], "shapes", settings=SETTINGS)) is not None:
                taken.append((number, row.image))
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=play, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in servers:
        one.close()
    assert wrong == []
    assert len(taken) == len(set(taken)) == 48
    assert set(Counter(image for _, image in taken).values()) == {8}


def test_one_participant_on_two_servers_never_gets_an_image_twice(where, table):
    _, people, _ = table
    who = player(people)
    servers = [Database(where), Database(where)]
    images = []

    def play(database):
        while (row := Rounds(database).claim_round(*who, "shapes", settings=SETTINGS)) is not None:
            images.append(row.image)

    threads = [threading.Thread(target=play, args=(one,)) for one in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in servers:
        one.close()
    assert sorted(images) == IMAGES


def test_leaders_by_day_week_and_all_time_and_ones_own_line(table):
    database, people, _ = table
    now = datetime(2026, 11, 25, 12, tzinfo=timezone(timedelta(hours=1)))
    who = [player(people) for _ in range(13)]
    for number, one in enumerate(who):
        played(table, *one, at_ms=100.0 * (number // 2))
    people.set_nickname(who[0][0], "  <b>Ann </b>\n ")
    with database.write_transaction() as connection:
        long_ago = int((now - timedelta(days=40)).timestamp() * 1000)
        monday = int((now - timedelta(days=1)).timestamp() * 1000)
        connection.execute(update(Round).values(ended_ms=int(now.timestamp() * 1000)))
        connection.execute(update(Round).where(Round.participant_id == who[1][0]).values(ended_ms=monday))
        connection.execute(update(Round).where(Round.participant_id == who[2][0]).values(ended_ms=long_ago))
    everyone = leaderboard(database, LeaderboardPeriod.ALL, who[12][0], now)
    assert [one.place for one in everyone] == [1, 1, 3, 3, 5, 5, 7, 7, 9, 9, 13]
    assert everyone[-1].own
    assert "<b>Ann </b>" in {one.name for one in everyone[:2]}
    assert len(leaderboard(database, LeaderboardPeriod.WEEK, "nobody", now)) == 10
    names = [one.score for one in leaderboard(database, LeaderboardPeriod.TODAY, who[0][0], now)]
    assert names == sorted(names, reverse=True)
    assert len([one for one in everyone if one.score == 100]) == 2
    assert len([s for s in names if s == 100]) == 1


def test_the_best_of_a_participant_leaves_practice_out(table):
    database, people, _ = table
    who = player(people)
    played(table, *who, at_ms=0.0, combo=0, kind=PRACTICE)
    played(table, *who, at_ms=3500.0, combo=1)
    played(table, *who, at_ms=1400.0, combo=2)
    played(table, *who, place=9, combo=0)
    found = player_statistics(database, who[0])
    assert (found.n_rounds, found.n_won, found.longest_combo) == (3, 2, 2)
    assert found.fastest_ms == 1400.0
    assert found.best_score == pytest.approx(51.2)
    assert found.score == pytest.approx(51.2 + 12.5)
    assert player_statistics(database, "nobody").n_rounds == 0


def test_a_person_goes_on_with_combo_rounds_and_name(table):
    _, people, _ = table
    participant, visit = player(people)
    people.record_consent(participant)
    played(table, participant, visit, combo=1)
    played(table, participant, visit, combo=2)
    people.set_nickname(participant, "Zoë")
    found = people.profile(participant)
    assert (found.nickname, found.consented, found.n_rounds, found.combo) == ("Zoë", True, 2, 2)


def test_a_crash_keeps_a_combo_as_a_judges_interruption_does(table):
    _, people, rounds = table
    participant, session_id = player(people)
    played(table, participant, session_id, combo=1)
    played(table, participant, session_id, combo=2)
    begun = rounds.claim_round(participant, session_id, "shapes", settings=SETTINGS)
    rounds.write_updates(begun.id, RoundUpdate(points=Judge(SPEC).paint([(1, 2, 3)], 0.0), began_ms=5))
    assert rounds.resume_open_round(participant, session_id, "shapes") is None
    assert rounds.get_round(begun.id).outcome == "interrupted"
    assert people.profile(participant).combo == 2
    played(table, participant, session_id, place=9, combo=0)
    assert people.profile(participant).combo == 0


@pytest.mark.parametrize(
    ("told", "kept"),
    [("", None), ("  \n\t ", None), ("a\x00b\u202ec", "a b c"), ("x" * 99, "x" * 24), (" Ann  Lee ", "Ann Lee")],
)
def test_nicknames_are_cleaned(told, kept):
    assert clean_nickname(told) == kept


def test_everything_of_a_participant_can_be_deleted(table):
    database, people, rounds = table
    gone, stays = player(people), player(people)
    for _ in range(3):
        played(table, *gone)
    kept = played(table, *stays)
    deleted = people.withdraw_participant(gone[0])
    assert (deleted.n_rounds, deleted.n_sessions, deleted.n_journal_entries, deleted.changed_backups) == (3, 0, 0, ())
    assert (count(database, Participant), count(database, GameSession), count(database, Round)) == (1, 1, 1)
    assert (count(database, RoundPoint), count(database, Guess)) == (3, 1)
    with database.read_connection() as connection:
        assert connection.scalar(select(func.sum(ImageCount.n_rounds))) == 1
    assert rounds.get_round(kept.id).outcome == "won"
    with pytest.raises(ValueError, match="no participant"):
        people.withdraw_participant(gone[0])


def test_collected_rounds_lie_in_the_photographs_pixels_and_know_catch_scores(table):
    database, people, rounds = table
    who = player(people)
    played(table, *who)
    for name, right in (("a | b", True), ("a | c", False)):
        row = rounds.create_catch_trial(*who, "shapes", name, "left", SETTINGS)
        judge = Judge(SPEC)
        judge.paint([(1, 2, 3)], 0.0)
        judge.apply_time_limit(8000.0)
        rounds.finish_round(row.id, judge.round_end(now_ms(), passed=right), RoundUpdate())
    assert catch_scores(database) == {who[0]: CatchScore(1, 2)}
    (found,) = finished_rounds(database, "shapes")
    np.testing.assert_allclose(found.x_px, [60, 61, 62])
    assert (found.catch_score, found.n_catch_trials) == (0.5, 2)
    assert found.is_mobile is False


def test_people_and_simulated_participants_are_never_mixed(table):
    database, people, _ = table
    played(table, *player(people))
    played(table, *player(people, simulated=True))
    for simulated in (False, True):
        (found,) = finished_rounds(database, "shapes", simulated=simulated)
        assert people.profile(found.participant).simulated is simulated


def test_pausing_is_seen_by_every_server(where, table):
    database, _, _ = table
    other = Database(where)
    assert not is_paused(other)
    set_paused(database, True)
    assert is_paused(other)
    set_paused(database, False)
    assert not is_paused(other)
    other.close()


def test_a_catch_trial_has_its_own_unique_pair(table):
    _, people, rounds = table
    who = player(people)
    assert rounds.create_catch_trial(*who, "shapes", "a | b", "left", SETTINGS).kind == CATCH
    with pytest.raises(IntegrityError):
        rounds.create_catch_trial(*who, "shapes", "a | b", "right", SETTINGS)


@pytest.mark.parametrize(
    ("where_", "words"),
    [("nonsense://x", "no driver|expected"), ("postgresql://nobody@localhost:1/none", "cannot be opened")],
)
def test_a_database_that_is_not_there_is_told(where_, words):
    with pytest.raises(DatabaseError, match=words):
        Database(where_)


def test_a_file_that_is_no_database_is_told(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"\xff\xd8\xff" * 500)
    with pytest.raises(DatabaseError, match="cannot be opened"):
        Database(path)


def test_lost_rounds_have_the_outcome_lost(table):
    _, people, rounds = table
    row = played(table, *player(people), place=9)
    assert rounds.get_round(row.id).outcome == str(Outcome.LOST)


@pytest.fixture
def journal(database, monkeypatch, tmp_path):
    monkeypatch.setenv("GALA_VIZ_DATA", str(tmp_path / "data"))
    opened = Journal(database)
    yield opened
    opened.close()


def test_a_deletion_reaches_the_journals_of_running_and_of_dead_servers(table, journal, capsys):
    database, people, _ = table
    gone, stays = player(people)[0], player(people)[0]
    dead = journal.folder / "dead.jsonl"
    for who in (gone, stays, gone):
        journal.append({"participant": who, "points": [[1, 2]]})
        journal.refuse({"participant": who}, "no reason")
    dead.write_bytes(journal.path.read_bytes())
    dead.with_suffix(".new").write_bytes(journal.path.read_bytes())  # it ended while it wrote the journal anew
    assert count_waiting_entries(database) == 6
    deleted = people.withdraw_participant(gone)
    assert (deleted.n_rounds, deleted.n_journal_entries) == (0, 6)
    held = {path.name: path.read_bytes() for path in journal.folder.iterdir()}
    assert not [name for name, content in held.items() if gone.encode() in content]
    assert sum(content.count(stays.encode()) for content in held.values()) == 3
    assert count_waiting_entries(database) == 2
    assert len(refused_entries(database)) == 1


def test_what_a_start_finds_is_told_as_what_became_of_it(table, journal, caplog, capsys):
    database, people, _ = table
    who = player(people)[0]
    point = [1.0, 2.0, 3.0, 4.0]
    dead = journal.folder / "dead.jsonl"
    journal.append({"round": "none", "visit": "none", "participant": who, "first": 0, "points": [point, point]})
    dead.write_bytes(journal.path.read_bytes())
    assert "at most 2 entries wait" in _copies_beside(database)
    RoundWriter(database).close()
    assert "of 2 points that a server had received before it ended, 0 were stored, 2 were refused" in caplog.text


def test_a_deletion_that_was_interrupted_is_done_to_its_end_by_another(table, journal, monkeypatch):
    """The database has lost them, their journal not yet."""
    database, people, _ = table
    gone = player(people)[0]
    journal.append({"participant": gone})

    def full(*_):
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("gala_viz.records.journal._replace", full)
        with pytest.raises(OSError, match="no space"):
            people.withdraw_participant(gone)
    assert count(database, Participant) == 0
    assert count_waiting_entries(database) == 1
    assert people.withdraw_participant(gone).n_journal_entries == 1
    assert count_waiting_entries(database) == 0
    with pytest.raises(ValueError, match="no participant"):
        people.withdraw_participant(gone)


def test_a_deletion_reaches_the_copies_of_before_upgrades(tmp_path, capsys):
    path = tmp_path / "records.sqlite"
    shutil.copy(Path(__file__).parent / "former" / "version1.sqlite", path)
    database = Database(path)
    with database.read_connection() as connection:
        gone = connection.scalar(select(Participant.id).where(Participant.nickname == "Zoë"))
    (copy,) = backup_files(path)
    shutil.copy(copy, tmp_path / "records.revision-0001-at-3.sqlite")
    broken = tmp_path / "records.revision-0001-at-4.sqlite"
    broken.write_bytes(b"no database" * 100)
    command = ["records", "forget", "--records", str(path), "--participant", gone]
    assert main(command) == 1
    told = capsys.readouterr()
    assert "5 rounds, also from the copies" in told.out
    assert f"{broken} still holds them and could not be changed" in told.err
    assert "delete it by hand" in told.err
    for one in (copy, tmp_path / "records.revision-0001-at-3.sqlite", path):
        with closing(sqlite3.connect(one)) as connection:
            assert connection.execute("SELECT count(*) FROM participants").fetchone() == (5,)
            assert connection.execute("SELECT count(*) FROM rounds").fetchone() == (5,)
            assert connection.execute("SELECT count(*) FROM points").fetchone() == (30,)
            assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    broken.unlink()
    assert not [one.name for one in tmp_path.iterdir() if gone.encode() in one.read_bytes()]
    with pytest.raises(ValueError, match="no participant"):
        Participants(database).withdraw_participant(gone)
    database.close()
