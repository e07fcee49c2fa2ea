"""An experiment that was prepared and run before trials were marked goes on as it began; ``version1/`` holds it.

``experiment.toml`` and ``records.sql`` (two sittings finished, a third left in its eighth trial; the stimulus of trial
5 of the first stood 2,516 ms) were written by the version before, as were ``people.csv`` and ``exclusions.csv``.
"""

import json
import sqlite3
import tomllib
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gala_viz.cli import main
from gala_viz.collections import open_collection
from gala_viz.experiment.bids import exclusion_rules, write_bids
from gala_viz.experiment.exclusions import apply_exclusions, mark_exclusions
from gala_viz.experiment.experiment_spec import WINDOW_EVENTS, ExclusionSpec, read_experiment_spec
from gala_viz.experiment.recorded_responses import load_recorded_responses
from gala_viz.experiment.responses import check_responses, read_responses
from gala_viz.experiment.sessions import Sessions
from gala_viz.experiment.stimuli import Stimuli
from gala_viz.records.database import Database
from tests.experiment.folder_of_animals import make
from tests.experiment.test_sessions import KEY, result

VERSION1 = Path(__file__).parent / "version1"
HASH = "b9fa0d17c04f93fc"
NEW = ("max_stimulus_error_frames", "max_fixation_error_ms", "exclude_marked")


@pytest.fixture
def spec():
    return read_experiment_spec(VERSION1 / "experiment.toml")


@pytest.fixture
def records(tmp_path):
    """The database of before, opened by this version."""
    connection = sqlite3.connect(tmp_path / "records.sqlite")
    connection.executescript((VERSION1 / "records.sql").read_text())
    connection.close()
    return tmp_path / "records.sqlite"


@pytest.fixture
def stimuli(spec, tmp_path, monkeypatch):
    """The same pictures; their folder's times of change, which are in the fingerprint, are told to be those of then."""
    (tmp_path / "animals").mkdir()
    make(tmp_path / "animals")
    monkeypatch.chdir(tmp_path)
    collection = open_collection(spec.opened_as)
    monkeypatch.setattr(type(collection), "fingerprint", property(lambda self: spec.collection))
    return Stimuli(spec, collection)


def test_a_specification_of_before_keeps_its_hash_and_is_written_as_it_was(spec, tmp_path, repository):
    assert spec.hash == HASH
    assert all(getattr(spec.exclusions, name) is None for name in NEW)
    spec.save(tmp_path / "again.toml")
    assert (tmp_path / "again.toml").read_text() == (VERSION1 / "experiment.toml").read_text()
    shipped = repository / "docs" / "experiment"
    assert (
        f"(experiment {read_experiment_spec(shipped / 'experiment.toml').hash})"
        in (shipped / "figure-1b.md").read_text()
    )


def test_a_new_setting_has_a_hash_of_its_own_and_comes_back_from_the_file(spec, tmp_path):
    for name in NEW:
        today = replace(spec, exclusions=replace(spec.exclusions, **{name: getattr(ExclusionSpec(), name)}))
        assert today.hash != HASH
        today.save(tmp_path / "today.toml")
        again = read_experiment_spec(tmp_path / "today.toml")
        assert (again, again.hash) == (today, today.hash)
    assert spec.revelation.order is None
    for order in ("contiguous", "ranked"):
        today = replace(spec, revelation=replace(spec.revelation, order=order))
        assert today.hash != HASH
        today.save(tmp_path / "today.toml")
        assert read_experiment_spec(tmp_path / "today.toml") == today
    none = replace(spec, exclusions=replace(spec.exclusions, exclude_marked=()))
    none.save(tmp_path / "none.toml")
    assert read_experiment_spec(tmp_path / "none.toml").exclusions.exclude_marked == ()
    assert none.hash != HASH


def test_a_file_without_exclusions_has_the_rules_and_the_hash_of_before(spec, tmp_path):
    text = (VERSION1 / "experiment.toml").read_text()
    (tmp_path / "short.toml").write_text(text[: text.index("[exclusions]")])
    assert "exclusions" not in tomllib.loads((tmp_path / "short.toml").read_text())
    assert read_experiment_spec(tmp_path / "short.toml").hash == HASH


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('exclude_marked = ["hiden"]', "some of hidden, blurred, resized, left_full_screen"),
        ('exclude_marked = "hidden"', "exclude_marked is a list"),
        ("max_stimulus_error_frames = -1", "max_stimulus_error_frames is a number from 0 on; got -1"),
        ('max_fixation_error_ms = "200"', "max_fixation_error_ms is a number from 0 on; got '200'"),
        ("max_fixation_error_ms = nan", "max_fixation_error_ms is a number"),
        ("max_blink_ms = 3", "unknown settings: max_blink_ms"),
    ],
)
def test_rules_that_cannot_be_meant_are_refused_by_name(tmp_path, line, reason):
    (tmp_path / "e.toml").write_text((VERSION1 / "experiment.toml").read_text() + line + "\n")
    with pytest.raises(ValueError, match=reason):
        read_experiment_spec(tmp_path / "e.toml")


def test_responses_of_before_are_read_to_the_same_values_and_the_rest_is_not_known(records, stimuli):
    database = Database(records)
    table = check_responses(load_recorded_responses(database, stimuli))
    database.close()
    before = read_responses(VERSION1 / "people.csv")
    for column in before.columns:
        pd.testing.assert_series_equal(table[column], before[column], check_dtype=False, obj=column)
    assert table[[*WINDOW_EVENTS, "window_duration_actual"]].isna().all().all()


