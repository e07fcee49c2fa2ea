"""Sittings in both databases: balance, each trial once, resuming; exports of what was recorded."""

import contextlib
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from gala_viz.behavior.database import Database
from gala_viz.behavior.people import People
from gala_viz.behavior.tables import Sitting
from gala_viz.experiment.export import write_bids, write_csv
from gala_viz.experiment.overview import progress
from gala_viz.experiment.recorded import recorded_responses
from gala_viz.experiment.responses import COLUMNS, checked, read_responses
from gala_viz.experiment.results import BadResult, Result, Screen, number_of
from gala_viz.experiment.sittings import ACTIVE_MS, NotNow, Sittings
from tests.behavior.conftest import database, postgresql_url, where  # noqa: F401

SCREEN = Screen(frame_ms=16.7, window_px=(1280, 720), mobile=False)


@pytest.fixture
def sittings(database, spec):  # noqa: F811
    return Sittings(database, spec)


@pytest.fixture
def newcomer(database):  # noqa: F811
    return lambda: People(database).new()[0]


PLAIN = {
    "number": 0, "key": "s", "rt_ms": 300.0, "fixation_ms": 1200, "stimulus_ms": 400, "elapsed_ms": 5e3,
    "dropped_frames": 0,
}  # fmt: skip


def result(number, key="s", rt_ms=300.0):
    return Result.read({**PLAIN, "number": number, "key": key, "rt_ms": rt_ms})


def finish_all(sittings, seat, answer=lambda trial, keys: next(iter(keys))):
    for trial in seat.trials:
        sittings.begin(seat, trial.number)
        sittings.finish(seat, result(trial.number, answer(trial, seat.keys)))


def test_sets_and_keys_are_assigned_in_balance(sittings, newcomer):
    seats = [sittings.enter(newcomer(), SCREEN, {}) for _ in range(48)]
    assert set(Counter(seat.set_number for seat in seats).values()) == {2}
    assert set(Counter((seat.set_number, seat.swapped) for seat in seats).values()) == {1}
    assert len({seat.seed for seat in seats}) == 48


def test_who_drops_out_leaves_the_set_to_another_and_who_finished_keeps_it(sittings, newcomer, database):  # noqa: F811
    seats = [sittings.enter(newcomer(), SCREEN, {}) for _ in range(24)]
    finish_all(sittings, seats[3])
    with database.writing() as connection:
        gone = [seats[number].id for number in (3, 5, 8)]
        values = {"last_ms": Sitting.last_ms - ACTIVE_MS - 1}
        connection.execute(update(Sitting).where(Sitting.id.in_(gone)).values(**values))
    later = [sittings.enter(newcomer(), SCREEN, {}) for _ in range(2)]
    assert {seat.set_number for seat in later} == {seats[5].set_number, seats[8].set_number}


def test_progress_counts_who_finished_who_is_at_it_and_who_is_gone(sittings, newcomer, database, spec):  # noqa: F811
    seats = [sittings.enter(newcomer(), SCREEN, {}) for _ in range(3)]
    finish_all(sittings, seats[0])
    with database.writing() as connection:
        values = {"last_ms": Sitting.last_ms - ACTIVE_MS - 1}
        connection.execute(update(Sitting).where(Sitting.id == seats[1].id).values(**values))
    found = progress(database, spec)
    assert (found.finished, found.under_way, found.dropped_out, found.trials) == (1, 1, 1, 36)
    assert sum(found.finished_of_set) == found.finished_of_set[seats[0].set_number] == 1
    assert found.finished_of_keys == ((0, 1) if seats[0].swapped else (1, 0))
    assert "each of 24 sets is finished 0 to 1 times" in found.told()


def test_many_at_once_are_seated_in_balance(sittings, newcomer):
    people = [newcomer() for _ in range(24)]
    with ThreadPoolExecutor(8) as pool:
        seats = list(pool.map(lambda one: sittings.enter(one, SCREEN, {}), people))
    assert len({seat.set_number for seat in seats}) == 24


def test_who_comes_again_has_the_same_seat_and_goes_on_at_the_next_trial(sittings, newcomer):
    who = newcomer()
    seat = sittings.enter(who, SCREEN, {})
    sittings.begin(seat, 0)
    sittings.finish(seat, result(0))
    sittings.begin(seat, 1)
    again = sittings.enter(who, SCREEN, {})
    assert (again.id, again.set_number, again.swapped, again.seed, again.next) == (
        seat.id, seat.set_number, seat.swapped, seat.seed, 2,
    )  # fmt: skip
    assert again.trials == seat.trials


