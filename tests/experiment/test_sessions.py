"""Sittings in both databases: balance, each trial once, resuming; exports of what was recorded."""

import contextlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from gala_viz.experiment.assignment import DROPOUT_MS
from gala_viz.experiment.bids import write_bids, write_responses
from gala_viz.experiment.experiment_spec import WINDOW_EVENTS
from gala_viz.experiment.messages import (
    InvalidResultError,
    Screen,
    TrialResult,
    parse_client_key,
    parse_session_id,
    parse_trial_number,
)
from gala_viz.experiment.recorded_responses import load_recorded_responses
from gala_viz.experiment.responses import COLUMNS, check_responses, read_responses
from gala_viz.experiment.sessions import Sessions, UnexpectedTrialError
from gala_viz.experiment.status import experiment_status
from gala_viz.records.database import Database
from gala_viz.records.participants import Participants
from gala_viz.records.tables import ExperimentSession, TrialRecord
from tests.records.conftest import database, postgresql_url, where  # noqa: F401

SCREEN = Screen(frame_ms=16.7, window_px=(1280, 720), mobile=False)


@pytest.fixture
def sessions(database, spec):  # noqa: F811
    return Sessions(database, spec)


@pytest.fixture
def newcomer(database):  # noqa: F811
    return lambda: Participants(database).create()[0]


PLAIN = {
    "number": 0, "key": "s", "rt_ms": 300.0, "fixation_ms": 1200, "stimulus_ms": 400, "elapsed_ms": 5e3,
    "dropped_frames": 0,
}  # fmt: skip


KEY = "0123456789abcdef"
MEASURED = {
    "window_ms": 150.2, "frame_ms": 16.67, "hidden": False, "blurred": False, "resized": False,
    "left_full_screen": False, "client_key": KEY,
}  # fmt: skip


def result(number, key="s", rt_ms=300.0, **more):
    return TrialResult.parse({**PLAIN, "number": number, "key": key, "rt_ms": rt_ms, **more})


def finish_all(sessions, session, answer=lambda trial, keys: next(iter(keys))):
    for trial in session.trials:
        sessions.begin_trial(session, trial.number)
        sessions.store_result(session, result(trial.number, answer(trial, session.key_mapping)))


def test_sets_and_keys_are_assigned_in_balance(sessions, newcomer):
    participants_sessions = [sessions.get_or_create(newcomer(), SCREEN, {}) for _ in range(48)]
    assert set(Counter(session.set_number for session in participants_sessions).values()) == {2}
    assert set(Counter((session.set_number, session.swapped) for session in participants_sessions).values()) == {1}
    assert len({session.seed for session in participants_sessions}) == 48


def test_who_drops_out_leaves_the_set_to_another_and_who_finished_keeps_it(sessions, newcomer, database):  # noqa: F811
    participants_sessions = [sessions.get_or_create(newcomer(), SCREEN, {}) for _ in range(24)]
    finish_all(sessions, participants_sessions[3])
    with database.write_transaction() as connection:
        gone = [participants_sessions[number].id for number in (3, 5, 8)]
        values = {"last_ms": ExperimentSession.last_ms - DROPOUT_MS - 1}
        connection.execute(update(ExperimentSession).where(ExperimentSession.id.in_(gone)).values(**values))
    later = [sessions.get_or_create(newcomer(), SCREEN, {}) for _ in range(2)]
    assert {session.set_number for session in later} == {
        participants_sessions[5].set_number,
        participants_sessions[8].set_number,
    }


def test_progress_counts_who_finished_who_is_at_it_and_who_is_gone(sessions, newcomer, database, spec):  # noqa: F811
    participants_sessions = [sessions.get_or_create(newcomer(), SCREEN, {}) for _ in range(3)]
    finish_all(sessions, participants_sessions[0])
    with database.write_transaction() as connection:
        values = {"last_ms": ExperimentSession.last_ms - DROPOUT_MS - 1}
        connection.execute(
            update(ExperimentSession).where(ExperimentSession.id == participants_sessions[1].id).values(**values)
        )
    found = experiment_status(database, spec)
    assert (found.n_finished, found.n_active, found.n_dropped_out, found.n_trials) == (1, 1, 1, 36)
    assert sum(found.n_finished_by_set) == found.n_finished_by_set[participants_sessions[0].set_number] == 1
    assert found.n_finished_by_keys == ((0, 1) if participants_sessions[0].swapped else (1, 0))
    assert "each of 24 sets is finished 0 to 1 times" in found.summary()