def test_the_rules_of_before_leave_out_what_they_did_and_the_new_ones_nothing(spec):
    table = read_responses(VERSION1 / "people.csv")
    kept, told = apply_exclusions(table, spec)
    before = pd.read_csv(VERSION1 / "exclusions.csv")
    applied = told[told["applied"]].reset_index(drop=True)
    pd.testing.assert_frame_equal(applied[list(before.columns)], before)
    absent = told[~told["applied"]].set_index("rule")
    assert (absent["excluded"] == 0).all()
    assert (absent["setting"] == "not in the file").all()
    assert len(kept) == 32
    stood = absent.loc["the stimulus stood more than 1.5 frames longer or shorter than asked"]
    assert (stood["breaking"], stood["not_known"]) == (1, 0)
    assert absent.loc["the tab was hidden", "not_known"] == 32


def test_the_same_trials_under_the_new_rules_lose_the_one_whose_stimulus_stood_on(spec):
    today = replace(spec, exclusions=ExclusionSpec())
    table, told = mark_exclusions(read_responses(VERSION1 / "people.csv"), today)
    (gone,) = table[table["left_out_by"].str.startswith("the stimulus stood")].itertuples()
    assert (gone.trial_index, gone.stimulus_duration_actual) == (5, 2516.0)
    counts = told.set_index("rule")
    assert counts["applied"].all()
    assert counts.loc["the tab was hidden", ["excluded", "not_known"]].tolist() == [0, 32]


def test_an_experiment_of_before_goes_on_with_its_sittings_and_new_trials_are_marked(records, stimuli, spec):
    database = Database(records)
    sittings = Sessions(database, spec)
    with database.read_connection() as connection:
        assert connection.exec_driver_sql("SELECT hash FROM experiments").scalars().all() == [HASH]
        third = connection.exec_driver_sql("SELECT participant_id FROM sittings WHERE finished_ms IS NULL").scalar()
    seat = sittings.find(third)
    assert seat.next_trial == 8
    right = [
        next(key for key, answer in seat.key_mapping.items() if answer == spec.superclass_of[trial.image])
        for trial in seat.trials
    ]
    sittings.store_result(seat, result(7, right[7]))  # of a page that was open meanwhile
    for number in range(8, 18):
        sittings.begin_trial(seat, number, KEY)
        sittings.store_result(seat, result(number, right[number], client_key=KEY, hidden=number == 9))
    table = load_recorded_responses(database, stimuli)
    database.close()
    own = table[table["participant"] == third].set_index("trial_index")
    assert own["hidden"].isna().tolist() == [True] * 8 + [False] * 10
    assert own.loc[9, "hidden"] == 1
    kept, told = apply_exclusions(table, spec)
    assert len(kept) == 48, "the file has no rule about hidden tabs"
    marked = told.set_index("rule").loc["the tab was hidden"]
    assert (bool(marked["applied"]), marked["breaking"], marked["not_known"]) == (False, 1, 38)


def test_the_report_says_which_rules_applied_to_which_trials(records, stimuli, tmp_path, capsys):
    folder = tmp_path / "e"
    folder.mkdir()
    (folder / "experiment.toml").write_text((VERSION1 / "experiment.toml").read_text())
    assert main(["experiment", "export", "--folder", str(folder), "--records", str(records)]) == 0
    assert main(["experiment", "analyse", "--folder", str(folder)]) == 0
    told = capsys.readouterr().out
    caption = (folder / "figure-1b.md").read_text()
    for text in (told, caption):
        assert "Rules of the experiment's file: min_answered_fraction = 0.5; min_full_accuracy = 0.6;" in text
        assert "was made before these rules" in text
        assert "the stimulus stood more than 1.5 frames longer or shorter than asked: 1 of 32." in text
        assert "Not known of up to 32 of 32 trials of people" in text
    trials = pd.read_csv(folder / "trials.csv", keep_default_na=False)
    assert set(trials.loc[trials["left_out_by"] != "", "left_out_by"]) == {"did not finish"}
    assert set(trials["not_known"]) == {"hidden blurred resized left_full_screen", " ".join(_not_measured())}
    sidecar = json.loads((folder / "bids" / "task-rapidcategorisation_beh.json").read_text())
    assert sidecar["Exclusions"]["max_stimulus_error_frames"] == "not in the experiment's file"
    assert sidecar["Exclusions"]["min_rt_ms"] == 20.0


def _not_measured():
    """Of a trial that was left in the middle."""
    return [*WINDOW_EVENTS, "stimulus_duration_actual", "fixation_duration_actual"]


def test_an_export_tells_the_rules_of_its_file(spec, tmp_path):
    today = replace(spec, exclusions=ExclusionSpec())
    assert exclusion_rules(today) == asdict(ExclusionSpec())
    write_bids(read_responses(VERSION1 / "people.csv"), today, tmp_path)
    sidecar = json.loads((tmp_path / "task-rapidcategorisation_beh.json").read_text())
    assert sidecar["Exclusions"]["exclude_marked"] == list(WINDOW_EVENTS)
    assert np.isclose(sidecar["Exclusions"]["max_stimulus_error_frames"], 1.5)