def test_no_trial_is_begun_twice_skipped_or_answered_twice(sittings, newcomer):
    seat = sittings.enter(newcomer(), SCREEN, {})
    with pytest.raises(NotNow, match="the next trial is 0; 1 was asked for"):
        sittings.begin(seat, 1)
    with pytest.raises(NotNow, match="no result of trial 0"):
        sittings.finish(seat, result(0))
    sittings.begin(seat, 0)
    with pytest.raises(NotNow):
        sittings.begin(seat, 0)
    sittings.finish(seat, result(0))
    with pytest.raises(NotNow):
        sittings.finish(seat, result(0, key="l"))


def test_two_pages_of_one_participant_cannot_begin_the_same_trial(sittings, newcomer):
    seat = sittings.enter(newcomer(), SCREEN, {})

    def begun(_):
        try:
            sittings.begin(seat, 0)
        except NotNow:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(begun, range(8))) == 1


def test_recorded_responses_have_every_column_and_are_those_given(sittings, newcomer, database, stimuli, spec):  # noqa: F811
    seat = sittings.enter(newcomer(), SCREEN, {})

    def right(trial, keys):
        return next(key for key, answer in keys.items() if answer == spec.superclass_of[trial.image])

    finish_all(sittings, seat, right)
    other = sittings.enter(newcomer(), SCREEN, {})
    sittings.begin(other, 0)
    table = checked(recorded_responses(database, stimuli))
    assert list(table.columns) == list(COLUMNS)
    own = table[table["set"] == seat.set_number]
    assert len(own) == 36
    assert own["correct"].eq(1).all()
    left = table[table["interrupted"] == 1]
    assert len(left) == 1
    assert left["correct"].isna().all()


@pytest.mark.parametrize(("rt", "answered"), [(-40.0, True), (549.0, True), (551.0, False)])
def test_answers_count_until_the_deadline(sittings, newcomer, database, stimuli, rt, answered):  # noqa: F811
    seat = sittings.enter(newcomer(), SCREEN, {})
    sittings.begin(seat, 0)
    sittings.finish(seat, result(0, rt_ms=rt))
    (row,) = recorded_responses(database, stimuli).to_dict("records")
    assert row["rt"] == rt
    assert (row["response"] is not None) == answered


def test_exports_are_read_back_to_the_same_values(sittings, newcomer, database, stimuli, spec, tmp_path):  # noqa: F811
    for _ in range(2):
        finish_all(sittings, sittings.enter(newcomer(), SCREEN, {}))
    table = checked(recorded_responses(database, stimuli))
    write_csv(table, tmp_path / "people.csv")
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


def test_deleting_a_participant_deletes_the_sitting_and_its_trials(sittings, newcomer, database, stimuli):  # noqa: F811
    who = newcomer()
    finish_all(sittings, sittings.enter(who, SCREEN, {}))
    People(database).forget(who)
    assert recorded_responses(database, stimuli).empty


def test_two_experiments_in_one_database_do_not_mix(sittings, newcomer, database, spec):  # noqa: F811
    other = Sittings(database, replace(spec, seed=5))
    who = newcomer()
    first, second = sittings.enter(who, SCREEN, {}), other.enter(who, SCREEN, {})
    assert first.id != second.id
    sittings.begin(first, 0)
    assert (sittings.seat(who).next, other.seat(who).next) == (1, 0)
    assert Sittings(Database(database.name) if database.kind == "sqlite" else database, spec).seat(who).next == 1


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
)


@given(told=JSON | st.dictionaries(st.sampled_from(NAMES), JSON))
def test_whatever_a_page_tells_is_read_or_refused(told):
    for read in (Result.read, Screen.read, number_of):
        with contextlib.suppress(BadResult):
            read(told)


@pytest.mark.parametrize(
    "changed",
    [
        {"rt_ms": None}, {"key": None}, {"key": "ss"}, {"rt_ms": float("nan")}, {"stimulus_ms": -1}, {"number": True},
        {"dropped_frames": 1e9}, {"fixation_ms": "1"}, {"number": -1},
    ],
)  # fmt: skip
def test_impossible_results_are_refused(changed):
    with pytest.raises(BadResult):
        Result.read({**PLAIN, **changed})