def test_many_at_once_are_seated_in_balance(sessions, newcomer):
    people = [newcomer() for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        participants_sessions = list(pool.map(lambda one: sessions.get_or_create(one, SCREEN, {}), people))
    assert len({session.set_number for session in participants_sessions}) == 24


def test_who_comes_again_has_the_same_seat_and_goes_on_at_the_next_trial(sessions, newcomer):
    who = newcomer()
    session = sessions.get_or_create(who, SCREEN, {})
    sessions.begin_trial(session, 0)
    sessions.store_result(session, result(0))
    sessions.begin_trial(session, 1)
    again = sessions.get_or_create(who, SCREEN, {})
    assert (again.id, again.set_number, again.swapped, again.seed, again.next_trial) == (
        session.id, session.set_number, session.swapped, session.seed, 2,
    )  # fmt: skip
    assert again.trials == session.trials


def test_no_trial_is_begun_twice_skipped_or_answered_twice(sessions, newcomer):
    session = sessions.get_or_create(newcomer(), SCREEN, {})
    with pytest.raises(UnexpectedTrialError, match="the next trial is 0; 1 was asked for"):
        sessions.begin_trial(session, 1)
    with pytest.raises(UnexpectedTrialError, match="no result of trial 0"):
        sessions.store_result(session, result(0))
    sessions.begin_trial(session, 0)
    with pytest.raises(UnexpectedTrialError):
        sessions.begin_trial(session, 0)
    sessions.store_result(session, result(0))
    with pytest.raises(UnexpectedTrialError):
        sessions.store_result(session, result(0, key="l"))


def test_a_page_that_repeats_itself_gets_the_same_sitting_order_trial_and_result(sessions, newcomer, database):  # noqa: F811
    who = newcomer()
    participants_sessions = [sessions.get_or_create(who, SCREEN, {}) for _ in range(2)]
    assert participants_sessions[0] == participants_sessions[1]
    assert participants_sessions[0].trials == participants_sessions[1].trials
    session, told = participants_sessions[0], result(0, **MEASURED)
    for _ in range(3):
        sessions.begin_trial(session, 0, KEY)
    for _ in range(3):
        sessions.store_result(session, told)
    sessions.begin_trial(session, 0, KEY)  # one that took the long way
    with database.read_connection() as connection:
        (row,) = connection.execute(select(TrialRecord.__table__)).all()
    assert {name: getattr(row, name) for name in asdict(told)} == asdict(told)
    assert sessions.find(who).next_trial == 1


def test_the_same_result_at_the_same_time_is_stored_once(sessions, newcomer, database):  # noqa: F811
    session = sessions.get_or_create(newcomer(), SCREEN, {})
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: sessions.begin_trial(session, 0, KEY), range(8)))
        list(pool.map(lambda _: sessions.store_result(session, result(0, **MEASURED)), range(8)))
    with database.read_connection() as connection:
        assert len(connection.execute(select(TrialRecord.__table__)).all()) == 1


@pytest.mark.parametrize(
    "changed", [{"key": "l"}, {"rt_ms": 301.0}, {"stimulus_ms": 416.7}, {"hidden": True}, {"client_key": "f" * 16}]
)
def test_a_result_that_contradicts_the_stored_one_is_refused_and_logged(sessions, newcomer, database, changed, caplog):  # noqa: F811
    session = sessions.get_or_create(newcomer(), SCREEN, {})
    sessions.begin_trial(session, 0, KEY)
    sessions.store_result(session, result(0, **MEASURED))
    (name, value), other = next(iter(changed.items())), result(0, **{**MEASURED, **changed})
    with pytest.raises(UnexpectedTrialError, match="no other result of trial 0 is expected: it has one already"):
        sessions.store_result(session, other)
    (told,) = caplog.messages
    assert f"{name}: stored " in told
    assert f"came {value!r}" in told
    assert session.id in told
    with database.read_connection() as connection:
        (row,) = connection.execute(select(TrialRecord.__table__)).all()
    assert getattr(row, name) == getattr(result(0, **MEASURED), name)


def test_a_page_can_neither_begin_nor_answer_the_trial_of_another(sessions, newcomer):
    session = sessions.get_or_create(newcomer(), SCREEN, {})
    sessions.begin_trial(session, 0, KEY)
    with pytest.raises(UnexpectedTrialError, match="the next trial is 1; 0 was asked for"):
        sessions.begin_trial(session, 0, "f" * 16)
    with pytest.raises(UnexpectedTrialError, match="from this page: another one began it"):
        sessions.store_result(session, result(0, **{**MEASURED, "client_key": "f" * 16}))
    sessions.store_result(session, result(0, **MEASURED))


def test_an_end_is_said_of_what_is_stored_and_can_be_said_twice(sessions, newcomer, database, spec):  # noqa: F811
    session = sessions.get_or_create(newcomer(), SCREEN, {})
    with pytest.raises(UnexpectedTrialError, match="trial 0 is still to come"):
        sessions.end_session(session)
    for trial in session.trials:
        sessions.begin_trial(session, trial.number, KEY)
        if trial.number < 35:
            sessions.store_result(session, result(trial.number, **MEASURED))
    assert experiment_status(database, spec).n_finished == 0
    assert asdict(sessions.end_session(session)) == {"n_trials": 36, "n_stored": 35}
    assert experiment_status(database, spec).n_finished == 1, (
        "the last trial was left in the middle; no other will come"
    )
    sessions.store_result(session, result(35, **MEASURED))  # it had waited in the browser
    assert (
        asdict(sessions.end_session(session))
        == asdict(sessions.end_session(session))
        == {"n_trials": 36, "n_stored": 36}
    )


def test_two_pages_of_one_participant_cannot_begin_the_same_trial(sessions, newcomer):
    session = sessions.get_or_create(newcomer(), SCREEN, {})

    def begun(_):
        try:
            sessions.begin_trial(session, 0)
        except UnexpectedTrialError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begun, range(8))) == 1


def test_recorded_responses_have_every_column_and_are_those_given(sessions, newcomer, database, stimuli, spec):  # noqa: F811
    session = sessions.get_or_create(newcomer(), SCREEN, {})

    def right(trial, keys):
        return next(key for key, answer in keys.items() if answer == spec.superclass_of[trial.image])

    finish_all(sessions, session, right)
    other = sessions.get_or_create(newcomer(), SCREEN, {})
    sessions.begin_trial(other, 0)
    table = check_responses(load_recorded_responses(database, stimuli))
    assert list(table.columns) == list(COLUMNS)
    own = table[table["set"] == session.set_number]
    assert len(own) == 36
    assert own["correct"].eq(1).all()
    left = table[table["interrupted"] == 1]
    assert len(left) == 1
    assert left["correct"].isna().all()


@pytest.mark.parametrize(("rt", "answered"), [(-40.0, True), (549.0, True), (551.0, False)])
def test_answers_count_until_the_deadline(sessions, newcomer, database, stimuli, rt, answered):  # noqa: F811
    session = sessions.get_or_create(newcomer(), SCREEN, {})
    sessions.begin_trial(session, 0)
    sessions.store_result(session, result(0, rt_ms=rt))
    (row,) = load_recorded_responses(database, stimuli).to_dict("records")
    assert row["rt"] == rt
    assert (row["response"] is not None) == answered


def test_exports_are_read_back_to_the_same_values(sessions, newcomer, database, stimuli, spec, tmp_path):  # noqa: F811
    for _ in range(2):
        finish_all(sessions, sessions.get_or_create(newcomer(), SCREEN, {}))
    table = check_responses(load_recorded_responses(database, stimuli))
    write_responses(table, tmp_path / "people.csv")
    again = read_responses(tmp_path / "people.csv")
    for column in COLUMNS:
        values = [one.to_numpy() for one in (again[column].astype(table[column].dtype), table[column])]
        np.testing.assert_array_equal(*values, err_msg=column)
    assert write_bids(table, spec, tmp_path / "bids") == 2
    one = pd.read_csv(tmp_path / "bids" / "sub-01" / "beh" / "sub-01_task-rapidcategorisation_beh.tsv", sep="\t")
    assert one["stimulus"].tolist() == table["stimulus"].tolist()[:36]
    sidecar = json.loads((tmp_path / "bids" / "task-rapidcategorisation_beh.json").read_text())
    assert set(one.columns) <= set(sidecar)
    assert sidecar["rt"]["Units"] == "ms"
    assert sidecar["ExperimentHash"] == spec.hash
    people = pd.read_csv(tmp_path / "bids" / "participants.tsv", sep="\t")
    assert people["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert people["record"].tolist() == list(dict.fromkeys(table["participant"]))


def test_marks_and_durations_come_back_and_the_trials_own_frame_is_told(sessions, newcomer, database, stimuli):  # noqa: F811
    session = sessions.get_or_create(newcomer(), SCREEN, {})
    sessions.begin_trial(session, 0, KEY)
    sessions.store_result(session, result(0, **{**MEASURED, "blurred": True}))
    sessions.begin_trial(session, 1)
    sessions.store_result(session, result(1))  # of a page of before
    marked, plain = load_recorded_responses(database, stimuli).to_dict("records")
    assert (marked["hidden"], marked["blurred"], marked["window_duration_actual"]) == (0, 1, 150.2)
    assert (marked["frame_duration"], plain["frame_duration"]) == (16.67, 16.7)
    assert all(np.isnan(plain[name]) for name in (*WINDOW_EVENTS, "window_duration_actual"))


def test_deleting_a_participant_deletes_the_sitting_and_its_trials(sessions, newcomer, database, stimuli):  # noqa: F811
    who = newcomer()
    finish_all(sessions, sessions.get_or_create(who, SCREEN, {}))
    Participants(database).withdraw_participant(who)
    assert load_recorded_responses(database, stimuli).empty


def test_two_experiments_in_one_database_do_not_mix(sessions, newcomer, database, spec):  # noqa: F811
    other = Sessions(database, replace(spec, seed=5))
    who = newcomer()
    first, second = sessions.get_or_create(who, SCREEN, {}), other.get_or_create(who, SCREEN, {})
    assert first.id != second.id
    sessions.begin_trial(first, 0)
    assert (sessions.find(who).next_trial, other.find(who).next_trial) == (1, 0)
    assert (
        Sessions(Database(database.name) if database.dialect == "sqlite" else database, spec).find(who).next_trial == 1
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=6),
    max_leaves=12,
)
NAMES = (
    "number",
    "key",
    "rt_ms",
    "fixation_ms",
    "stimulus_ms",
    "elapsed_ms",
    "dropped_frames",
    "frame_ms",
    "window_px",
    "window_ms",
    "hidden",
    "client_key",
    "sitting",
)


@given(told=JSON | st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_a_page_tells_is_read_or_refused(told):
    for read in (TrialResult.parse, Screen.parse, parse_trial_number, parse_client_key, parse_session_id):
        with contextlib.suppress(InvalidResultError):
            read(told)


@pytest.mark.parametrize("part", ["fixation_ms", "stimulus_ms", "window_ms"])
def test_a_tab_that_was_hidden_for_hours_has_its_trial_read_and_marked(part):
    hours = 3 * 3_600_000.0
    told = {**PLAIN, part: hours, "rt_ms": hours, "dropped_frames": int(hours / 8), "elapsed_ms": hours, "hidden": True}
    read = TrialResult.parse(told)
    assert (getattr(read, part), read.rt_ms, read.hidden) == (hours, hours, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"rt_ms": None}, {"key": None}, {"key": "ss"}, {"rt_ms": float("nan")}, {"stimulus_ms": -1}, {"number": True},
        {"dropped_frames": 1e9}, {"stimulus_ms": 1e9}, {"fixation_ms": "1"}, {"number": -1}, {"hidden": 1},
        {"blurred": "no"}, {"window_ms": -1}, {"frame_ms": 0}, {"client_key": "short"}, {"client_key": 7},
        {"client_key": "<b>" * 8},
    ],
)  # fmt: skip
def test_impossible_results_are_refused(changed):
    with pytest.raises(InvalidResultError):
        TrialResult.parse({**PLAIN, **changed})
